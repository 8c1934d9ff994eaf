// What a restart finds when something went wrong before it: each hole costs its window, says so, and costs nothing else.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@testable internal import WindowService

@Suite(.leakFree) struct LostStateTests {
  /// Two windows, the first of which something happens to between two daemons.
  private func survivors(
    of harm: (TestManager) throws -> Void, saying reason: String, location: SourceLocation = #_sourceLocation
  ) throws {
    let manager = try TestManager()
    let (lost, kept) = (try manager.create("cat"), try manager.create("cat"))
    let children = (try manager.child(of: lost), try manager.child(of: kept))
    try manager.tell("end", "\(SIGKILL)")
    try harm(manager)
    #expect(try manager.tell("start") == "\"ready\"", sourceLocation: location)
    let line = try manager.line(containing: "window \(lost) is lost")
    #expect(line.contains(reason), "\(line)", sourceLocation: location)
    #expect(try manager.list().map(\.id) == [kept], sourceLocation: location)
    #expect(children.1.isAlive, sourceLocation: location)
    #expect(eventually { !children.0.isAlive }, "its child goes on without it", sourceLocation: location)
    // Nothing of it is left, and the other one is as safe as before.
    try manager.expectStored(3, location)
    // Its id is not given again.
    #expect(try manager.create("cat") == kept + 1, sourceLocation: location)
  }

  @Test(arguments: [("memfd", "window-1", "state is missing"), ("ptmx", "window-1.child", "terminal is missing")])
  func missingDescriptor(kind: String, name: String, reason: String) throws {
    try survivors(of: { try $0.tell("lose", name, kind) }, saying: reason)
  }

  @Test func missingProcess() throws {
    let manager = try TestManager()
    let (lost, kept) = (try manager.create("cat"), try manager.create("cat"))
    let child = try manager.child(of: lost)
    try manager.tell("end", "\(SIGKILL)")
    try manager.tell("lose", "window-1.child", "pidfd")
    try manager.tell("start")
    _ = try manager.line(containing: "window 1 is lost: its process is missing")
    #expect(try manager.list().map(\.id) == [kept])
    #expect(eventually { !child.isAlive })
    try manager.expectStored(3)
  }

  typealias Layout = WindowState.Layout

  @Test(arguments: [
    (Layout.versionField, "99", "of version 99"), (0, "1", "does not begin as one does"),
    (Layout.identity, "2", "that of window 2"), (Layout.ring, "\(2 << 32 | 4096)", "no such place"),
    (Layout.ring, "0", "no such place"), (Layout.ring, "\(Layout.ringSize + 1)", "no such place"),
    (Layout.printed, "\(UInt64.max)", "no end"), (Layout.reserved, "\(1 << 40)", "no end"),
    (Layout.firstInRing, "\(1 << 40)", "no end"), (Layout.recordLength, "\(UInt64.max)", "no end"),
    (Layout.recordLength, "3", "cannot be read"), (Layout.record, "0", "cannot be read"),
    (Layout.settings, "\(7 << 32)", "no such place"), (Layout.settings, "\(1 << 32)", "cannot be read"),
  ])
  func spoiledState(offset: Int, value: String, reason: String) throws {
    try survivors(of: { try $0.tell("spoil", "window-1", "\(offset)", value) }, saying: reason)
  }

  @Test func stateThatIsNone() throws {
    try survivors(
      of: { manager in
        try manager.tell("lose", "window-1", "memfd")
        try manager.tell("store", "window-1", "/dev/null")
      }, saying: "its state cannot be used")
  }

  @Test func namesOfAllWindowsFitIntoOneVariable() {
    // After a hundred million windows.
    let id: UInt64 = 99_999_999
    let names = [WindowStore.Name.state(id), .child(id), .child(id)]
    let length = names.map(\.text.utf8.count).reduce(0) { $0 + $1 + 1 }
    #expect(length * WindowStore.mostWindows + "LISTEN_FDNAMES=control".utf8.count < 128 << 10)
    for name in names { #expect(WindowStore.Name(name.text) == name) }
    for other in ["window-", "window-x", "window-1.chil", "window-1.child.child", "indow-1", "window--1", ""] {
      #expect(WindowStore.Name(other) == nil)
    }
  }

  @Test func strangeNamesAreLetGoOf() throws {
    let manager = try TestManager()
    let id = try manager.create("cat")
    try manager.tell("end", "\(SIGKILL)")
    try manager.tell("store", "window-x", "/dev/null")
    try manager.tell("store", "stored", "/dev/null")
    try manager.tell("start")
    _ = try manager.line(containing: "of no use here: window-x")
    _ = try manager.line(containing: "of no use here: stored")
    #expect(try manager.list().map(\.id) == [id])
  }

  /// What stands in the journal, and the id that comes next.
  static let journals: [(text: String, next: UInt64)] = [
    ("{\"journal\":1}\n{\"id\":8}\n{\"id\":9", 9), ("{\"journal\":1}\nnonsense\n{\"id\":8}\n", 9),
    ("{\"journal\":9}\n{\"id\":8}\n", 3), ("", 3), (String(repeating: "x", count: 1 << 20), 3),
    ("{\"journal\":1}\n{\"id\":8,\"later\":true}\n{\"settings\":[\"scrollback=0\"]}\n", 9),
  ]

  @Test(arguments: journals)
  func spoiledJournal(text: String, next: UInt64) throws {
    let manager = try TestManager()
    let windows = [try manager.create("cat"), try manager.create("cat")]
    try manager.tell("end", "\(SIGKILL)")
    _ = try manager.directory.write(text, to: "runtime/journal")
    #expect(try manager.tell("start") == "\"ready\"")
    #expect(try manager.list().map(\.id) == windows)
    #expect(try manager.create("cat") == next)
    // Whole again.
    try manager.restart(by: SIGKILL)
    #expect(try manager.create("cat") == next + 1)
  }

  @Test func journalThatCannotBeWrittenStopsNobody() throws {
    let manager = try TestManager()
    try manager.tell("end", "\(SIGKILL)")
    _ = try run(["/bin/rm", manager.directory.file("runtime/journal")])
    _ = try run(["/bin/mkdir", "-p", manager.directory.file("runtime/journal.new")])
    #expect(try manager.tell("start") == "\"ready\"")
    _ = try manager.line(containing: "journal.new")
    #expect(try manager.create("cat") == 1)
  }
}
