// The modes as reply handlers: closures that run on the loop, without a task.

internal import IPCKit

/// The handlers of `Server.run(replying:)`.
enum ReplyHandlers {
  /// What `echo` or `reply` does, after so many random numbers, each of which is made of the one before.
  static func handler(for mode: Mode, afterWork steps: Int) -> ReplyHandler {
    ReplyHandler { line, reply in
      var number = UInt64(truncatingIfNeeded: line.byteCount) | 1
      for _ in 0..<steps {
        number ^= number << 13
        number ^= number >> 7
        number ^= number << 17
      }
      // Kept, so that it is made.
      reply.tag = Int(truncatingIfNeeded: number)
      guard mode == .reply else { return reply.writeLine(line) }
      reply.write("{\"ok\":true}\n")
      reply.end()
    }
  }

  /// What `mode` does to a connection.
  static func handler(for mode: Mode) -> ReplyHandler {
    switch mode {
    case .echo:
      ReplyHandler { line, reply in
        reply.writeLine(line)
      }
    case .reply:
      ReplyHandler { _, reply in
        reply.write("{\"ok\":true}\n")
        reply.end()
      }
    case .count:
      ReplyHandler { _, reply in
        reply.tag += 1
      } atEnd: { reply in
        reply.write("\(reply.tag)\n")
      }
    }
  }
}
