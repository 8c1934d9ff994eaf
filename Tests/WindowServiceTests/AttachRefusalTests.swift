// What is no terminal, and clients that hold an attachment wrong: each hears why, and windowd keeps nothing of it.

internal import CIPCShim
internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

private let strace = "/usr/bin/strace"

@Suite(.leakFree, .timeLimit(.minutes(5))) struct AttachRefusalTests {
  @Test func whatIsNoTerminalIsRefusedAndClosed() throws {
    try withDaemon { daemon in
      let id = try daemon.create("cat")
      let atRest = try daemon.descriptorsAtRest()
      let pipe = try Pipe()
      let answer = try daemon.attachment(of: id, lending: pipe.reading)
      #expect(answer?.contains("what came with the message cannot show a window") == true)
      for path in ["/dev/null", "/proc/self/status", "/", "/dev/ptmx", "/dev/zero"] {
        let number = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        try #require(number >= 0)
        // Opened in the line above, for us alone.
        let file = unsafe FileDescriptor(owning: number)
        let answer = try daemon.attachment(of: id, lending: file)
        #expect(answer?.contains(#""code":"no-terminal""#) == true, "\(path)")
      }
      #expect(try daemon.ask(#"{"attach":{"id":\#(id)}}"#).contains(#""code":"no-terminal""#))
      // The daemon's own socket, as good as any other.
      let stream = try UnixStream(connectingTo: .path(daemon.socket))
      #expect(try daemon.attachment(of: id, lending: stream.descriptor)?.contains("no-terminal") == true)
      _ = consume stream
      #expect(daemon.descriptors(settlingTo: atRest) == atRest)
    }
  }

  @Test func windowsThatCannotBeShown() throws {
    try withDaemon { daemon in
      let screen = try Screen()
      let none = try daemon.client(["attach", "77"], on: screen)
      #expect(try none.exit() == .exited(1))
      #expect(screen.text.contains("there is no window 77"))
      let held = try daemon.create("true", hold: true)
      #expect(try eventually { try daemon.window(held).exit != nil })
      let ended = try daemon.client(["attach", "\(held)"], on: screen)
      #expect(try ended.exit() == .exited(1))
      #expect(screen.text.contains("the program of window \(held) has ended"))
      let failed = try daemon.client(["create-window", "--attach", "-e", "/no/such/program"], on: screen)
      #expect(try failed.exit() == .exited(1))
      #expect(screen.text.contains("/no/such/program: No such file or directory"))
      // The terminal was never touched.
      #expect(!screen.text.contains("\u{1B}"))
    }
  }

  @Test func onlyAForegroundTerminalIsLent() throws {
    try withDaemon { daemon in
      let id = try daemon.create("cat")
      let outcome = try daemon.windowctl("attach", "\(id)")
      #expect(outcome.status == 1)
      #expect(outcome.errors.contains("standard input is no terminal"))
      let screen = try Screen()
      let script = "set -m; \(Programs.windowctl) --socket \(daemon.socket) attach \(id) & wait; echo over"
      let shell = try screen.run(["sh", "-c", script])
      #expect(try shell.exit() == .exited(0))
      #expect(screen.text.contains("not in the foreground"))
    }
  }

  @Test(.enabled(if: Programs.has(strace), "strace IS MISSING: signals are always heard"))
  func nothingIsLentWhereSignalsCannotBeHeard() throws {
    try withDaemon { daemon in
      let id = try daemon.create("cat")
      let screen = try Screen()
      let before = try screen.settings
      // -D: strace is the grandchild, and the process that was started is windowctl itself.
      let client = try screen.run(
        [
          strace, "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=signalfd4", "-e", "inject=signalfd4:error=EMFILE",
          Programs.windowctl, "attach", "\(id)",
        ], environment: ["WINDOWD_SOCKET": daemon.socket])
      #expect(try client.exit() == .exited(1))
      #expect(screen.text == "windowctl: signalfd: Too many open files\r\n")
      #expect(try screen.settings == before)
    }
  }

  @Test func messagesOfWhoIsAttachedAndOfWhoIsNot() throws {
    try withDaemon { daemon in
      let id = try daemon.create("cat")
      for request in ["resized", "detach"] {
        #expect(try daemon.ask(#"{"\#(request)":{}}"#).contains(#""code":"not-attached""#))
      }
      let screen = try Screen()
      var client = try LendingClient(daemon.socket)
      #expect(try client.attach(id, lending: screen.openTerminal()) == #"{"attached":\#(id)}"#)
      #expect(try client.ask(#"{"status":{}}"#)?.contains(#""code":"window-attached""#) == true)
      #expect(try client.ask("nonsense")?.contains(#""code":"invalid-message""#) == true)
      #expect(try daemon.window(id).attached == getpid())
      #expect(try client.ask(#"{"detach":{}}"#) == #"{"ended":"detached","id":\#(id)}"#)
      // The connection is good for more.
      #expect(try client.ask(#"{"status":{}}"#)?.contains(#""windows":1"#) == true)
      #expect(try daemon.window(id).attached == nil)
    }
  }

  @Test func moreDescriptorsThanOneEndTheConversation() throws {
    try withDaemon { daemon in
      let atRest = try daemon.descriptorsAtRest()
      let stream = try UnixStream(connectingTo: .path(daemon.socket))
      let null = try Pipe()
      var many = DescriptorList()
      for _ in 0..<20 { many.append(try null.reading.duplicate()) }
      let line = Array("{\"status\":{}}\n".utf8)
      // Bytes seen as raw bytes: nothing is reinterpreted.
      try unsafe stream.descriptor.send(line.span.bytes, passing: many)
      var reader = BufferedReader(stream.descriptor)
      let answer = try reader.nextLine(as: String.self, deadline: patientDeadline)
      #expect(answer?.contains("more descriptors than the limit of 1") == true)
      let end = try reader.nextLine(as: String.self, deadline: patientDeadline)
      #expect(end == nil)
      #expect(daemon.descriptors(settlingTo: atRest) == atRest)
    }
  }
}

/// A client that lends what it likes.
struct LendingClient: ~Copyable {
  private var reader: BufferedReader

  init(_ path: String) throws(IPCError) {
    let stream = try UnixStream(connectingTo: .path(path), deadline: patientDeadline)
    reader = BufferedReader(stream.descriptor)
  }

  mutating func attach(_ id: UInt64, lending descriptor: borrowing FileDescriptor) throws -> String? {
    try send(#"{"attach":{"id":\#(id)}}"#, lending: descriptor)
    return try line()
  }

  mutating func ask(_ line: String) throws -> String? {
    try reader.descriptor.writeAll(line + "\n", deadline: patientDeadline)
    return try self.line()
  }

  func send(_ line: String, lending descriptor: borrowing FileDescriptor) throws {
    try reader.descriptor.send(line + "\n", lending: descriptor, deadline: patientDeadline)
  }

  mutating func line() throws -> String? { try reader.nextLine(as: String.self, deadline: patientDeadline) }
}

extension TestDaemon {
  /// The answer to an attachment with a descriptor of any kind.
  fileprivate func attachment(of id: UInt64, lending descriptor: borrowing FileDescriptor) throws -> String? {
    var client = try LendingClient(socket)
    return try client.attach(id, lending: descriptor)
  }
}

extension Screen {
  /// What a client would lend.
  func openTerminal() throws -> FileDescriptor {
    let number = unsafe open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)
    guard number >= 0 else { throw TestFailure("open \(path): \(errno)") }
    // Opened above, for us alone.
    return unsafe FileDescriptor(owning: number)
  }
}
