// Windows over the end of their daemon, however it comes: everything that they are is there for the next one.

internal import Glibc
internal import IPCKit
internal import Testing
internal import WindowProtocol

@Suite struct RestartTests {
  @Test(arguments: [SIGTERM, SIGKILL, SIGABRT, SIGSEGV]) func windowsSurvive(_ signal: Int32) throws {
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
