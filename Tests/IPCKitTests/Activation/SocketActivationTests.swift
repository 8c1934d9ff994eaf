// Being activated: descriptors from number 3 on, and variables that name this very process. Both are prepared in a forked
// child, which takes them over as a service would; and once by the system's own activator, where there is one.

import Glibc
import IPCKit
import Testing

@Suite(.timeLimit(.minutes(5))) struct SocketActivationTests {
  /// What stands at number 3, 4 and so on.
  enum Inherited: String, Codable { case listener, datagram, connected, pipe, closed }

  @Test func socketsAreTakenByName() async {
    await #expect(processExitsWith: .success) {
      let told = try activated([.listener, .listener], names: "control:other") {
        var activation = try SocketActivation.take()
        let names = activation.names
        let other = try activation.takeListener(named: "other")
        let missing = try activation.takeListener(named: "missing")
        let (found, unfound) = (other != nil, missing == nil)
        return "\(names) \(found) \(unfound) \(activation.names)"
      }
      #expect(told == #"["control", "other"] true true ["control"]"#)
    }
  }

  @Test func withoutANameTheFirstIsTaken() async {
    await #expect(processExitsWith: .success) {
      let told = try activated([.listener, .listener], names: "a:b") {
        var activation = try SocketActivation.take()
        let listener = try activation.takeListener()
        let found = listener != nil
        return "\(found) \(activation.names)"
      }
      #expect(told == #"true ["b"]"#)
    }
  }

  @Test func socketsWithoutNamesAreUnknown() async {
    await #expect(processExitsWith: .success) {
      let told = try activated([.listener, .listener], names: nil) { "\(try SocketActivation.take().names)" }
      #expect(told == #"["unknown", "unknown"]"#)
    }
  }

  @Test func sameNameIsTakenOneByOne() async {
    await #expect(processExitsWith: .success) {
      let told = try activated([.listener, .listener], names: "a:a") {
        var activation = try SocketActivation.take()
        var count = 0
        while try takes(&activation, "a") { count += 1 }
        return "\(count)"
      }
      #expect(told == "2")
    }
  }

  @Test func listenerAcceptsAndIsCloseOnExecAndNonBlocking() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let path = directory("s")
      let told = try activated([.listener], names: "a", at: path) {
        var activation = try SocketActivation.take()
        guard let listener = try activation.takeListener(named: "a") else { return "none" }
        let flags = (fcntl(3, F_GETFD) & FD_CLOEXEC, fcntl(3, F_GETFL) & O_NONBLOCK)
        let client = try UnixStream(connectingTo: .path(path))
        let accepted = try listener.accept(deadline: .after(.seconds(60)))
        try client.descriptor.writeAll("hello\n")
        var reader = BufferedReader(accepted)
        return "\(flags) \(try reader.nextLine(as: String.self) ?? "")"
      }
      #expect(told == "(\(FD_CLOEXEC), \(O_NONBLOCK)) hello")
      // Its path is the activator's.
      #expect(mode(of: path) != nil)
    }
  }

  @Test func variablesAreGoneAndASecondLookFindsNone() async {
    await #expect(processExitsWith: .success) {
      let told = try activated([.listener], names: "a") {
        let first = try SocketActivation.take()
        let left = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"].filter { Environment.inherited[$0] != nil }
        let second = try SocketActivation.take()
        return "\(first.names) \(left) \(second.names)"
      }
      #expect(told == #"["a"] [] []"#)
    }
  }

  @Test func whatNobodyTookIsClosed() async {
    await #expect(processExitsWith: .success) {
      let told = try activated([.listener, .listener, .pipe], names: "a:b:c") {
        func takeOne() throws -> String {
          var activation = try SocketActivation.take()
          let listener = try activation.takeListener(named: "b")
          let numbers = openNumbers()
          return "\(numbers) \(listener != nil) \(activation.names)"
        }
        let during = try takeOne()
        return "\(during) \(openNumbers())"
      }
      #expect(told == #"[3, 4, 5] true ["a", "c"] []"#)
    }
  }

  @Test(arguments: [Inherited.datagram, .connected, .pipe]) func whatIsNoListenerIsRefusedAndClosed(kind: Inherited)
    async
  {
    await #expect(processExitsWith: .success) { [kind = kind as Inherited] in
      let told = try activated([kind], names: "a") {
        var activation = try SocketActivation.take()
        let errno = systemFailure { _ = try activation.takeListener(named: "a") }?.errno
        return "\(errno == EINVAL || errno == ENOTSOCK) \(activation.names) \(openNumbers())"
      }
      #expect(told == "true [] []")
    }
  }

  @Test func closedDescriptorIsAnErrorAndTheVariablesAreGone() async {
    await #expect(processExitsWith: .success) {
      let told = try activated([.listener, .closed], names: "a:b") {
        let errno = systemFailure { _ = try SocketActivation.take() }?.errno
        return "\(errno == EBADF) \(Environment.inherited["LISTEN_FDS"] == nil)"
      }
      #expect(told == "true true")
    }
  }

  @Test func namesThatDoNotFitTheirNumberAreAnError() async {
    await #expect(processExitsWith: .success) {
      let told = try activated([.listener, .listener], names: "a:b:c") {
        "\(systemFailure { _ = try SocketActivation.take() } != nil)"
      }
      #expect(told == "true")
    }
  }

  @Test(arguments: ["1", "0", "-5", "", "x", "99999999999999999999"]) func anothersPIDMeansNone(pid: String) async {
    await #expect(processExitsWith: .success) { [pid = pid as String] in
      let told = try activated([.listener], names: "a", pid: pid) {
        let names = try? SocketActivation.take().names
        // Not ours: left alone.
        return "\(names ?? []) \(openNumbers())"
      }
      #expect(told == "[] [3]")
    }
  }

  @Test func withoutVariablesThereIsNone() async throws {
    let names = try SocketActivation.take().names
    #expect(names == [])
  }
}

