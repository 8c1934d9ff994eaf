// Two looks at one process: what came, what went, and what became another file under the same number.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct DescriptorChangesTests {
  @Test func whatCameWentAndWasReplaced() throws {
    let steps = [
      "a, b, c = os.pipe()[0], os.eventfd(3), os.open('/dev/null', os.O_RDONLY)",
      "os.close(a), os.dup2(c, b), os.memfd_create('x'), os.memfd_create('y')",
    ]
    let censuses = try censusesOfPython(steps)
    let first = censuses[1].changes(since: censuses[0])
    #expect(first.appeared.map(\.kind.name) == ["pipe", "pipe", "eventfd", "device"] && first.gone.isEmpty)
    #expect(first.growth == ["pipe": 2, "eventfd": 1, "device": 1] && first.replaced.isEmpty && !first.isEmpty)
    let second = censuses[2].changes(since: censuses[1])
    let numbers = first.appeared.map(\.number)
    // The pipe's number is free for the first of the memory files.
    #expect(second.replaced.map(\.before.number) == [numbers[0], numbers[2]])
    #expect(second.replaced.map(\.after.kind.name) == ["memfd", "device"])
    #expect(second.appeared.map(\.kind) == [.memfd(name: "y")] && second.gone.isEmpty)
    #expect(second.growth == ["pipe": -1, "memfd": 2, "eventfd": -1, "device": 1])
    let back = censuses[0].changes(since: censuses[1])
    #expect(back.gone.map(\.number) == numbers && back.appeared.isEmpty)
    #expect(censuses[2].changes(since: censuses[2]).isEmpty)
  }

  @Test func twoOfAKindUnderOneNumberAreToldApartWhereTheyCanBe() throws {
    let steps = [
      "import ctypes, select\nn = [os.pipe()[0], os.eventfd(1), os.pidfd_open(1), os.openpty()[0], select.epoll()]",
      """
      old = [x if isinstance(x, int) else x.fileno() for x in n]
      new = [os.pipe()[0], os.eventfd(1), os.pidfd_open(os.getpid()), os.openpty()[0], select.epoll()]
      for o, x in zip(old, new): os.dup2(x if isinstance(x, int) else x.fileno(), o)
      """,
    ]
    let censuses = try censusesOfPython(steps)
    let replaced = censuses[2].changes(since: censuses[1]).replaced
    // An epoll instance has nothing by which it could be told from another.
    #expect(replaced.map(\.after.kind.name) == ["pipe", "eventfd", "pidfd", "terminal master"])
  }

  @Test func aChangedStateIsNotAnotherFile() throws {
    let censuses = try censusesOfPython([
      "e, (r, w) = os.eventfd(0), os.pipe()\nf = os.open('/proc/self/status', os.O_RDONLY)",
      "os.eventfd_write(e, 5), os.read(f, 100), os.set_blocking(r, False)",
    ])
    #expect(censuses[2].changes(since: censuses[1]).isEmpty && censuses[2] != censuses[1])
  }
}

/// Censuses of a Python process: before the first step, and after each.
private func censusesOfPython(_ steps: [String]) throws -> [DescriptorCensus] {
  let pair = try SocketPair()
  let program = ([""] + steps).map { "\($0)\ns.sendall(b'%d\\n' % os.getpid())\ns.recv(1)" }.joined(separator: "\n")
  let python = try PythonProcess(program, on: pair.right)
  let left = pair.left
  let writing = try left.duplicate()
  try pair.right.close()
  var reader = BufferedReader(left)
  defer { _ = python.wait() }
  var censuses: [DescriptorCensus] = []
  for _ in 0...steps.count {
    let line = try reader.nextLine(as: String.self, deadline: .after(.seconds(60)))
    let processID = try #require(line.flatMap { Int32($0) })
    censuses.append(try DescriptorCensus(processID: processID))
    try writing.writeAll("x")
  }
  return censuses
}
