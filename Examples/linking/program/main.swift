// One program, linked in four ways: it makes an owner of each kind, ends it by each way there is, and then looks at what
// is still open. A compiler that forgot a deinit in one of these builds would be found here.

import Glibc
import IPCKit

struct Interruption: Error {}

/// What did not go as it should.
struct Failure: Error {
  let what: String
}

func expect(_ fulfilled: Bool, _ what: String) throws {
  if !fulfilled { throw Failure(what: what) }
}

/// A wrapper of a program's own, and a generic one: the kind whose fields a compiler has forgotten before.
struct Wrapper<Value: ~Copyable>: ~Copyable {
  var value: Value
}

final class Holder {
  let reader: BufferedReader
  init(_ reader: consuming BufferedReader) { self.reader = reader }
}

enum Either: ~Copyable {
  case pipe(Pipe)
  case descriptor(FileDescriptor)
}

/// Owners that end with their scope, in a wrapper, an optional, an enum and an object; early, late, and by a thrown error.
func endOwners() throws {
  _ = Wrapper(value: try Pipe())
  _ = Wrapper(value: Wrapper(value: try MemoryFile(named: "consumer")))
  _ = Optional(try EventCounter())
  _ = Either.pipe(try Pipe())
  let pair = try SocketPair()
  _ = Holder(BufferedReader(pair.left))
  try pair.right.close()
  let counter = Wrapper(value: try EventCounter())
  let pipe = try Pipe()
  _ = Either.descriptor(pipe.reading)
  _ = consume counter
  throw Interruption()
}

/// A descriptor that travels through a socket, once taken and once left where it arrived.
func passDescriptors() throws {
  let pair = try SocketPair()
  let one = try Pipe()
  let two = try Pipe()
  try pair.left.send("one\n", passing: one.writing)
  try pair.left.send("two\n", passing: two.writing)
  var reader = BufferedReader(pair.right, descriptorLimit: 1)
  try expect(reader.nextLine(as: String.self) == "one", "the first line of a pair")
  var taken = reader.takeDescriptors()
  guard let writing = taken.popFirst() else { throw Failure(what: "a descriptor with the line") }
  try writing.writeAll("through the pipe\n")
  try writing.close()
  var piped = BufferedReader(one.reading)
  try expect(piped.nextLine(as: String.self) == "through the pipe", "a line through the pipe that has come")
  try expect(reader.nextLine(as: String.self) == "two", "the second line of a pair")
}

/// A server with both kinds of handler, a client that each of them answers, and the end of all of it.
func serve() throws {
  let loop = try EventLoop()
  try loop.run {
    let address = UnixAddress.abstract("ipckit-consumer-\(getpid())")
    let stop = ServerStop()
    let server = Server(try UnixListener(binding: address), on: loop, stop: stop)
    let client = try UnixStream(connectingTo: address, trusting: .sameUserOrRoot)
    try client.descriptor.writeAll("short\nand longer\n")
    try await server.run(
      replying: ReplyHandler { line, reply in
        // The longer line is the async handler's.
        if line.byteCount > 5 { reply.handOver() } else { reply.writeLine(line) }
      },
      handingOverTo: { connection in
        var input = connection.input
        if let line = try await input.nextLine() { try await connection.writeLine(line) }
        stop.stop()
      })
    var reader = BufferedReader(client.descriptor)
    try expect(reader.nextLine(as: String.self) == "short", "the reply handler's answer")
    try expect(reader.nextLine(as: String.self) == "and longer", "the async handler's answer")
  }
}

let leaks = try DescriptorLeakCheck.leaks {
  for _ in 1...100 {
    do { try endOwners() } catch is Interruption {}
    try passDescriptors()
    try serve()
  }
}
guard leaks.isEmpty else {
  print("\(leaks.count) descriptors left open: \(leaks)")
  exit(1)
}
print("nothing left open")
