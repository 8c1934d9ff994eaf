// The library's server under the load generator: ipckit-bench-server SOCKET echo|reply|count [async] [anyone].

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
  /// One task for each connection.
  case async
}

/// Says what is wrong and ends.
func fail(_ reason: String, status: Int32 = 1) -> Never {
  print("ipckit-bench-server: \(reason)")
  exit(status)
}

/// Serves until the process is killed.
func serve(_ path: String, _ mode: Mode, _ engine: Engine, _ policy: PeerPolicy) throws(SystemError) {
  let loop = try EventLoop()
  let failure = loop.run { () async -> SystemError? in
    do throws(SystemError) {
      let server = Server(try UnixListener(binding: path), on: loop, admitting: policy) { event in
        if case .acceptFailed(let error) = event { fail("\(error)") }
      }
      switch engine {
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
  fail("usage: SOCKET echo|reply|count [async] [anyone]", status: 64)
}
var engine = Engine.async
var policy = PeerPolicy.sameUserOrRoot
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
