// Memory that has a descriptor: to be passed to another process, mapped by both, and sealed so that neither can trip the
// other.

internal import CIPCShim
internal import Glibc

/// A file without a name, in memory, that lives as long as a descriptor or a mapping of it.
///
/// ```swift
/// let file = try MemoryFile(named: "table", contents: "hello".utf8Span.span.bytes)
/// try file.seal([.shrink, .grow, .write])
/// let size = try file.withContents { $0.byteCount }
/// ```
///
/// Whoever has the descriptor can read and write the file, and change its size, until it is sealed. It is always ready, so
/// an ``EventSource`` refuses it. Frozen, so that the descriptor can be moved out of it.
@frozen public struct MemoryFile: ~Copyable, Sendable {
  /// The memfd.
  public var descriptor: FileDescriptor

  /// What can no longer be done to a file, by anybody, for as long as it exists. fcntl(2) with F_ADD_SEALS.
  @frozen public struct Seals: OptionSet, Hashable, Sendable {
    /// The kernel's bits.
    public let rawValue: Int32

    /// Seals from the kernel's bits.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// F_SEAL_SEAL: no further seals.
    public static let seal = Seals(rawValue: 0x1)
    /// F_SEAL_SHRINK: it gets no smaller, so that memory that is mapped stays there.
    public static let shrink = Seals(rawValue: 0x2)
    /// F_SEAL_GROW: it gets no larger.
    public static let grow = Seals(rawValue: 0x4)
    /// F_SEAL_WRITE: its contents never change.
    public static let write = Seals(rawValue: 0x8)
    /// F_SEAL_FUTURE_WRITE: only who has a writable mapping already can change its contents.
    public static let futureWrite = Seals(rawValue: 0x10)
    /// F_SEAL_EXEC: it can never be executed. Files of ``MemoryFile/init(named:size:fileID:line:)`` have it from Linux 6.3
    /// on.
    public static let execution = Seals(rawValue: 0x20)
  }

  /// Makes a file of zeros. memfd_create(2) with MFD_CLOEXEC, MFD_ALLOW_SEALING and, from Linux 6.3 on, MFD_NOEXEC_SEAL,
  /// ftruncate(2).
  /// - Parameters:
  ///   - name: shown in /proc/PID/fd, at most 249 bytes; it need not be unique.
  ///   - size: in bytes; memory is used for what is written.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Throws: EINVAL for a name that is too long; EMFILE, ENFILE, ENOMEM.
  public init(
    named name: String, size: Int = 0, fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) {
    // The name is a C string for the length of the call.
    let file = try FileDescriptor(
      checking: unsafe ipc_memory_file(name), "memfd_create", name, at: CallSite(fileID, line))
    if size != 0 { _ = try SystemError.check(ipc_resize(file.number, Int64(size)), "ftruncate", name) }
    descriptor = file
  }

  /// Makes a file of these contents. memfd_create(2), pwrite(2).
  /// - Parameters:
  ///   - name: as there.
  ///   - contents: the bytes, which are copied.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Throws: as ``init(named:size:fileID:line:)``.
  public init(
    named name: String, contents: RawSpan, fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) {
    let file = try MemoryFile(named: name, fileID: fileID, line: line)
    try file.write(contents, at: 0)
    self = file
  }

  /// Takes over a file that another process made, and checks that it is one, and sealed as much as is needed: without
  /// ``Seals/shrink`` its maker can take memory away that is mapped here. fcntl(2) with F_GET_SEALS.
  /// - Throws: EINVAL for what is no such file; EPERM when a seal is missing; the descriptor is closed then.
  public init(_ descriptor: consuming FileDescriptor, sealed needed: Seals) throws(SystemError) {
    let file = MemoryFile(unchecked: descriptor)
    try file.check(needed, for: "accept")
    self = file
  }

