// What a process holds, read from the kernel's own list: the number that the leak story should have had from the start.

internal import Glibc

/// The descriptors of a process at one moment.
///
/// ```swift
/// let before = try DescriptorCensus()
/// print(before.count, before.kinds)
/// ```
public struct DescriptorCensus: Hashable, Sendable {
  /// What each number leads to, in the kernel's words: a path, or `socket:[123]`.
  public let targets: [Int32: String]

  /// How many there are.
  public var count: Int { targets.count }

  /// Reads /proc/PID/fd. opendir(3), readlink(2).
  ///
  /// The descriptor that the reading itself needs is not counted. Other descriptors may come and go meanwhile.
  /// - Parameter processID: nil for this process.
  /// - Throws: ENOENT when there is no such process, EACCES when it is another user's.
  public init(processID: Int32? = nil) throws(SystemError) {
    let path = "/proc/\(processID.map(String.init) ?? "self")/fd"
    guard let directory = unsafe opendir(path) else { throw SystemError(errno: errno, operation: "open", object: path) }
    defer { unsafe closedir(directory) }
    let own = processID == nil || processID == getpid() ? unsafe dirfd(directory) : -1
    var targets: [Int32: String] = [:]
    while let entry = unsafe readdir(directory) {
      // d_name is a C string within the entry, valid until the next one is read.
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) {
        unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard let number = Int32(name), number != own else { continue }
      if let target = Self.target(of: "\(path)/\(name)") { targets[number] = target }
    }
    self.targets = targets
  }

  /// How many descriptors there are of each kind: `socket`, `pipe`, `eventpoll`, `terminal`, `file` and so on.
  public var kinds: [String: Int] {
    targets.values.reduce(into: [:]) { $0[Self.kind(of: $1), default: 0] += 1 }
  }

  /// The kind of what a number leads to.
  public static func kind(of target: String) -> String {
    if let colon = target.firstIndex(of: ":"), !target.hasPrefix("/") {
      guard target.hasPrefix("anon_inode:") else { return String(target[..<colon]) }
      return target[target.index(after: colon)...].filter { $0 != "[" && $0 != "]" }
    }
    if target == "/dev/ptmx" || target.hasSuffix("/ptmx") { return "terminal" }
    if target.hasPrefix("/dev/pts/") { return "terminal side" }
    return target.hasPrefix("/dev/") ? "device" : "file"
  }

  /// Where a link leads; nil when the descriptor was closed meanwhile.
  private static func target(of path: String) -> String? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    // readlink writes within the bounds that it is given.
    let length = unsafe buffer.withUnsafeMutableBytes { buffer in
      unsafe buffer.baseAddress.map { unsafe readlink(path, $0.assumingMemoryBound(to: CChar.self), buffer.count) }
        ?? -1
    }
    return length < 0 ? nil : String(decoding: buffer[..<length], as: UTF8.self)
  }
}
