// One of the thousand: two of three open a window whose program ends at once, the third goes wrong in one of three ways.

internal import IPCKit

/// A cycle of the demo.
struct Cycle {
  let number: Int

  func run(against daemon: Daemon) throws {
    switch number % 9 {
    case 0: _ = try daemon.windowctl("create-window", "-e", "/nonexistent/cmd", expecting: .exited(1))
    case 3: try daemon.send(Array("neither JSON nor UTF-8: \u{7}\n".utf8) + [0xFF, 0xFE, 0x0A], readingReply: true)
    case 6: try daemon.send(Array(#"{"create-window":{"command":["tr"#.utf8), readingReply: false)
    default: _ = try daemon.windowctl("create-window", "-e", "true")
    }
  }
}
