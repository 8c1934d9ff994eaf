// Windows over the end of their daemon, however it comes: everything that they are is there for the next one.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree) struct RestartTests {
  @Test(arguments: [SIGTERM, SIGKILL, SIGABRT]) func windowsSurvive(_ signal: Int32) throws {
    let manager = try TestManager()
    var window = WindowSpecification(command: "sh", "-c", "echo before; read line; echo $line; read line; exit 3")
    (window.title, window.hold, window.options) = ("Título", true, ["size=100x30", "colour=red"])
    let id = try manager.ask(.createWindow(window), for: Reply.Created.self).id
    #expect(try eventually { try manager.text(of: id).hasPrefix("before") })
    let before = try manager.list()
    try manager.restart(by: signal)
    #expect(try manager.list() == before)
    #expect(try manager.text(of: id).hasPrefix("before"))
    let stored = try manager.stored().mapValues(\.count)
    #expect(stored == ["window-1": 1, "window-1.child": 2])
    // The child is heard, and heard to end.
    let screen = try Screen()
    let client = try manager.attach(id, on: screen)
    try screen.type("between\r")
    #expect(screen.shows("between"))
    try screen.type("last\r")
    #expect(try client.exit() == .exited(0))
    #expect(try manager.window(id).exit == ChildExit(.exited(3)))
    try manager.expectStored(1)
    try manager.close(id)
    try manager.expectStored(0)
  }
}

// MARK: - What is known of windows that have gone, and of the whole

extension RestartTests {
  @Test func idsExitsAndSettingsAreKept() throws {
    let manager = try TestManager()
    let ended = try manager.create("sh", "-c", "exit 7")
    #expect(try manager.wait(ended) == ChildExit(.exited(7)))
    #expect(try manager.windowctl("config", "scrollback=5000", "colour=red").status == 0)
    for signal in [SIGTERM, SIGKILL] {
      try manager.restart(by: signal)
      #expect(try manager.wait(ended) == ChildExit(.exited(7)))
      let configuration = try manager.windowctl("get-config").text
      #expect(configuration.contains("scrollback = 5000") && configuration.contains("colour = red"))
    }
    #expect(try manager.create("cat") == ended + 1)
    // A stop is an end: what comes after it begins anew.
    #expect(try manager.tell("stop") == "0")
    #expect(try manager.tell("start") == "\"ready\"")
    #expect(try manager.create("cat") == 1)
  }

  @Test func windowOfItsOwnSizeAndSettingsKeepsThem() throws {
    let manager = try TestManager()
    let id = try manager.create("sh", "-c", "while read line; do stty size; done", options: ["scrollback=4096"])
    #expect(try manager.windowctl("resize-window", "\(id)", "101", "33").status == 0)
    #expect(try manager.windowctl("config", "--window", "\(id)", "scrollback=8192", "a=b").status == 0)
    try manager.restart(by: SIGKILL)
    let window = try manager.window(id)
    #expect(window.columns == 101 && window.rows == 33)
    let configuration = try manager.windowctl("get-config", "--window", "\(id)").text
    #expect(configuration.contains("scrollback = 8192") && configuration.contains("a = b"))
  }

  @Test func heldWindowWhoseChildHasEndedIsKept() throws {
    let manager = try TestManager()
    let id = try manager.create("sh", "-c", "echo last words; exit 4", hold: true)
    #expect(try eventually { try manager.window(id).exit != nil })
    try manager.expectStored(1)
    for signal in [SIGKILL, SIGTERM] {
      try manager.restart(by: signal)
      #expect(try manager.window(id).exit == ChildExit(.exited(4)))
      #expect(try manager.text(of: id) == "last words\r\n")
    }
    try manager.close(id)
    try manager.expectStored(0)
    try manager.restart(by: SIGKILL)
    #expect(try manager.wait(id) == ChildExit(.exited(4)))
  }

  @Test func childThatEndsWithoutADaemonIsHeardOf() throws {
    let manager = try TestManager()
    let id = try manager.create("sh", "-c", "read line; echo last words; exit 5", hold: true)
    let short = try manager.create("sh", "-c", "read line; exit 6")
    let terminals = try [id, short].map { try manager.child(of: $0) }
    let screen = try Screen()
    // The line is typed while nobody reads what is printed.
    let client = try manager.attach(id, on: screen)
    manager.process.signal(0)
    client.signal(SIGTERM)
    _ = try client.exit()
    try manager.tell("end", "\(SIGKILL)")
    for child in terminals { kill(child.id, SIGTERM) }
    #expect(eventually { terminals.allSatisfy { !$0.isAlive } })
    try manager.tell("start")
    #expect(try eventually { try manager.window(id).exit != nil })
    let exit = try manager.window(id).exit
    #expect(exit == ChildExit(.signaled(SIGTERM)) || exit == ChildExit(.unknown))
    #expect(try manager.wait(short) == exit)
    try manager.expectStored(1)
  }

