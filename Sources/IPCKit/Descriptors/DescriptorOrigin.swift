// Where in the source a descriptor was made: what the number of one that was forgotten does not tell.

internal import CIPCShim

/// The line of a program that made a descriptor.
///
/// With IPCKIT_ORIGINS in the environment, set to something that is not 0, IPCKit keeps for each descriptor that it owns
/// the file and the line that called for it. Every function that makes a descriptor, or takes one in that another process
/// has made, is told by its last two arguments, whose defaults are those of the call: leave them out, or hand on those of
/// your own caller. Of what a server accepts and receives it is the line that made the server, of what a reader receives
/// the one that made the reader; what IPCKit needs for itself for a moment has a line of IPCKit's.
///
/// ```swift
/// DescriptorOrigin.isRecording = true
/// let pipe = try Pipe()
/// let number = pipe.reading.release()
/// print(DescriptorOrigin.of(descriptor: number)?.description ?? "unknown")  // Example/main.swift:2
/// ```
///
/// It moves with the descriptor from owner to owner, and is forgotten when the descriptor is closed. One that was
/// ``FileDescriptor/release()``d keeps it until its number has another owner. While nothing is recorded, all of that costs a
/// descriptor less than twenty instructions.
public struct DescriptorOrigin: Hashable, Sendable {
  /// The module and the name of the file: what `#fileID` is there.
  public let fileID: String
  /// The line in it, from 1 on.
  public let line: Int

  /// Whether IPCKit records, in this whole process: from the beginning what IPCKIT_ORIGINS says, which a program that runs
  /// with more rights than its caller does not look at. secure_getenv(3).
  ///
  /// Descriptors that were made before it was switched on have no origin, and switching it off forgets those of all. Any
  /// thread may ask and switch.
  public static var isRecording: Bool {
    get { ipc_records_origins() != 0 }
    set { ipc_set_records_origins(newValue ? 1 : 0) }
  }

  /// Where the descriptor was made that has this number.
  /// - Returns: nil for one that IPCKit has not made, and has not been given to own, or not since it records.
  public static func of(descriptor number: Int32) -> DescriptorOrigin? {
    var file: UnsafePointer<CChar>?
    var line: UInt32 = 0
    // The shim stores both and keeps no pointer; the file's name is a literal, which lives as long as the program.
    guard unsafe ipc_origin(number, &file, &line) != 0, let file = unsafe file else { return nil }
    return DescriptorOrigin(fileID: unsafe String(cString: file), line: Int(line))
  }
}

extension DescriptorOrigin: CustomStringConvertible {
  /// As `Module/File.swift:12`.
  public var description: String { "\(fileID):\(line)" }
}

/// A line of somebody's source, on its way from the function that was called to the descriptor that it makes. Nothing looks
/// at it while nothing is recorded: all that it costs then is to be handed on.
struct CallSite: Sendable {
  let fileID: StaticString
  let line: UInt32

  @inline(__always)
  init(_ fileID: StaticString, _ line: UInt32) { (self.fileID, self.line) = (fileID, line) }

  /// The line that this is called on: for a descriptor that no caller has asked for.
  @inline(__always)
  static func here(fileID: StaticString = #fileID, line: UInt32 = #line) -> CallSite { CallSite(fileID, line) }

  /// Keeps it as where the descriptor of that number was made, in place of what was kept.
  /// - Returns: the number, so that the caller need not keep it meanwhile: that would cost more than the look at the flag.
  @inline(__always)
  func recorded(_ number: CInt) -> CInt { ipc_records_origins() != 0 ? keep(number) : number }

  @inline(never)
  private func keep(_ number: CInt) -> CInt {
    // C's characters are bytes. A literal's end with a NUL, and live as long as the program.
    let file = unsafe UnsafeRawPointer(fileID.utf8Start).assumingMemoryBound(to: CChar.self)
    unsafe ipc_record_origin(number, file, line)
    return number
  }
}
