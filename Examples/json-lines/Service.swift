// The server: a table of strings that everybody who may connect reads and changes.

import Glibc
import IPCKit

/// The strings. An actor, since a larger program's other parts would use it too.
actor Table {
  private var values: [String: String] = [:]

  func answer(_ request: Request) throws(Failure) -> Answer {
    switch request {
    case .get(let key):
      guard let value = values[key] else { throw Self.noKey(key) }
      return .value(is: value)
    case .set(let key, let value):
      values[key] = value
      return .done
    case .remove(let key):
      guard values.removeValue(forKey: key) != nil else { throw Self.noKey(key) }
      return .done
    case .list:
      return .keys(are: values.keys.sorted())
    }
  }

  private static func noKey(_ key: String) -> Failure { Failure(code: .noSuchKey, message: "there is no key '\(key)'") }
}

/// Serves until a signal says to stop.
func serve(at socket: String, on loop: EventLoop) async throws(SystemError) {
  var limits = ServerLimits()
  limits.frameLength = 64 << 10
  let stop = ServerStop()
  let server = Server(try UnixListener(binding: .path(socket)), on: loop, limits: limits, stop: stop)

  let signals = try SignalSource([SIGTERM, SIGINT], on: loop)
  let listening = Task(executorPreference: loop) {
    // A service that cannot hear of a signal any more could not be stopped: it stops then.
    do { _ = try await signals.next() } catch { print("json-lines: \(error)") }
    stop.stop(deadline: .after(.seconds(5)))
  }
  defer { listening.cancel() }

  let table = Table()
  try await server.run { (connection: consuming Connection) in
    do throws(IPCError) {
      while let line = try await connection.nextLine(as: [UInt8].self) {
        try await connection.write(await reply(to: line, from: table))
      }
    } catch .peer(let mistake) {
      // There is no end of the line to go on from, so this is the last word.
      let failure = Failure(code: .invalidMessage, message: "\(mistake)")
      try await connection.write(JSONLine.encode(Reply(to: nil, .failure(failure))))
      connection.finish(deadline: .after(.seconds(1)))
    }
  }
}

/// The reply to a line, as a line. Whatever is wrong with the line, there is one, and the conversation goes on.
func reply(to line: [UInt8], from table: Table) async -> [UInt8] {
  let reply: Reply
  do {
    let call = try JSONLine.decode(ReceivedCall.self, from: line)
    do throws(Failure) {
      reply = Reply(to: call.id, .success(try await table.answer(try call.request.get())))
    } catch {
      reply = Reply(to: call.id, .failure(error))
    }
  } catch {
    let failure = Failure(code: .invalidMessage, message: "not a JSON object with a number 'id' and a 'request'")
    reply = Reply(to: nil, .failure(failure))
  }
  guard let line = try? JSONLine.encode(reply) else { preconditionFailure("strings and numbers are always JSON") }
  return line
}
