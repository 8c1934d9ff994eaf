// A memory file as memory, shared with every process that has it mapped: the one owner of an mmap(2).

internal import CIPCShim
internal import Glibc

/// The memory of a ``MemoryFile``: what is written to it is in the file, and in every other mapping of it, at once.
///
/// The memory stays valid for as long as the mapping lives, whatever others do, because a file that could shrink is not
/// mapped. The bytes in it are a different matter: another process can change them at any moment. So they are copied in and
/// out; who knows that nobody does may look at them in place, and says `unsafe`.
///
/// ```swift
/// let file = try MemoryFile(named: "ring", size: 1 << 18)
/// try file.seal([.shrink, .grow])
/// var memory = try MemoryMapping(file, access: .readAndWrite)
/// memory.copy("hello".utf8Span.span.bytes, to: 0)
/// ```
///
/// It does not need the file's descriptor any more. Not generic, and with a deinit that unmaps.
@safe public struct MemoryMapping: ~Copyable, @unchecked Sendable {
  // Sendable, because the address is this value's alone, as a descriptor's number is.
  private let base: UnsafeMutableRawPointer
  /// How many bytes there are: as many as the file had.
  public let byteCount: Int
  /// What can be done with the bytes.
  public let access: Access

  /// What can be done with the bytes of a mapping.
  @frozen public enum Access: Hashable, Sendable {
    /// Reading alone.
    case read
    /// Reading and writing.
    case readAndWrite
  }

  /// Maps the whole file. fcntl(2) with F_GET_SEALS, fstat(2), mmap(2) with MAP_SHARED.
  /// - Throws: EPERM unless the file is sealed against shrinking, and for writing to one that is sealed against that; EACCES
  ///   for writing through a descriptor that is open for reading; EINVAL for an empty file; ENOMEM.
  public init(_ file: borrowing MemoryFile, access: Access) throws(SystemError) {
    try file.check(.shrink, for: "mmap")
    let size = try file.size
    var address: UnsafeMutableRawPointer?
    let isWritable: Int32 = access == .readAndWrite ? 1 : 0
    // The shim stores the address, which nobody else has.
    let result = unsafe ipc_map(file.descriptor.number, size, isWritable, &address)
    _ = try SystemError.check(result, "mmap")
    guard let address = unsafe address else { preconditionFailure("mmap succeeded and gave no address") }
    unsafe base = address
    byteCount = size
    self.access = access
  }

  deinit {
    // Mapped by init with this size; views of it cannot outlive it.
    let result = unsafe ipc_unmap(base, byteCount)
    assert(result == 0, "a mapping was unmapped behind its owner's back")
  }
}

// MARK: - Copies

extension MemoryMapping {
  /// Copies bytes out, from `offset` bytes on, until `buffer` is full. A process that writes at the same moment may be seen
  /// in the middle of it.
  /// - Precondition: there are as many bytes from there on.
  public borrowing func copy(from offset: Int, into buffer: inout MutableRawSpan) {
    let count = buffer.byteCount
    check(offset, count)
    // Within the mapping, as was just checked, and of the buffer's own size.
    unsafe buffer.withUnsafeMutableBytes { unsafe $0.copyMemory(from: .init(start: base + offset, count: count)) }
  }

  /// Copies bytes in, from `offset` bytes on.
  /// - Precondition: there is room for them from there on, and ``access`` allows it.
  public mutating func copy(_ bytes: RawSpan, to offset: Int) {
    checkWritable()
    check(offset, bytes.byteCount)
    // Within the mapping, as was just checked.
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe UnsafeMutableRawBufferPointer(start: base + offset, count: bytes.count).copyMemory(from: bytes)
    }
  }

  /// Gives the memory of these bytes back, for every mapping of the file: they are zero from now on. madvise(2) with
  /// MADV_REMOVE.
  /// - Precondition: the bytes are there, they are whole pages, and ``access`` allows it.
  /// - Throws: EPERM when the file is sealed against writing.
  public mutating func discard(_ range: Range<Int>) throws(SystemError) {
    checkWritable()
    check(range.lowerBound, range.count)
    // Within the mapping, as was just checked.
    _ = try SystemError.check(unsafe ipc_discard(base + range.lowerBound, range.count), "madvise MADV_REMOVE")
  }

  private func check(_ offset: Int, _ count: Int) {
    precondition(offset >= 0 && offset <= byteCount && count <= byteCount - offset, "outside the mapping")
  }

  private func checkWritable() { precondition(access == .readAndWrite, "the mapping is for reading alone") }
}

// MARK: - In place

extension MemoryMapping {
  /// The bytes, without a copy.
  ///
  /// Unsafe because nothing can check the promise it takes: that nobody writes to the file while they are looked at, in this
  /// process or another. ``MemoryFile/withContents(_:)`` has no need of it.
  @unsafe public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = unsafe RawSpan(_unsafeStart: UnsafeRawPointer(base), byteCount: byteCount)
      // The memory lives as long as this value.
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// The bytes, to be changed in place.
  ///
  /// Unsafe because nothing can check the promise it takes: that nobody else reads them meanwhile and relies on what it
  /// finds, nor writes.
  /// - Precondition: ``access`` allows it.
  @unsafe public var mutableBytes: MutableRawSpan {
    @_lifetime(&self)
    mutating get {
      checkWritable()
      let span = unsafe MutableRawSpan(_unsafeStart: base, byteCount: byteCount)
      // The memory lives as long as this value, and is not borrowed otherwise meanwhile.
      return unsafe _overrideLifetime(span, mutating: &self)
    }
  }
}
