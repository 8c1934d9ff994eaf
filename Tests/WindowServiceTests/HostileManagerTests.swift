// A service manager that does not listen, hands over what is no use, or has put a limit where nobody expects one: windowd
// serves, ends as it is told, and keeps nothing that is not its own.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree, .timeLimit(.minutes(5))) struct HostileManagerTests {
  /// The next thing that a manager is told.
  private func next(_ manager: borrowing UnixDatagram) throws -> String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    var span = buffer.mutableSpan
    // Bytes seen as raw bytes: nothing is reinterpreted.
    var bytes = unsafe span.mutableBytes
    let count = try manager.receive(into: &bytes, deadline: patientDeadline).count
    return String(decoding: buffer.prefix(count), as: UTF8.self)
  }

  /// Fills a manager's socket; how many messages that took.
  private func fill(_ path: String) throws -> Int {
    let filler = try UnixDatagram()
    var count = 0
    while true {
      do throws(IPCError) {
        // Bytes seen as raw bytes: nothing is reinterpreted.
        try unsafe filler.send([0].span.bytes, to: .path(path), deadline: .after(.zero))
        count += 1
      } catch {
        guard case .deadlineExceeded = error else { throw error }
        return count
      }
    }
  }

  @Test func managerThatDoesNotListenHoldsUpNobody() throws {
    let directory = try TemporaryDirectory()
    let (notify, socket) = (directory.file("notify"), directory.file("windowd.sock"))
    let manager = try UnixDatagram(binding: .path(notify))
    let filled = try fill(notify)
    let process = try RunningProcess(
      [Programs.windowd, "--socket", socket], environment: plainEnvironment(["NOTIFY_SOCKET": notify]))
    _ = try process.line(containing: "ready")
    var client = try RawClient(socket)
    #expect(try client.ask(#"{"create-window":{"command":["cat"]}}"#) == #"{"id":1}"#)
    process.signal(SIGHUP)
    _ = try process.line(containing: "configuration read again")
    process.signal(SIGTERM)
    _ = try process.line(containing: "stopping")
    #expect(eventually { !exists(socket) && process.facts.children.isEmpty })
    // What it has to say waits, in its order.
    for _ in 0..<filled { _ = try next(manager) }
    var said: [String] = []
    while said.last != "STOPPING=1" {
      said.append(contentsOf: try next(manager).split(separator: "\n").map(String.init).filter { $0.hasSuffix("=1") })
    }
    #expect(said == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"])
    #expect(try process.exit() == .exited(0))
  }

  @Test func whatIsNoUseIsClosed() throws {
    let manager = try TestManager()
    let id = try manager.create("cat")
    let strange = try manager.directory.write("", to: "strange")
    try manager.tell("end", "\(SIGKILL)")
    for name in ["stored", "window-x", "control"] { try manager.tell("store", name, strange) }
    try manager.tell("start")
    _ = try manager.line(containing: "of no use here: window-x")
    #expect(try manager.list().map(\.id) == [id])
    let daemon = ProcessFacts(id: try #require(Int32(try manager.tell("process"))))
    #expect(!daemon.descriptors.values.contains(strange))
  }

  @Test func limitOfFilesCostsTheWindowAlone() throws {
    let directory = try TemporaryDirectory()
    let (notify, socket) = (directory.file("notify"), directory.file("windowd.sock"))
    let manager = try UnixDatagram(binding: .path(notify))
    let process = try RunningProcess(
      [Programs.windowd, "--socket", socket],
      environment: plainEnvironment(["NOTIFY_SOCKET": notify, "FDSTORE": "30"]),
      setup: "ulimit -f 1")
    _ = try process.line(containing: "ready")
    var client = try RawClient(socket)
    let refusal = try client.ask(#"{"create-window":{"command":["cat"]}}"#)
    #expect(refusal.contains(#""code":"spawn-failed""#) && refusal.contains("File too large"), "\(refusal)")
    #expect(try client.ask(#"{"list-windows":{}}"#) == #"{"windows":[]}"#)
    process.signal(SIGTERM)
    #expect(try process.exit() == .exited(0))
    try manager.close()
  }

  /// A limit of files is a full disk, as far as the journal knows.
  @Test func fullDiskCostsNothingOfWhatWasWrittenDown() throws {
    let manager = try TestManager()
    let gone = try manager.create("sh", "-c", "exit 7")
    #expect(try manager.wait(gone).status == 7)
    let size = contents(of: manager.directory.file("runtime/journal"))?.count ?? 0
    let process = try manager.tell("process")
    // Half of an entry.
    _ = try run(["/usr/bin/prlimit", "--pid", process, "--fsize=\(size + 5):unlimited"])
    #expect(try manager.ask(#"{"config":{"options":["first=1"]}}"#) == #"{"ok":true}"#)
    _ = try manager.line(containing: "the journal is not complete: write: File too large")
    _ = try run(["/usr/bin/prlimit", "--pid", process, "--fsize=unlimited"])
    #expect(try manager.ask(#"{"config":{"options":["second=2"]}}"#) == #"{"ok":true}"#)
    _ = try manager.line(containing: "the journal is complete again")
    // From here on the next one has no room for a journal of its own.
    _ = try run(["/usr/bin/prlimit", "--pid", "\(manager.process.id)", "--fsize=20:unlimited"])
    try manager.restart(by: SIGKILL)
    _ = try manager.line(containing: "the journal is not complete")
    _ = try run(["/usr/bin/prlimit", "--pid", "\(manager.process.id)", "--fsize=unlimited"])
    try manager.restart(by: SIGKILL)
    #expect(try manager.wait(gone).status == 7)
    let settings = try manager.ask(#"{"get-config":{}}"#)
    #expect(settings.contains(#""first":"1""#) && settings.contains(#""second":"2""#), "\(settings)")
    #expect(names(in: manager.directory.file("runtime")) == ["journal"])
  }
}
