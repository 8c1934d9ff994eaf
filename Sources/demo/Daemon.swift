// A windowd of the demo's own, on a socket that nobody else knows, and windowctl to talk to it.

internal import Glibc
internal import IPCKit
internal import WindowProtocol

/// What went wrong in the demo itself.
struct DemoError: Error, CustomStringConvertible {
  let description: String
}

/// A daemon that the demo started.
final class Daemon {
  let socketPath: String
  private let directory: String
  private let programs: String
  private let process: DetachedProcess

  var processID: Int32 { process.processID }

  /// How long anything here may take.
  private static let patience = Duration.seconds(10)

  /// Starts windowd from the directory that this program is in.
  init() throws {
    directory = try Self.makeDirectory()
    socketPath = directory + "/windowd.sock"
    let own = CommandLine.arguments[0]
    programs = own.lastIndex(of: "/").map { String(own[...$0]) } ?? ""
    let pipe = try Pipe()
    let command = Command(
      arguments: [programs + "windowd", "--socket", socketPath, "--detached"], environment: .inherited)
    process = try DetachedProcess(command, output: pipe.writing, deadline: .after(Self.patience))
    try pipe.writing.close()
    var output = BufferedReader(pipe.reading)
    while let line = try output.nextLine(as: String.self, deadline: .after(Self.patience)) {
      if line == DaemonStatus.readyLine { return }
    }
    remains.clear()
    throw DemoError(description: "windowd did not come up")
  }

  /// What a demo must not leave behind, however it ends.
  struct Remains: Sendable {
    let processID: Int32
    let directory: String

    /// Ends the daemon, waits for that, and removes its directory.
    func clear() {
      kill(processID, SIGTERM)
      waitpid(processID, nil, 0)
      // Paths are C strings for the length of each call.
      unsafe unlink(directory + "/windowd.sock.lock")
      unsafe rmdir(directory)
    }
  }

  var remains: Remains { Remains(processID: processID, directory: directory) }

  /// Runs windowctl and returns what it printed.
  func windowctl(_ arguments: String..., expecting expected: ExitStatus = .exited(0)) throws -> String {
    let pipe = try Pipe()
    let command = Command(
      arguments: [programs + "windowctl"] + arguments.prefix(1) + ["--socket", socketPath] + arguments.dropFirst(),
      environment: .inherited)
    let client = try DetachedProcess(command, output: pipe.writing, deadline: .after(Self.patience))
    try pipe.writing.close()
    var output = BufferedReader(pipe.reading)
    var lines: [String] = []
    while let line = try output.nextLine(as: String.self, deadline: .after(Self.patience)) { lines.append(line) }
    let status = try client.exit(deadline: .after(Self.patience))
    guard status == expected else {
      throw DemoError(description: "windowctl \(arguments.joined(separator: " ")): \(lines.joined(separator: "; "))")
    }
    return lines.joined(separator: "\n")
  }

  /// Connects, sends what is given, and leaves without a word.
  func send(_ bytes: [UInt8], readingReply: Bool) throws {
    let deadline = Deadline.after(Self.patience)
    let stream = try UnixStream(connectingTo: .path(socketPath), trusting: .sameUser, deadline: deadline)
    // Bytes seen as raw bytes: nothing is reinterpreted.
    try unsafe stream.descriptor.writeAll(bytes.span.bytes, deadline: deadline)
    guard readingReply else { return }
    var reader = BufferedReader(stream.descriptor)
    _ = try reader.nextLine(deadline: deadline)
  }

  /// Its descriptors once it has as many windows, and has closed what earlier clients have left.
  func census(windows: Int) throws -> DescriptorCensus {
    let deadline = Deadline.after(Self.patience)
    while !deadline.hasPassed {
      let line = try windowctl("status", "--json")
      let status = try WireFormat.decode(Reply.Status.self, from: Array(line.utf8))
      let census = try DescriptorCensus(processID: processID)
      let sockets = census.descriptors.count { if case .socket = $0.kind { true } else { false } }
      // The listening socket and the children's pair alone: the connection that just asked has been closed too.
      if status.windows == windows, sockets == 3 { return census }
      usleep(5_000)
    }
    throw DemoError(description: "windowd does not come to rest")
  }

  private static func makeDirectory() throws -> String {
    var template = Array("/tmp/windowd-demo-XXXXXX".utf8CString)
    // mkdtemp replaces the last six characters in place.
    let made = unsafe template.withUnsafeMutableBufferPointer {
      unsafe $0.baseAddress.flatMap { unsafe mkdtemp($0) } != nil
    }
    guard made else { throw SystemError(errno: errno, operation: "mkdtemp", object: "/tmp") }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