  private init(unchecked descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  /// In bytes. fstat(2).
  public var size: Int {
    get throws(SystemError) { Int(try SystemError.check(ipc_size(descriptor.number), "fstat")) }
  }

  /// Changes the size, in bytes; what is added is zero. ftruncate(2).
  /// - Throws: EPERM when a seal forbids it; EINVAL for a negative size; EFBIG beyond RLIMIT_FSIZE, where SIGXFSZ is ignored
  ///   and does not end the process.
  public borrowing func resize(to size: Int) throws(SystemError) {
    _ = try SystemError.check(ipc_resize(descriptor.number, Int64(size)), "ftruncate")
  }

  /// Reads once, from `offset` bytes on. pread(2).
  /// - Returns: how many bytes came: fewer than there is room for at the end, 0 behind it.
  /// - Throws: EINVAL for a negative offset.
  public borrowing func read(at offset: Int, into buffer: inout MutableRawSpan) throws(SystemError) -> Int {
    // The shim writes within the bounds that it is given, and keeps no pointer.
    let got = unsafe buffer.withUnsafeMutableBytes { bytes in
      unsafe bytes.baseAddress.map { unsafe ipc_read_at(descriptor.number, $0, bytes.count, Int64(offset)) } ?? 0
    }
    return Int(try SystemError.check(got, "pread"))
  }

  /// Writes all of `bytes`, from `offset` bytes on; a file that ends before their end grows. pwrite(2).
  /// - Throws: EPERM when a seal forbids it; EINVAL for a negative offset; ENOSPC, EFBIG. A part may be written then.
  public borrowing func write(_ bytes: RawSpan, at offset: Int) throws(SystemError) {
    var (rest, place) = (bytes, Int64(offset))
    while !rest.isEmpty {
      // The shim reads within the bounds that it is given, and keeps no pointer.
      let put = unsafe rest.withUnsafeBytes { bytes in
        unsafe bytes.baseAddress.map { unsafe ipc_write_at(descriptor.number, $0, bytes.count, place) } ?? 0
      }
      _ = try SystemError.check(put, "pwrite")
      rest = rest.extracting(droppingFirst: Int(put))
      place += put
    }
  }
}

// MARK: - Seals

extension MemoryFile {
  /// What is sealed. fcntl(2) with F_GET_SEALS.
  public var seals: Seals {
    get throws(SystemError) {
      Seals(rawValue: try SystemError.check(ipc_seals(descriptor.number), "fcntl F_GET_SEALS"))
    }
  }

  /// Seals it, for good and for everybody, beside what is sealed already. fcntl(2) with F_ADD_SEALS.
  /// - Throws: EBUSY for ``Seals/write`` while somebody has it mapped writable; EPERM after ``Seals/seal``, or when this
  ///   descriptor is not open for writing.
  public borrowing func seal(_ seals: Seals) throws(SystemError) {
    _ = try SystemError.check(ipc_add_seals(descriptor.number, seals.rawValue), "fcntl F_ADD_SEALS")
  }

  /// Lends the contents to `body`, without a copy. mmap(2), munmap(2).
  ///
  /// Safe because of the seals that it asks for: the memory stays, and nobody changes it.
  /// - Throws: EPERM unless it is sealed against shrinking and writing; ENOMEM. What `body` throws comes back as it is.
  public borrowing func withContents<Result: ~Copyable>(
    _ body: (RawSpan) throws(SystemError) -> Result
  ) throws(SystemError) -> Result {
    try check([.shrink, .write], for: "mmap")
    // There is no mapping of nothing.
    guard try size > 0 else { return try body(RawSpan()) }
    let mapping = try MemoryMapping(self, access: .read)
    // Sealed, as was just seen, so that the bytes are the same for as long as the mapping lasts.
    return try body(unsafe mapping.bytes)
  }

  /// Refuses a file that is not sealed as much as is needed.
  borrowing func check(_ needed: Seals, for operation: StaticString) throws(SystemError) {
    guard try seals.isSuperset(of: needed) else {
      throw SystemError(errno: EPERM, operation: "\(operation)", object: "a memory file that is not sealed")
    }
  }
}
