// A number in the kernel that one side adds to and another takes: the cheapest way to wake somebody up.

internal import CIPCShim

/// A counter that is readable while it is not zero.
///
/// ```swift
/// let counter = try EventCounter()
/// try counter.add(3)
/// let count = try counter.next(deadline: .after(.seconds(1)))
/// ```
///
/// Any thread may use it, and any process that has the descriptor. On a loop, move the descriptor to an ``EventSource`` and
/// use ``FileDescriptor/takeCount()``. Frozen, so that it can be moved out of it.
@frozen public struct EventCounter: ~Copyable, Sendable {
  /// The eventfd; non-blocking.
  public var descriptor: FileDescriptor

  /// What a taking takes.
  @frozen public enum Mode: Sendable {
    /// All that has been added since the last time.
    case all
    /// One at a time, as a semaphore's: it stays readable until the rest is taken.
    case one
  }

  /// Makes a counter. eventfd(2) with EFD_CLOEXEC and EFD_NONBLOCK, and EFD_SEMAPHORE for ``Mode/one``.
  /// - Parameters:
  ///   - initial: what it counts at first.
  ///   - mode: what a taking takes.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Throws: EMFILE, ENFILE.
  public init(
    initial: UInt32 = 0, taking mode: Mode = .all, fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) {
    let result = ipc_eventfd(initial, mode == .one ? 1 : 0)
    descriptor = try FileDescriptor(checking: result, "eventfd", at: CallSite(fileID, line))
  }

  /// Adds to the counter, and wakes whoever waits for it. write(2).
  /// - Throws: EAGAIN when the sum would not fit 64 bits; EINVAL for `UInt64.max`.
  public borrowing func add(_ amount: UInt64) throws(SystemError) { try descriptor.addCount(amount) }

  /// Takes what was added, or one of it; nil when the counter is zero. read(2).
  public borrowing func take() throws(SystemError) -> UInt64? { try descriptor.takeCount() }

  /// Blocks until the counter is not zero, and takes. read(2), ppoll(2).
  /// - Throws: ``IPCError/deadlineExceeded(operation:)``.
  public borrowing func next(deadline: Deadline = .never) throws(IPCError) -> UInt64 {
    try descriptor.nextCount(deadline)
  }
}

extension FileDescriptor {
  /// Adds to an eventfd, such as one that an ``EventSource`` has. write(2).
  /// - Throws: EAGAIN when the sum would not fit 64 bits; EINVAL for `UInt64.max`.
  public borrowing func addCount(_ amount: UInt64) throws(SystemError) {
    _ = try SystemError.check(ipc_add_count(number, amount), "write")
  }

  /// Takes the count of an eventfd or the expirations of a timerfd, such as one that an ``EventSource`` has; nil when
  /// there are none. read(2).
  public borrowing func takeCount() throws(SystemError) -> UInt64? {
    var count: UInt64 = 0
    // The shim stores one number and keeps no pointer.
    return try SystemError.check(unsafe ipc_take_count(number, &count), "read") > 0 ? count : nil
  }

  /// Blocks until there is a count, and takes it.
  borrowing func nextCount(_ deadline: Deadline) throws(IPCError) -> UInt64 {
    while true {
      if let count = try IPCError.wrap({ () throws(SystemError) in try takeCount() }) { return count }
      try wait(for: IPC_READABLE, "read", deadline)
    }
  }
}