  @Test func clientsThatWaitAndWatchComeBack() throws {
    let manager = try TestManager()
    let id = try manager.create("sh", "-c", "read line; echo got $line; read line; exit 9")
    let waiting = try manager.startWindowctl("wait", "--exit-status", "\(id)")
    let screen = try Screen()
    let client = try manager.attach(id, on: screen)
    for signal in [SIGTERM, SIGKILL] {
      try manager.restart(by: signal)
      #expect(try eventually { try manager.window(id).attached == client.id })
    }
    try screen.type("one\r")
    #expect(screen.shows("got one"))
    try screen.type("two\r")
    #expect(try client.exit() == .exited(0))
    #expect(try waiting.outcome().status == 9)
  }

  @Test func clientComesBackHoweverLongItHasWatched() throws {
    let manager = try TestManager()
    let id = try manager.create("cat")
    let screen = try Screen()
    let client = try manager.attach(id, on: screen, "--timeout", "8")
    // The time for its first answer: nothing tells that it is over.
    let over = Deadline.after(.seconds(8))
    while !over.hasPassed { usleep(10_000) }
    try manager.restart(by: SIGKILL)
    #expect(try screen.shows("here\r\nhere") { try screen.type("here\r") })
    #expect(try manager.window(id).attached == client.id)
    try screen.type("\u{1C}")
    #expect(try client.exit() == .exited(0))
  }

  @Test func windowThatIsBeingClosedIsNotCalledClosed() throws {
    let manager = try TestManager()
    let id = try manager.create("sh", "-c", "trap '' HUP; echo ready; while :; do sleep 0.1; done")
    #expect(try eventually { try manager.text(of: id).hasPrefix("ready") })
    #expect(try manager.windowctl("config", "hang-up-grace=60").status == 0)
    var client = try manager.connect()
    try client.send(#"{"close-window":{"id":1}}"# + "\n")
    // Hung up, and not yet killed: its number in the list is the same, and so is it.
    #expect(try manager.list().map(\.id) == [id])
    try manager.restart(by: SIGTERM)
    #expect(try client.line()?.contains(#""code":"stopping""#) == true)
    #expect(try manager.child(of: id).isAlive)
    #expect(try manager.windowctl("config", "hang-up-grace=0").status == 0)
    try manager.close(id)
    try manager.expectStored(0)
  }

  @Test func moreThanTheManagerKeepsIsRefused() throws {
    let manager = try TestManager(capacity: 7)
    let first = try manager.create("cat")
    _ = try manager.create("cat")
    #expect(throws: Reply.Failure.self) { try manager.create("cat") }
    do { _ = try manager.create("cat") } catch let failure as Reply.Failure {
      #expect(failure.error.code == .tooManyWindows && failure.error.message.contains("FileDescriptorStoreMax="))
    }
    try manager.close(first)
    _ = try manager.create("cat")
    try manager.restart(by: SIGKILL)
    #expect(try manager.list().map(\.id) == [2, 3])
  }

  @Test func windowsThatAreGoneBeforeTheyAreStoredLeaveNothing() throws {
    let manager = try TestManager()
    for round in 0..<60 { _ = try manager.create("true", hold: round % 3 == 0) }
    // Of the held ones the state.
    try manager.expectStored(20)
    for window in try manager.list() { try manager.close(window.id) }
    try manager.expectStored(0)
  }

  @Test func windowThatCannotBeKeptIsClosed() throws {
    let manager = try TestManager()
    let (place, elsewhere) = (manager.directory.file("notify"), manager.directory.file("elsewhere"))
    // Nobody is told anything there.
    #expect(try run(["mv", place, elsewhere]).status == 0)
    do { _ = try manager.create("cat") } catch let failure as Reply.Failure {
      #expect(failure.error.code == .notStored)
    }
    #expect(try manager.list().isEmpty)
    #expect(try run(["mv", elsewhere, place]).status == 0)
    #expect(try manager.create("cat") == 2)
    try manager.expectStored(3)
  }

  @Test func windowIsThereOnlyWhenTheManagerHasIt() throws {
    let manager = try TestManager()
    try manager.tell("deaf", "yes")
    var client = try manager.connect()
    try client.send(#"{"create-window":{"command":["cat"]}}"# + "\n")
    #expect(try eventually { try manager.list().count == 1 })
    // It is there, but nobody is told before it is safe.
    #expect(throws: IPCError.self) { _ = try client.line(within: .milliseconds(200)) }
    try manager.tell("deaf", "no")
    #expect(try client.line() == #"{"id":1}"#)
    try manager.expectStored(3)
    // A terminal that hangs up, because its child has ended, must not be dropped with what is still in it.
    let said = try WireFormat.decode([String].self, from: Array(try manager.tell("said").utf8))
    let stores = said.filter { $0.hasPrefix("FDSTORE=1") }
    #expect(stores.count == 2 && stores.allSatisfy { $0.hasSuffix("FDPOLL=0") }, "\(stores)")
  }
}
