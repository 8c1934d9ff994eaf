// Small pieces out as few writes: the counterpart of the reader, and as much the owner of its descriptor.

internal import Glibc

/// Collects bytes and writes them to a descriptor that it owns.
///
/// Nothing is lost silently: bytes reach the descriptor when the buffer is full and with ``flush(deadline:)`` or
/// ``close(deadline:)``, which tell of failures. A writer that just ends closes its descriptor and drops what it had not
/// written, because an end cannot report that writing failed.
///
/// ```swift
/// func list(_ names: [String], to descriptor: consuming FileDescriptor) throws(IPCError) {
///   var writer = BufferedWriter(descriptor)
///   for name in names { try writer.write(name + "\n") }
///   try writer.close(deadline: .after(.seconds(5)))
/// }
/// ```
public struct BufferedWriter: ~Copyable, Sendable {
  /// The descriptor it writes to; it stays the writer's.
  public let descriptor: FileDescriptor

  private var buffer: [UInt8] = []
  private let capacity: Int

  /// Takes over the descriptor.
  /// - Parameters:
  ///   - descriptor: closed when the writer ends, unless ``detach(deadline:)`` hands it back.
  ///   - capacity: how many bytes are collected before they are written.
  public init(_ descriptor: consuming FileDescriptor, capacity: Int = 1 << 16) {
    precondition(capacity > 0, "a writer needs room")
    self.descriptor = descriptor
    self.capacity = capacity
  }

  /// Adds bytes; writes when the buffer is full. write(2), or send(2) on a socket; ppoll(2).
  /// - Throws: ``IPCError/system(_:)`` with EPIPE when the reader is gone, and never SIGPIPE;
  ///   ``IPCError/deadlineExceeded(operation:)`` when the reader is too slow. How much was written by then is not told.
  public mutating func write(_ bytes: some Collection<UInt8>, deadline: Deadline = .never) throws(IPCError) {
    buffer.append(contentsOf: bytes)
    if buffer.count >= capacity { try flush(deadline: deadline) }
  }

  /// Adds text as UTF-8; as ``write(_:deadline:)-(Collection<UInt8>,_)``.
  public mutating func write(_ text: String, deadline: Deadline = .never) throws(IPCError) {
    try write(text.utf8, deadline: deadline)
  }

  /// Writes what was collected, waiting whenever the reader is slow, until the deadline.
  /// - Throws: as ``write(_:deadline:)-(Collection<UInt8>,_)``; what was collected is dropped then.
  public mutating func flush(deadline: Deadline = .never) throws(IPCError) {
    defer { buffer.removeAll(keepingCapacity: true) }
    // Bytes seen as raw bytes: nothing is reinterpreted.
    try unsafe descriptor.writeAll(buffer.span.bytes, deadline: deadline)
  }

  /// Writes what was collected and closes the descriptor, which happens whether writing fails or not.
  public consuming func close(deadline: Deadline = .never) throws(IPCError) {
    let descriptor = try detach(deadline: deadline)
    do throws(SystemError) { try descriptor.close() } catch { throw .system(error) }
  }

  /// Writes what was collected and hands the descriptor back; it is closed when writing fails.
  public consuming func detach(deadline: Deadline = .never) throws(IPCError) -> FileDescriptor {
    try flush(deadline: deadline)
    return descriptor
  }
}
