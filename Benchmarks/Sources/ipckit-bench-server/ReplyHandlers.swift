// The modes as reply handlers: closures that run on the loop, without a task.

internal import IPCKit

/// The handlers of `Server.run(replying:)`.
enum ReplyHandlers {
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
