// The library's server under the load generator:
// ipckit-bench-server SOCKET echo|reply|count [reply|async] [anyone] [loops=N] [work=N].

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

/// What the words behind the mode say.
struct Options {
  var engine = Engine.reply
  var policy = Policy.sameUserOrRoot
  /// On how many loops it serves.
  var loops = 1
  /// How long it computes before each answer, in steps of a nanosecond or two; for the reply handlers of `echo` and `reply`.
  var work = 0

  /// Notes a word; whether it is one of them.
  mutating func read(_ word: String) -> Bool {
    if let named = Engine(rawValue: word) {
      engine = named
    } else if word == "anyone" {
      policy = .anyone
    } else if word.hasPrefix("loops="), let number = Int(word.dropFirst(6)), number > 0 {
      loops = number
    } else if word.hasPrefix("work="), let number = Int(word.dropFirst(5)), number > 0 {
      work = number
    } else {
      return false
    }
    return true
  }
}

/// Serves until the process is killed.
func serve(_ path: String, _ mode: Mode, _ options: Options) throws(SystemError) {
  let loop = try EventLoop()
  try loop.run { () async throws(SystemError) in
    let server = Server(
      try UnixListener(binding: .path(path)), on: loop, loops: options.loops, admitting: options.policy.rule,
      limits: limits(for: options.policy)
    ) { event in
      if case .acceptFailed(let error) = event { fail("\(error)") }
    }
    switch options.engine {
    case .reply where options.work > 0:
      try await server.run(replying: ReplyHandlers.handler(for: mode, afterWork: options.work))
    case .reply: try await server.run(replying: ReplyHandlers.handler(for: mode))
    case .async: try await server.run(AsyncHandlers.handler(for: mode))
    }
  }
}

let arguments = CommandLine.arguments.dropFirst()
guard let path = arguments.first, let mode = arguments.dropFirst().first.flatMap(Mode.init(rawValue:)) else {
  fail("usage: SOCKET echo|reply|count [reply|async] [anyone] [loops=N] [work=N]", status: 64)
}
var options = Options()
for word in arguments.dropFirst(2) {
  if !options.read(word) { fail("nobody knows \(word)", status: 64) }
}
do throws(SystemError) {
  try serve(path, mode, options)
} catch {
  fail("\(error)")
}
