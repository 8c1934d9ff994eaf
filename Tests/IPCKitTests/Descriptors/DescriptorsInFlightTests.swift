// Descriptors that were sent and that nobody has received: they are open as long as the socket that they wait in, and not
// longer, whoever dies.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct DescriptorsInFlightTests {
  private static let types = [SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM]

  @Test(arguments: types) func neverReceivedTheyEndWithTheReceiver(_ type: __socket_type) throws {
    var pair = try socketPair(type)
    let freight = try Freight(3)
    try pair.left.send("x", passing: freight.take())
    for position in 0..<3 { #expect(try freight.isHeld(position)) }
    pair.right = try openFile("/dev/null", O_RDONLY)
    try freight.untilAllAreGone()
    #expect(systemFailure { try pair.left.send("x", lending: DescriptorList()) } != nil)
  }

  @Test(arguments: types) func theyArriveThoughTheSenderHasClosed(_ type: __socket_type) throws {
    var pair = try socketPair(type)
    let freight = try Freight(3)
    try pair.left.send("x", passing: freight.take())
    pair.left = try openFile("/dev/null", O_RDONLY)
    let message = try receive(pair.right)
    let summary = message.summary
    #expect(summary == "x \(freight.names.joined(separator: " "))")
    _ = message.intoDescriptors()
    try freight.untilAllAreGone()
  }

  @Test func receiverThatIsKilledLosesWhatItHasAndWhatWaitsForIt() async {
    await #expect(processExitsWith: .success) {
      for type in [SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM] {
        var pair = try socketPair(type)
        let child = ForkedChild {
          guard let message = try? receive(pair.right), (try? pair.right.writeAll("got it")) != nil else { return 1 }
          // Holds what it has received until it is killed.
          pause()
          return message.text.isEmpty ? 1 : 2
        }
        pair.right = try openFile("/dev/null", O_RDONLY)
        let (received, waiting) = (try Freight(2), try Freight(2))
        try pair.left.send("x", passing: received.take())
        let answer = try receive(pair.left)
        #expect(answer.text == "got it")
        try pair.left.send("y", passing: waiting.take())
        for position in 0..<2 { #expect(try received.isHeld(position) && waiting.isHeld(position)) }
        child.kill()
        try received.untilAllAreGone()
        try waiting.untilAllAreGone()
        #expect(child.wait() == -SIGKILL)
      }
    }
  }

  @Test func whatAKilledSenderHasSentArrives() async {
    await #expect(processExitsWith: .success) {
      for type in [SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM] {
        var pair = try socketPair(type)
        let freight = try Freight(2)
        let child = ForkedChild {
          guard (try? pair.left.send("x", passing: freight.take())) != nil else { return 1 }
          kill(getpid(), SIGKILL)
          return 2
        }
        // Its own copies end here.
        _ = freight.take()
        pair.left = try openFile("/dev/null", O_RDONLY)
        #expect(child.wait() == -SIGKILL)
        let message = try receive(pair.right)
        let summary = message.summary
        #expect(summary == "x \(freight.names.joined(separator: " "))")
        _ = message.intoDescriptors()
        try freight.untilAllAreGone()
      }
    }
  }

  // MARK: Sockets that carry sockets

  @Test(arguments: types) func socketsThatCarryEachOtherAreCollected(_ type: __socket_type) throws {
    let (freight, known) = (try Freight(2), Log<String>())
    // In a function of its own, at whose end nobody but the kernel has any of the four.
    func sendAway() throws {
      let first = try socketPair(type)
      let second = try socketPair(type)
      for name in [target(of: first.right), target(of: second.right)] { known.append(name ?? "?") }
      // Each of the receiving ends waits in the other one's queue, and a pipe beside it.
      var parcel = freight.take()
      var other = DescriptorList(parcel.remove(at: 1))
      other.append(try first.right.duplicate())
      parcel.append(try second.right.duplicate())
      try first.left.send("x", passing: parcel)
      try second.left.send("x", passing: other)
      #expect(try known.entries.allSatisfy(isKnown))
    }
    try sendAway()
    try freight.untilAllAreGone()
    try eventually("wait for sockets to be collected") { try !known.entries.contains(where: isKnown) }
  }

  @Test(arguments: types) func socketThatCarriesItselfIsCollected(_ type: __socket_type) throws {
    let (freight, known) = (try Freight(1), Log<String>())
    func sendAway() throws {
      let pair = try socketPair(type)
      known.append(target(of: pair.right) ?? "?")
      var parcel = freight.take()
      parcel.append(try pair.right.duplicate())
      try pair.left.send("x", passing: parcel)
      #expect(try known.entries.allSatisfy(isKnown))
    }
    try sendAway()
    try freight.untilAllAreGone()
    try eventually("wait for sockets to be collected") { try !known.entries.contains(where: isKnown) }
  }

  @Test func socketInASocketArrivesWithWhatWaitsInIt() throws {
    let outer = try socketPair()
    let inner = try socketPair()
    let freight = try Freight(1)
    try inner.left.send("inside", passing: freight.take())
    try outer.left.send("outside", passing: DescriptorList(inner.right))
    let message = try receive(outer.right)
    let within = try receive(message.descriptors[0])
    #expect(within.summary == "inside \(freight.names[0])")
  }

  /// Whether the kernel has a socket of that name, `socket:[inode]`, in anybody's hands or in none.
  private func isKnown(_ name: String) throws -> Bool {
    let inode = name.dropFirst("socket:[".count).dropLast()
    return try contents(of: "/proc/net/unix").split(separator: "\n").contains { line in
      line.split(separator: " ").dropFirst(6).first == inode
    }
  }
}
