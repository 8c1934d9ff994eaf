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
struct WatchEvents {
  let stream: AsyncStream<WatchEvent>
  private let tasks: [Task<Void, Never>]

  /// - Parameter processID: whose end is waited for; it exists, ended or not.
  init(of processID: Int32, every interval: Duration, signals: [Int32], on loop: EventLoop) {
    let (stream, events) = AsyncStream.makeStream(of: WatchEvent.self)
    self.stream = stream
    // Started at once: what is sent from here on is seen.
    tasks = [
      Task.immediate(executorPreference: loop) {
        await Self.report(to: events) { try await Self.heed(signals, events, on: loop) }
      },
      Task.immediate(executorPreference: loop) {
        await Self.report(to: events) { try await Self.keepTime(interval, events, on: loop) }
      },
      Task.immediate(executorPreference: loop) {
        await Self.report(to: events) { try await Self.awaitEnd(of: processID, events, on: loop) }
      },
    ]
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

  nonisolated(nonsending) private static func heed(
    _ signals: [Int32], _ events: Events, on loop: EventLoop
  ) async throws {
    let source = try SignalSource(signals, on: loop)
    while true { events.yield(.signal(try await source.next())) }
  }

  /// The kernel keeps the time, so that what a sample takes does not move the next one. Those that were missed are one.
  nonisolated(nonsending) private static func keepTime(
    _ interval: Duration, _ events: Events, on loop: EventLoop
  ) async throws {
    let timer = try KernelTimer()
    try timer.repeat(every: interval)
    let source = try EventSource(timer.descriptor, on: loop)
    while true {
      try await source.readable()
      if try source.descriptor.takeCount() != nil { events.yield(.sample) }
    }
  }

  nonisolated(nonsending) private static func awaitEnd(
    of processID: Int32, _ events: Events, on loop: EventLoop
  ) async throws {
    do throws(IPCError) {
      try await waitForEnd(of: processID, on: loop)
    } catch {
      // It may have been reaped already.
      guard case .system(let failure) = error, failure.errno == ESRCH else { throw error }
    }
    events.yield(.ended)
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
