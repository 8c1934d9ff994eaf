// A timer that is a descriptor: for whoever waits for descriptors and not on a loop, which has deadlines of its own.

internal import CIPCShim

/// A timer on the monotonic clock, readable once it has expired and until that is taken.
///
/// ```swift
/// let timer = try KernelTimer()
/// try timer.repeat(every: .seconds(1))
/// let expirations = try timer.next(deadline: .after(.seconds(5)))
/// ```
///
/// On a loop, move the descriptor to an ``EventSource`` and use ``FileDescriptor/takeCount()``; a task that only sleeps is
/// better off with ``EventLoop/sleep(until:)``. Frozen, so that the descriptor can be moved out of it.
@frozen public struct KernelTimer: ~Copyable, Sendable {
  /// The timerfd; non-blocking.
  public var descriptor: FileDescriptor

  /// Makes a timer that is not set. timerfd_create(2) with CLOCK_MONOTONIC, TFD_CLOEXEC and TFD_NONBLOCK.
  /// - Parameters:
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Throws: EMFILE, ENFILE.
  public init(fileID: StaticString = #fileID, line: UInt32 = #line) throws(SystemError) {
    descriptor = try FileDescriptor(checking: ipc_timerfd(), "timerfd_create", at: CallSite(fileID, line))
  }

  /// Expires once at that moment, and at once when it has passed. What was set before, or has expired and was not taken, is
  /// forgotten, here and below. timerfd_settime(2) with TFD_TIMER_ABSTIME.
  /// - Parameter deadline: ``Deadline/never`` is as good as ``clear()``.
  public borrowing func set(at deadline: Deadline) throws(SystemError) {
    // The kernel takes 0 for a timer that is not set.
    try set(deadline == .never ? 0 : max(1, deadline.nanoseconds), 0)
  }

  /// Expires once after that time, to the nanosecond; at once when it is not positive. timerfd_settime(2).
  public borrowing func set(after duration: Duration) throws(SystemError) { try set(at: .after(duration)) }

  /// Expires after that time, and again each time that it has passed. timerfd_settime(2).
  /// - Precondition: the time is positive; less than a nanosecond counts as one.
  public borrowing func `repeat`(every duration: Duration) throws(SystemError) {
    precondition(duration > .zero, "a timer cannot expire without end at once")
    let interval = max(1, Deadline(nanoseconds: 0).advanced(by: duration).nanoseconds)
    let first = Deadline.after(.nanoseconds(interval))
    try set(first == .never ? 0 : first.nanoseconds, interval)
  }

  /// Is not set any more. timerfd_settime(2).
  public borrowing func clear() throws(SystemError) { try set(0, 0) }

  /// How often it has expired since the last time; nil when it has not. read(2).
  public borrowing func take() throws(SystemError) -> UInt64? { try descriptor.takeCount() }

  /// Blocks until it has expired; answers how often since the last time. read(2), ppoll(2).
  /// - Throws: ``IPCError/deadlineExceeded(operation:)``.
  public borrowing func next(deadline: Deadline = .never) throws(IPCError) -> UInt64 {
    try descriptor.nextCount(deadline)
  }

  private borrowing func set(_ first: Int64, _ interval: Int64) throws(SystemError) {
    _ = try SystemError.check(ipc_set_timerfd(descriptor.number, first, interval), "timerfd_settime")
  }
}
