// Signals as something to await, on the same thread as everything else.

/// Signals that a task on a loop takes from a descriptor instead of handlers.
///
/// ```swift
/// func untilToldToEnd(on loop: EventLoop) async throws {
///   let signals = try SignalSource([SIGTERM, SIGINT], on: loop)
///   print("ended by signal \(try await signals.next())")
/// }
/// ```
public struct SignalSource: ~Copyable {
  private let source: EventSource

  /// Blocks the signals in this thread and takes them from a descriptor, as ``SignalQueue/init(_:fileID:line:)`` does, on a
  /// loop.
  /// - Parameters:
  ///   - signals: their numbers.
  ///   - loop: where they are awaited.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Precondition: there is at least one signal.
  /// - Throws: EINVAL for a number that is no signal; EMFILE.
  public init(
    _ signals: [Int32], on loop: EventLoop, fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) {
    let queue = try SignalQueue(signals, fileID: fileID, line: line)
    source = try EventSource(nonBlocking: queue.descriptor, on: loop)
  }

  /// Waits for the next signal and says which it is.
  /// - Throws: ``IPCError/cancelled``, ``IPCError/deadlineExceeded(operation:)``.
  nonisolated(nonsending) public func next(deadline: Deadline = .never) async throws(IPCError) -> Int32 {
    try await nextSignal(deadline: deadline).number
  }

  /// Waits for the next signal and tells who sent it too.
  /// - Throws: ``IPCError/cancelled``, ``IPCError/deadlineExceeded(operation:)``.
  nonisolated(nonsending) public func nextSignal(
    deadline: Deadline = .never
  ) async throws(IPCError) -> ReceivedSignal {
    while true {
      let signal = try IPCError.wrap { () throws(SystemError) in try source.descriptor.takeSignal() }
      if let signal { return signal }
      try await source.readable(deadline: deadline)
    }
  }
}
