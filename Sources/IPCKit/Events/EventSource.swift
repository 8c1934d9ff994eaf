// A descriptor that an event loop watches: owned like any other, and forgotten by the loop before it is closed.

internal import CIPCShim
internal import Glibc

/// A descriptor, of any kind that epoll(7) takes, whose readiness a task can await.
///
/// It belongs to its loop: use it in tasks that run there. Where it ends, the registration ends first and the descriptor is
/// closed after it.
///
/// ```swift
/// func drain(_ descriptor: consuming FileDescriptor, on loop: EventLoop) async throws {
///   let source = try EventSource(descriptor, on: loop)
///   try await source.readable(deadline: .after(.seconds(1)))
/// }
/// ```
public struct EventSource: ~Copyable {
  // The order matters: fields end in the order they stand in.
  let registration: Registration
  /// The descriptor; it stays the source's.
  public let descriptor: FileDescriptor

  /// Takes over the descriptor, makes it non-blocking and registers it once, edge-triggered. fcntl(2), epoll_ctl(2).
  /// - Throws: EPERM for what epoll cannot watch, such as a regular file; ENOSPC over the user's limit of watches; the
  ///   descriptor is closed then.
  public init(_ descriptor: consuming FileDescriptor, on loop: EventLoop) throws(SystemError) {
    let descriptor = descriptor
    try descriptor.setNonBlocking(true)
    try self.init(nonBlocking: descriptor, on: loop)
  }

  /// The same for a descriptor that was made non-blocking.
  init(nonBlocking descriptor: consuming FileDescriptor, on loop: EventLoop) throws(SystemError) {
    let descriptor = descriptor
    registration = try Registration(of: descriptor, on: loop)
    self.descriptor = descriptor
  }

  /// The loop that watches it.
  public var loop: EventLoop { registration.loop }

  /// Ends the watching and hands the descriptor back, non-blocking as it is. epoll_ctl(2).
  public consuming func detach() -> FileDescriptor { descriptor }

  /// Waits until there may be something to read, or the peer has ended. Call it after a read returned EAGAIN.
  ///
  /// It may return early: read, and wait again after EAGAIN. Of what has hung up and stays so, as a datagram socket that was
  /// shut down, it returns every 10 ms.
  /// - Throws: ``IPCError/deadlineExceeded(operation:)``, ``IPCError/cancelled``.
  nonisolated(nonsending) public func readable(deadline: Deadline = .never) async throws(IPCError) {
    try await registration.wait(for: .read, deadline, "read")
  }

  /// Waits until there may be room to write, or nobody reads any more. Call it after a write returned EAGAIN.
  ///
  /// Of what has hung up and has no room, as the master of a terminal that nobody has open, it returns every 10 ms.
  /// - Throws: ``IPCError/deadlineExceeded(operation:)``, ``IPCError/cancelled``.
  nonisolated(nonsending) public func writable(deadline: Deadline = .never) async throws(IPCError) {
    try await registration.wait(for: .write, deadline, "write")
  }

  /// Runs `body` until it ends or the other end hangs up, which cancels it.
  /// - Returns: what `body` returned, nil when the other end hung up first.
  nonisolated(nonsending) public func untilHangup<Success: Sendable>(
    _ body: @escaping @Sendable () async -> Success
  ) async -> Success? {
    await registration.untilHangup(body)
  }
}
