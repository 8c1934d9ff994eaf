// The library's server under the load generator: ipckit-bench-server SOCKET echo|reply|count [reply|async] [anyone].

internal import Glibc
internal import IPCKit

/// What the server does to a connection, as the other servers do it.
enum Mode: String {
  /// Each line comes back.
  case echo
  /// `{"ok":true}` after the first line, then the end.
  case reply
  /// How many lines came, at the end of the input.
  case count
}

/// How the handlers are written.
enum Engine: String {
  /// No task at all.
  case reply
  /// One task for each connection that waits.
  case async
}

/// Who is let in.
enum Policy {
  case sameUserOrRoot
  case anyone

  var rule: PeerPolicy { self == .anyone ? .anyone : .sameUserOrRoot }
}

/// Says what is wrong and ends.
func fail(_ reason: String, status: Int32 = 1) -> Never {
  print("ipckit-bench-server: \(reason)")
  exit(status)
}

/// The defaults, but that a single user may have ten thousand connections; who lets everyone in does not count users.
func limits(for policy: Policy) -> ServerLimits {
  var limits = ServerLimits()
  limits.connections = 20_000
  limits.connectionsPerUser = policy == .anyone ? .max : 20_000
  return limits
}

/// Serves until the process is killed.
func serve(_ path: String, _ mode: Mode, _ engine: Engine, _ policy: Policy) throws(SystemError) {
  let loop = try EventLoop()
  let failure = loop.run { () async -> SystemError? in
    do throws(SystemError) {
      let server = Server(
        try UnixListener(binding: path), on: loop, admitting: policy.rule, limits: limits(for: policy)
      ) { event in
        if case .acceptFailed(let error) = event { fail("\(error)") }
      }
      switch engine {
      case .reply: try await server.run(replying: ReplyHandlers.handler(for: mode))
      case .async: try await server.run(AsyncHandlers.handler(for: mode))
      }
      return nil
    } catch {
      return error
    }
  }
  if let failure { throw failure }
}

let arguments = CommandLine.arguments.dropFirst()
guard let path = arguments.first, let mode = arguments.dropFirst().first.flatMap(Mode.init(rawValue:)) else {
  fail("usage: SOCKET echo|reply|count [reply|async] [anyone]", status: 64)
}
var engine = Engine.reply
var policy = Policy.sameUserOrRoot
for word in arguments.dropFirst(2) {
  if word == "anyone" {
    policy = .anyone
  } else if let named = Engine(rawValue: word) {
    engine = named
  } else {
    fail("nobody knows \(word)", status: 64)
  }
}
do throws(SystemError) {
  try serve(path, mode, engine, policy)
} catch {
  fail("\(error)")
}
