// Being activated: descriptors from number 3 on, and variables that name this very process. Both are prepared in a
// forked child, which takes them over as a service would.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct SocketActivationTests {
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
        try setVariable("LISTEN_PIDFDID", "1")
        let first = try SocketActivation.take()
        let variables = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"]
        let left = variables.filter { Environment.inherited[$0] != nil }
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

  @Test func closedDescriptorIsAnErrorAndTheVariablesAreGone() async {
    await #expect(processExitsWith: .success) {
      let told = try activated([.listener, .pipe, .closed], names: "a:b:c") {
        let errno = systemFailure { _ = try SocketActivation.take() }?.errno
        return "\(errno == EBADF) \(Environment.inherited["LISTEN_FDS"] == nil) \(openNumbers())"
      }
      #expect(told == "true true []")
    }
  }

  @Test func namesThatDoNotFitTheirNumberAreAnError() async {
    await #expect(processExitsWith: .success) {
      let told = try activated([.listener, .listener], names: "a:b:c") {
        "\(systemFailure { _ = try SocketActivation.take() } != nil) \(openNumbers())"
      }
      #expect(told == "true []")
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
