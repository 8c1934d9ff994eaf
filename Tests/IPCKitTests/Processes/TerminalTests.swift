// A terminal's size, and who hears when it changes.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct TerminalTests {
  @Test func masterIsNonBlockingAndCloseOnExec() async throws {
    try await withLoop { loop in
      let terminal = try Terminal(size: .init(columns: 1, rows: 1), on: loop)
      #expect(try terminal.source.descriptor.isNonBlocking)
      #expect(try terminal.source.descriptor.isCloseOnExec)
    }
  }

  @Test func resizingReachesTheProgram() async throws {
    let text = try await withLoop { loop in
      let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
      let script = "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done"
      let command = Command(arguments: ["sh", "-c", script], environment: .inherited)
      let child = try await command.start(in: terminal, on: loop, deadline: .after(.seconds(60)))
      var text = ""
      while !text.hasSuffix("100\r\n") {
        try await terminal.source.readable(deadline: .after(.seconds(60)))
        text += (try? readOnce(terminal.source.descriptor, 99)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        if text == "ready\r\n" { try terminal.resize(to: .init(columns: 100, rows: 30)) }
      }
      #expect(await child.exit() == .exited(0))
      return text
    }
    #expect(text == "ready\r\n30 100\r\n")
  }

  @Test func masterOfAnotherProcessIsTakenOverAndNothingElse() async throws {
    try await withLoop { loop in
      let first = try Terminal(size: .init(columns: 90, rows: 25), on: loop)
      let second = try Terminal(adopting: try first.source.descriptor.duplicate(), on: loop)
      #expect(try Terminal.Size(of: second.source.descriptor) == .init(columns: 90, rows: 25))
      let text = Array("typed\n".utf8)
      // Bytes seen as raw bytes: nothing is reinterpreted.
      _ = try unsafe second.write(text.span.bytes)
      try await first.source.readable(deadline: .after(.seconds(60)))
      #expect(systemFailure { _ = try Terminal(adopting: try Pipe().intoReading(), on: loop) }?.errno == ENOTTY)
      #expect(
        systemFailure { _ = try Terminal(adopting: try openFile("/dev/null", O_RDWR), on: loop) }?.errno == ENOTTY)
    }
  }

  @Test func extremeSizesAreTaken() async throws {
    try await withLoop { loop in
      let terminal = try Terminal(size: .init(columns: 0, rows: .max), on: loop)
      try terminal.resize(to: .init(columns: .max, rows: 0))
    }
  }
}
