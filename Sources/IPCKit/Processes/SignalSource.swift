// Signals as something to await, on the same thread as everything else.

internal import CIPCShim
internal import Glibc

/// Signals that this process takes from a descriptor instead of handlers.
///
/// ```swift
/// let signals = try SignalSource([SIGTERM, SIGINT], on: loop)
/// let first = try await signals.next()
/// ```
public struct SignalSource: ~Copyable {
  private let source: EventSource

  /// Blocks the signals in this thread and takes them from a descriptor. pthread_sigmask(3), signalfd(2).
  ///
  /// Threads that exist already keep theirs unblocked: make it before there are any. The signals stay blocked.
  /// - Precondition: there is at least one signal, or nothing would ever come.
  /// - Throws: EINVAL for a number that is no signal; EMFILE.
  public init(_ signals: [Int32], on loop: EventLoop) throws(SystemError) {
    precondition(!signals.isEmpty, "a source of no signals would wait for ever")
    // The array is valid for the length of the call.
    let result = unsafe signals.withUnsafeBufferPointer { signals -> CInt in
      guard let first = signals.baseAddress else { return -EINVAL }
      return unsafe ipc_signalfd(first, CInt(signals.count))
    }
    source = try EventSource(nonBlocking: FileDescriptor(checking: result, "signalfd"), on: loop)
  }

  /// Waits for the next signal and says which it is.
  /// - Throws: ``IPCError/cancelled``, ``IPCError/deadlineExceeded(operation:)``.
  nonisolated(nonsending) public func next(deadline: Deadline = .never) async throws(IPCError) -> Int32 {
    while true {
      let number = try IPCError.wrap { () throws(SystemError) in
        try SystemError.check(ipc_signalfd_read(source.descriptor.number), "read of signalfd")
      }
      if number > 0 { return number }
      try await source.readable(deadline: deadline)
    }
  }
}
