// An API of JSON lines with typed requests, answers and errors, the server's side and the client's: a table of strings.
// What is wrong, a request that nobody knows or a line that is no JSON, gets an error for its reply, and the conversation
// goes on. Messages.swift has the types, Service.swift the server, Client.swift the client.
//
//   json-lines serve /tmp/table.sock &
//   json-lines ask /tmp/table.sock set colour green get colour list get size

import Glibc
import IPCKit

/// Says how it is called, and ends.
func usage() -> Never {
  print("usage: json-lines serve SOCKET | ask SOCKET (get KEY | set KEY VALUE | remove KEY | list)...")
  exit(64)
}

/// The requests that the words spell.
func requests(_ words: ArraySlice<String>) -> [Request] {
  var (words, requests) = (words, [Request]())
  while let name = words.popFirst() {
    switch (name, words.first, words.dropFirst().first) {
    case ("get", let key?, _): requests.append(.get(key: key))
    case ("set", let key?, let value?): requests.append(.set(key: key, value: value))
    case ("remove", let key?, _): requests.append(.remove(key: key))
    case ("list", _, _): requests.append(.list)
    default: usage()
    }
    words = words.dropFirst(name == "set" ? 2 : name == "list" ? 0 : 1)
  }
  return requests
}

/// Asks one after the other and prints the answers.
/// - Returns: the exit status, 1 when something was refused.
func ask(_ requests: [Request], at socket: String) throws -> Int32 {
  var client = try Client(connectingTo: socket, answeringWithin: .seconds(5))
  var status: Int32 = 0
  for request in requests {
    do {
      switch try client.ask(request) {
      case .value(let value): print(value)
      case .keys(let keys): print(keys.joined(separator: " "))
      case .done: print("done")
      }
    } catch let refusal as Failure {
      print("refused: \(refusal.message) (\(refusal.code.rawValue))")
      status = 1
    }
  }
  return status
}

/// Serves on this thread, which is the loop's from now on.
func serve(at socket: String) throws {
  let loop = try EventLoop()
  try loop.run { try await serve(at: socket, on: loop) }
}

let arguments = CommandLine.arguments
do {
  switch (arguments.dropFirst().first, arguments.count) {
  case ("serve", 3): try serve(at: arguments[2])
  case ("ask", 4...): exit(try ask(requests(arguments[3...]), at: arguments[2]))
  default: usage()
  }
} catch {
  print("json-lines: \(error)")
  exit(1)
}
