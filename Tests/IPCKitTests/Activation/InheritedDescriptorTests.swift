// What was handed over is told apart by what it is, and taken as nothing else: under one name there may be anything.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct InheritedDescriptorTests {
  @Test func whatRemainsIsToldByNameAndKind() async {
    await #expect(processExitsWith: .success) {
      let kinds = Inherited.allCases.filter { $0 != .closed }
      let names = kinds.map { "\($0.rawValue)" }
      let told = try activated(kinds, names: names.joined(separator: ":")) {
        let activation = try SocketActivation.take()
        return activation.remaining.map { "\($0.name): \($0.kind)" }.joined(separator: "\n")
      }
      let expected = kinds.map { "\($0.rawValue): \($0.kind)" }
      #expect(told.split(separator: "\n").map(String.init) == expected)
    }
  }

  @Test func underOneNameEachIsTakenAsWhatItIs() async {
    await #expect(processExitsWith: .success) {
      let kinds: [Inherited] = [
        .memory, .connected, .fifo, .datagram, .seqpacketConnected, .seqpacketListener, .listener,
      ]
      let told = try activated(kinds, names: kinds.map { _ in "a" }.joined(separator: ":")) {
        var activation = try SocketActivation.take()
        let before = descriptions()
        guard let listener = try activation.takeListener(named: "a"), listener.type == .stream else {
          return "listener"
        }
        guard let packets = try activation.takeListener(named: "a", type: .seqpacket), packets.type == .seqpacket
        else { return "packets" }
        guard let stream = try activation.takeConnection(named: "a"), target(of: stream) == before[4] else {
          return "stream"
        }
        guard let packet = try activation.takeConnection(named: "a", type: .seqpacket), target(of: packet) == before[7]
        else { return "packet" }
        guard let datagram = try activation.takeDatagram(named: "a"), target(of: datagram.descriptor) == before[6]
        else { return "datagram" }
        guard let fifo = try activation.takeFIFO(named: "a"), target(of: fifo) == before[5] else { return "FIFO" }
        guard let memory = activation.takeDescriptor(named: "a"), target(of: memory) == before[3] else {
          return "memory"
        }
        return "all \(activation.remaining)"
      }
      #expect(told == "all []")
    }
  }

  @Test func withoutANameTheFirstOfTheKindIsTaken() async {
    await #expect(processExitsWith: .success) {
      let told = try activated([.memory, .connected, .datagram, .fifo, .listener], names: "m:c:d:f:l") {
        var activation = try SocketActivation.take()
        let listener = try activation.takeListener()
        var left = [activation.names.joined()]
        guard listener != nil, try activation.takeFIFO() != nil else { return "none" }
        left.append(activation.names.joined())
        guard try activation.takeDatagram() != nil else { return "no datagram" }
        left.append(activation.names.joined())
        guard try activation.takeConnection() != nil else { return "no connection" }
        left.append(activation.names.joined())
        guard try activation.takeListener() == nil, try activation.takeConnection() == nil,
          try activation.takeDatagram() == nil, try activation.takeFIFO() == nil
        else { return "more" }
        return left.joined(separator: " ")
      }
      #expect(told == "mcdf mcd mc m")
    }
  }

  @Test(arguments: Inherited.allCases.filter { $0 != .closed }) func whatIsSomethingElseIsRefusedAndRemains(
    kind: Inherited
  )
    async
  {
    await #expect(processExitsWith: .success) { [kind = kind as Inherited] in
      let told = try activated([kind], names: "a") {
        func refusals() throws -> String {
          var activation = try SocketActivation.take()
          var refused: [String] = []
          for type in [SocketType.stream, .seqpacket] where kind.kind != .listening(type) {
            refused.append(refusal { _ = try activation.takeListener(named: "a", type: type) })
          }
          for type in [SocketType.stream, .seqpacket] where kind.kind != .connected(type) {
            refused.append(refusal { _ = try activation.takeConnection(named: "a", type: type) })
          }
          if kind.kind != .datagram { refused.append(refusal { _ = try activation.takeDatagram(named: "a") }) }
          if kind.kind != .fifo { refused.append(refusal { _ = try activation.takeFIFO(named: "a") }) }
          // Nothing else has the name.
          let absent = try activation.takeListener(named: "b") == nil && activation.takeDescriptor(named: "b") == nil
          return "\(Set(refused)) \(absent) \(activation.names) \(openNumbers())"
        }
        let during = try refusals()
        return "\(during) \(openNumbers())"
      }
      #expect(told == #"["\#(EINVAL) \#(kind.kind)"] true ["a"] [3] []"#)
    }
  }

  @Test func allOfANameComeInOrderAndWhatIsTwiceThereIsTwoDescriptors() async {
    await #expect(processExitsWith: .success) {
      let told = try activated([.pipe, .memory, .listener, .pipe], names: "w:w:control:w") {
        // The last one is the same open file as the first.
        dup2(3, 6)
        var activation = try SocketActivation.take()
        let before = descriptions()
        let taken = activation.takeDescriptors(named: "w")
        let none = activation.takeDescriptors(named: "w")
        let found = names(of: taken)
        let isSame = found == [before[3], before[4], before[3]]
        let areClosedOnExec = (3...6).allSatisfy { fcntl($0, F_GETFD) == FD_CLOEXEC }
        return "\(isSame) \(none.count) \(areClosedOnExec) \(activation.names)"
      }
      #expect(told == #"true 0 true ["control"]"#)
    }
  }

  @Test func datagramReceivesWithoutWaitingAndItsPathStays() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let path = directory("s")
      let told = try activated([.datagram], names: "a", at: path) {
        var activation = try SocketActivation.take()
        guard let socket = try activation.takeDatagram(named: "a") else { return "none" }
        let flags = (fcntl(3, F_GETFD) & FD_CLOEXEC, fcntl(3, F_GETFL) & O_NONBLOCK)
        try UnixDatagram().sendText("hello", to: .path(path))
        let text = try socket.receiveText().text
        let address = try socket.address
        try socket.close()
        return "\(flags) \(text) \(address == .path(path)) \(openNumbers())"
      }
      #expect(told == "(\(FD_CLOEXEC), \(O_NONBLOCK)) hello true []")
      #expect(mode(of: path) != nil)
    }
  }

  @Test func connectionAnswersAndIsCloseOnExecAndNonBlocking() async {
    await #expect(processExitsWith: .success) {
      let told = try activated([.connected], names: "connection") {
        // Another pair's end in its place, whose peer is here.
        let pair = try socketPair()
        unsafe _ = pair.left.withUnsafeNumber { dup2($0, 3) }
        try pair.left.close()
        var activation = try SocketActivation.take()
        guard let connection = try activation.takeConnection(named: "connection") else { return "none" }
        let flags = (fcntl(3, F_GETFD) & FD_CLOEXEC, fcntl(3, F_GETFL) & O_NONBLOCK)
        try connection.writeAll("hello\n")
        try connection.close()
        var reader = BufferedReader(pair.right)
        let line = try reader.nextLine(as: String.self, deadline: .after(.seconds(60))) ?? ""
        let end = try reader.nextLine(as: String.self, deadline: .after(.seconds(60)))
        return "\(flags) \(line) \(end == nil)"
      }
      #expect(told == "(\(FD_CLOEXEC), \(O_NONBLOCK)) hello true")
    }
  }

  @Test func connectionWhosePeerHasGoneIsStillOne() async {
    await #expect(processExitsWith: .success) {
      // The other end of the pair was closed when it was made.
      let told = try activated([.connected, .seqpacketConnected], names: nil) {
        "\(try SocketActivation.take().remaining.map(\.kind))"
      }
      #expect(told == "[a connected stream socket, a connected seqpacket socket]")
    }
  }
}

/// What each of the first numbers leads to.
private func descriptions() -> [Int32: String] { openDescriptors().filter { $0.key >= 3 && $0.key < 200 } }

/// How taking is refused: the error, and what the descriptor is said to be.
private func refusal(_ body: () throws -> Void) -> String {
  guard let error = systemFailure(of: body) else { return "none" }
  return "\(error.errno) \(error.object?.components(after: "descriptor 3 is ") ?? "?")"
}

extension String {
  fileprivate func components(after words: String) -> String? {
    guard let range = firstRange(of: words) else { return nil }
    return String(self[range.upperBound...])
  }
}