private func takes(_ activation: inout SocketActivation, _ name: String) throws -> Bool {
  let listener = try activation.takeListener(named: name)
  return listener != nil
}

/// Which of the first numbers that are handed over are open.
private func openNumbers() -> [Int32] { (3...6).filter { fcntl($0, F_GETFD) >= 0 } }

/// Runs `body` in a forked child that was activated with the given descriptors, and hands out what it tells.
private func activated(
  _ kinds: [SocketActivationTests.Inherited], names: String?, pid: String? = nil, at path: String? = nil,
  _ body: () throws -> String
) throws -> String {
  let directory = try TemporaryDirectory()
  return try toldByForkedChild { report in
    // The report moves out of the way, and everything else from 3 on is closed.
    let high = dup2(report, 200)
    for number in Int32(3)..<200 { close(number) }
    for (index, kind) in kinds.enumerated() {
      let descriptor = try make(kind, at: path ?? directory("s\(index)"))
      // Blocking and not close-on-exec, as an activator leaves it.
      try descriptor.setCloseOnExec(false)
      let number = descriptor.release()
      precondition(number == 3 + Int32(index), "the lowest free number")
      if kind == .closed { close(number) }
    }
    try setVariable("LISTEN_FDS", "\(kinds.count)")
    try setVariable("LISTEN_PID", pid ?? "\(getpid())")
    if let names { try setVariable("LISTEN_FDNAMES", names) }
    return (high, try body())
  }
}

private func make(_ kind: SocketActivationTests.Inherited, at path: String) throws -> FileDescriptor {
  switch kind {
  case .listener: try boundSocket(path, backlog: 5)
  case .datagram: try boundSocket(path, SOCK_DGRAM)
  case .connected: try socketPair().intoLeft()
  case .pipe, .closed: try Pipe().intoReading()
  }
}
