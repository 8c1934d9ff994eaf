// Bytes in and out of any descriptor: one call as the kernel does it, or all of it until a deadline.

internal import CIPCShim
internal import Glibc

extension FileDescriptor {
  /// Reads once into `buffer`. read(2), repeated only when a signal interrupts it.
  /// - Returns: how many bytes came, 0 at the end of the file.
  /// - Throws: the errno of read(2), among them EAGAIN where the descriptor is non-blocking and nothing has come.
  public borrowing func read(into buffer: inout MutableRawSpan) throws(SystemError) -> Int {
    // The shim writes within the bounds that it is given, and keeps no pointer.
    let got = unsafe buffer.withUnsafeMutableBytes { bytes in
      unsafe bytes.baseAddress.map { unsafe ipc_read(number, $0, bytes.count) } ?? 0
    }
    return Int(try SystemError.check(got, "read"))
  }

  /// Writes once. write(2), or send(2) on a socket; never raises SIGPIPE.
  /// - Returns: how many bytes were taken, which may be fewer than given.
  /// - Throws: the errno of write(2): EPIPE when the reader is gone, EAGAIN where a non-blocking descriptor is full.
  public borrowing func write(_ bytes: RawSpan) throws(SystemError) -> Int {
    // The shim reads within the bounds that it is given, and keeps no pointer.
    let put = unsafe bytes.withUnsafeBytes { bytes -> Int64 in
      guard let start = bytes.baseAddress else { return 0 }
      let sent = unsafe ipc_send(number, start, bytes.count)
      return unsafe sent == -Int64(ENOTSOCK) ? ipc_write_without_signal(number, start, bytes.count) : sent
    }
    return Int(try SystemError.check(put, "write"))
  }

  /// Reads once into `buffer`, waiting until something has come or the deadline passes. ppoll(2), read(2).
  ///
  /// Works on blocking and on non-blocking descriptors. Where several read the same blocking one, another may be faster, and
  /// this waits beyond its deadline.
  /// - Returns: how many bytes came, 0 at the end of the file.
  /// - Throws: ``IPCError/system(_:)``, ``IPCError/deadlineExceeded(operation:)``.
  public borrowing func read(into buffer: inout MutableRawSpan, deadline: Deadline) throws(IPCError) -> Int {
    var hangups = Hangups()
    if deadline != .never { hangups.note(try wait(for: IPC_READABLE, "read", deadline)) }
    while true {
      do throws(SystemError) {
        return try read(into: &buffer)
      } catch  where error.errno == EAGAIN {
        if hangups.areFinal { throw .system(.shutDown("read")) }
        hangups.note(try wait(for: IPC_READABLE, "read", deadline))
      } catch {
        throw .system(error)
      }
    }
  }

  /// Writes once, waiting until some bytes are taken or the deadline passes. ppoll(2), then as ``write(_:)``.
  ///
  /// A deadline can only be kept where the descriptor is non-blocking: a blocking write(2) takes all.
  /// - Returns: how many bytes were taken, which may be fewer than given.
  /// - Throws: ``IPCError/system(_:)`` with EPIPE when the reader is gone, EIO for a terminal's full master while nobody
  ///   has the terminal open; ``IPCError/deadlineExceeded(operation:)``.
  public borrowing func write(_ bytes: RawSpan, deadline: Deadline) throws(IPCError) -> Int {
    var hangups = Hangups()
    if deadline != .never { hangups.note(try wait(for: IPC_WRITABLE, "write", deadline)) }
    while true {
      do throws(SystemError) {
        return try write(bytes)
      } catch  where error.errno == EAGAIN {
        if hangups.areFinal { throw .system(.hungUp("write")) }
        hangups.note(try wait(for: IPC_WRITABLE, "write", deadline))
      } catch {
        throw .system(error)
      }
    }
  }

  /// Writes all of `bytes`, waiting whenever the peer is slow, until the deadline.
  ///
  /// Works on blocking and on non-blocking descriptors; never raises SIGPIPE. A deadline can only be kept where the
  /// descriptor is non-blocking: a blocking write(2) that has begun is not interrupted.
  /// - Throws: ``IPCError/system(_:)`` with EPIPE when the reader is gone, EIO for a terminal's full master while nobody
  ///   has the terminal open; ``IPCError/deadlineExceeded(operation:)``. How much was written by then is not told.
  public borrowing func writeAll(_ bytes: RawSpan, deadline: Deadline = .never) throws(IPCError) {
    var rest = bytes
    while !rest.isEmpty { rest = rest.extracting(droppingFirst: try write(rest, deadline: deadline)) }
  }

  /// Writes all of `bytes`, as ``writeAll(_:deadline:)-(RawSpan,_)`` does.
  public borrowing func writeAll(_ bytes: [UInt8], deadline: Deadline = .never) throws(IPCError) {
    // Bytes seen as raw bytes: nothing is reinterpreted.
    try unsafe writeAll(bytes.span.bytes, deadline: deadline)
  }

  /// Writes all of `text` as UTF-8, as ``writeAll(_:deadline:)-(RawSpan,_)`` does.
  public borrowing func writeAll(_ text: String, deadline: Deadline = .never) throws(IPCError) {
    try writeAll(Array(text.utf8), deadline: deadline)
  }

  /// Waits for readiness with ppoll(2).
  /// - Returns: whether nothing more will come, beside what has.
  @discardableResult
  package borrowing func wait(
    for events: UInt32, _ operation: StaticString, _ deadline: Deadline
  ) throws(IPCError) -> Bool {
    let asked = events & IPC_READABLE != 0 ? events | IPC_READ_HANGUP : events
    while true {
      let remaining = deadline.remainingNanoseconds
      switch ipc_poll(number, asked, remaining) {
      case -EINTR: continue
      case 0 where remaining >= 0 && deadline.hasPassed: throw .deadlineExceeded(operation: "\(operation)")
      case 0: continue
      case let failed where failed < 0: throw .system(SystemError(errno: -failed, operation: "ppoll"))
      case let came: return UInt32(came) & (IPC_HANGUP | IPC_READ_HANGUP) != 0
      }
    }
  }
}

extension FileDescriptor {
  /// Whether nobody is at the other end any more. ppoll(2).
  package var hasHungUp: Bool {
    let came = ipc_poll(number, 0, 0)
    return came > 0 && UInt32(came) & IPC_HANGUP != 0
  }

  /// Whether nothing more will come, beside what has: the other end may still take what it is sent. ppoll(2).
  package var hasReadHangup: Bool {
    let came = ipc_poll(number, IPC_READ_HANGUP, 0)
    return came > 0 && UInt32(came) & (IPC_HANGUP | IPC_READ_HANGUP) != 0
  }
}

/// What poll(2) said of a descriptor before each EAGAIN. Once may be chance: the last writer of a FIFO goes, and before it
/// is read another one opens it. Who is told so time after time would wait in vain.
struct Hangups {
  private var inARow = 0

  /// Whether waiting has an end.
  var areFinal: Bool { inARow >= 3 }

  mutating func note(_ hasHungUp: Bool) { inARow = hasHungUp ? inARow + 1 : 0 }
}

extension SystemError {
  /// A socket that waits for others, and that somebody who shares it has shut down: it is ready for ever, with nothing.
  static func shutDown(_ operation: StaticString) -> SystemError {
    SystemError(errno: ESHUTDOWN, operation: "\(operation)")
  }

  /// A terminal that nobody has open, and which is full: nobody makes room, while poll(2) does not wait.
  static func hungUp(_ operation: StaticString) -> SystemError { SystemError(errno: EIO, operation: "\(operation)") }
}
