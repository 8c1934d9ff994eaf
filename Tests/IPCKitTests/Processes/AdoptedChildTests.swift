// Children of another process, taken over while they run: here the parent is a Python program that lives, so that the test
// says when it reaps.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct AdoptedChildTests {
  private static let soon = Duration.seconds(60)

  /// Starts a child that answers SIGTERM with status 7, says its number, and reaps it when it is told to.
  private static let parent = """
    import signal, time
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
    child = os.fork()
    if child == 0:
      os.setpgid(0, 0)
      s.send(b"%d\\n" % os.getpid())
      while True: time.sleep(0.01)
    if not s.recv(1): os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    """

  /// How such a child's end is told.
  private static func told(_ status: IPCKit.ExitStatus) -> IPCKit.ExitStatus {
    var system = utsname()
    // uname fills the structure and keeps no pointer.
    unsafe uname(&system)
    let release = unsafe withUnsafeBytes(of: system.release) { unsafe String(decoding: $0, as: UTF8.self) }
    let version = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
    return version.lexicographicallyPrecedes([6, 15]) ? .unknown : status
  }

  @Test(arguments: [(SIGTERM, IPCKit.ExitStatus.exited(7)), (SIGKILL, .signaled(SIGKILL))])
  func endIsToldOnceTheParentHasReaped(signal: Int32, status: IPCKit.ExitStatus) async throws {
    let told = try await withLoop { loop in
      let pair = try SocketPair()
      let python = try PythonProcess(Self.parent, on: pair.right)
      var parent = BufferedReader(pair.left)
      let number = try #require(
        try parent.nextLine(as: String.self, deadline: .after(Self.soon)).flatMap { Int32($0) })
      let child = ChildProcessTests.Holder(
        ChildProcess(adopting: try ProcessHandle(processID: number), processID: number, on: loop))
      let ended = Flag()
      let waiting = Task(executorPreference: loop) {
        defer { ended.set() }
        return await child.child.exit()
      }
      // Time enough to make an end up while it lives.
      await loop.sleep(until: .after(.milliseconds(20)))
      #expect(!ended.isSet)
      child.child.signalGroup(signal)
      let watch = try EventSource(ProcessHandle(processID: number).intoDescriptor(), on: loop)
      try await watch.readable(deadline: .after(Self.soon))
      if Self.told(status) != .unknown { #expect(!ended.isSet) }
      try parent.descriptor.writeAll("r")
      #expect(python.wait() == 0)
      return await waiting.value
    }
    #expect(told == Self.told(status))
  }

  @Test func signalAfterTheEndReachesNobody() async throws {
    try await withLoop { loop in
      let pair = try SocketPair()
      let python = try PythonProcess(Self.parent, on: pair.right)
      var parent = BufferedReader(pair.left)
      let number = try #require(
        try parent.nextLine(as: String.self, deadline: .after(Self.soon)).flatMap { Int32($0) })
      let child = ChildProcess(adopting: try ProcessHandle(processID: number), processID: number, on: loop)
      child.kill()
      try parent.descriptor.writeAll("r")
      #expect(python.wait() == 0)
      #expect(await child.exit() == Self.told(.signaled(SIGKILL)))
      child.signalGroup(SIGTERM)
      child.signal(SIGTERM)
    }
  }
}
