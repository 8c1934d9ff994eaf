// What a watch waits for, in one stream: the next sample's time, a signal, and the end of the process.

internal import Glibc
internal import IPCKit

/// Something that a watch acts on.
enum WatchEvent: Sendable {
  case sample
  case signal(Int32)
  case ended
  case failed(WatchFailure)
}

/// Those who wait, each as a task on the loop.
final class WatchEvents {
  let stream: AsyncStream<WatchEvent>
  private let events: AsyncStream<WatchEvent>.Continuation
  private let loop: EventLoop
  private var tasks: [Task<Void, Never>] = []

  /// Waits for signals, from here on: none of those that come later ends this process by itself.
  /// - Throws: when nobody could read them; then they are not waited for.
  init(signals: [Int32], on loop: EventLoop) throws(WatchFailure) {
    let source: Signals
    do throws(SystemError) { source = try Signals(signals, on: loop) } catch { throw WatchFailure("\(error)") }
    (stream, events) = AsyncStream.makeStream(of: WatchEvent.self)
    self.loop = loop
    tasks.append(Self.heed(source, events, on: loop))
  }

  /// Waits for the times of samples and for the end of a process, which exists, ended or not.
  func begin(_ processID: Int32, every interval: Duration) {
    tasks.append(Self.keepTime(interval, events, on: loop))
    tasks.append(Self.awaitEnd(of: processID, events, on: loop))
  }

  /// Waits for the end by what returns after it.
  func awaitEnd(_ body: @escaping @Sendable () async -> Void) {
    let events = events
    tasks.append(
      Task.immediate(executorPreference: loop) {
        await body()
        events.yield(.ended)
      })
  }

  /// Nobody waits any more.
  func cancel() { for task in tasks { task.cancel() } }

  private typealias Events = AsyncStream<WatchEvent>.Continuation

  nonisolated(nonsending) private static func report(
    to events: Events, _ body: nonisolated(nonsending) () async throws -> Void
  ) async {
    do { try await body() } catch {
      if !Task.isCancelled { events.yield(.failed(WatchFailure("\(error)"))) }
    }
  }

  /// A task cannot be given a source, but what owns it can. The loop's thread alone uses it.
  private final class Signals: @unchecked Sendable {
    let source: SignalSource

    init(_ numbers: [Int32], on loop: EventLoop) throws(SystemError) {
      source = try SignalSource(numbers, on: loop)
    }
  }

  private static func heed(_ signals: Signals, _ events: Events, on loop: EventLoop) -> Task<Void, Never> {
    Task.immediate(executorPreference: loop) {
      await report(to: events) {
        while true { events.yield(.signal(try await signals.source.next())) }
      }
      // Nobody would hear of a signal from here on: it ends as by one.
      if !Task.isCancelled { events.yield(.signal(SIGTERM)) }
    }
  }

  /// The kernel keeps the time, so that what a sample takes does not move the next one. Those that were missed are one.
  private static func keepTime(_ interval: Duration, _ events: Events, on loop: EventLoop) -> Task<Void, Never> {
    Task.immediate(executorPreference: loop) {
      await report(to: events) {
        let timer = try KernelTimer()
        try timer.repeat(every: interval)
        let source = try EventSource(timer.descriptor, on: loop)
        while true {
          try await source.readable()
          if try source.descriptor.takeCount() != nil { events.yield(.sample) }
        }
      }
    }
  }

  private static func awaitEnd(of processID: Int32, _ events: Events, on loop: EventLoop) -> Task<Void, Never> {
    Task.immediate(executorPreference: loop) {
      await report(to: events) {
        do throws(IPCError) {
          try await waitForEnd(of: processID, on: loop)
        } catch {
          // It may have been reaped already.
          guard case .system(let failure) = error, failure.errno == ESRCH else { throw error }
        }
        events.yield(.ended)
      }
    }
  }

  nonisolated(nonsending) private static func waitForEnd(
    of processID: Int32, on loop: EventLoop
  ) async throws(IPCError) {
    let source = try watch(processID, on: loop)
    try await source.readable()
  }

  /// Readable once the process has ended.
  private static func watch(_ processID: Int32, on loop: EventLoop) throws(IPCError) -> EventSource {
    do throws(SystemError) {
      let process = try ProcessHandle(processID: processID)
      return try EventSource(process.descriptor, on: loop)
    } catch {
      throw .system(error)
    }
  }
}
