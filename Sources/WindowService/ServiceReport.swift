// What the daemon tells the service manager that started it: what `systemctl status` shows.

internal import IPCKit

/// Keeps the service manager informed.
struct ServiceReport: Sendable {
  private let notifier: ServiceNotifier
  private let loop: EventLoop
  private let log: Log

  /// How long a change may wait for others, so that a busy daemon does not make its manager busy.
  private static let pause = Duration.milliseconds(250)

  init(_ notifier: ServiceNotifier, on loop: EventLoop, log: Log) {
    self.notifier = notifier
    self.loop = loop
    self.log = log
  }

  /// Says what is so now, after all that was said before, and goes on: a manager that is too busy to hear it holds up
  /// nobody. One that does not hear it acts on that.
  /// - Returns: what ends once it was said.
  @discardableResult
  func tell(_ states: ServiceState...) -> Task<Void, Never> {
    // At once, so that nothing that is said later is said before.
    Task.immediate(executorPreference: loop) { await say(states) }
  }

  private func say(_ states: [ServiceState]) async {
    do throws(SystemError) {
      try await notifier.notify(states)
    } catch {
      log.write(.warning, "the service manager is not told: \(error)")
    }
  }

  /// Keeps the line of the manager's status up to date until the task is cancelled.
  func follow(_ changes: AsyncStream<Void>, _ windows: WindowTable, _ counters: Counters) async {
    guard notifier.manager.isPresent else { return }
    var told: String?
    for await _ in changes {
      let line = await Self.line(windows: windows.count, connections: counters.connections)
      if line != told { await tell(.status(line)).value }
      told = line
      await loop.sleep(until: .after(Self.pause))
    }
  }

  static func line(windows: Int, connections: Int) -> String {
    "\(windows) \(windows == 1 ? "window" : "windows"), \(connections) \(connections == 1 ? "connection" : "connections")"
  }
}
