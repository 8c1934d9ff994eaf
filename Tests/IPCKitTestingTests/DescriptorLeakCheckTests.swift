// The check without the trait, in processes where nothing else runs: the trait's own.

import Glibc
import IPCKit
import IPCKitTesting
import Synchronization
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct DescriptorLeakCheckTests {
  @Test func whatIsOpenIsLeftUntilItIsClosed() throws {
    let check = try DescriptorLeakCheck()
    let pipe = try Pipe()
    let leaks = try check.left(settlingWithin: .zero)
    #expect(leaks.count == 2 && leaks.own.map(\.kind.name) == ["pipe", "pipe"], "\(leaks)")
    try pipe.reading.close()
    try pipe.writing.close()
    #expect(try check.left(settlingWithin: .zero).isEmpty)
  }

  @Test func closureFormsTellWhatTheBodyHasLeft() async throws {
    let kept = Mutex<[Int32]>([])
    let leaks = try DescriptorLeakCheck.leaks(settlingWithin: .milliseconds(20)) {
      kept.withLock { $0.append(dup(0)) }
    }
    let later = try await DescriptorLeakCheck.leaks(settlingWithin: .milliseconds(20)) {
      try await Task.sleep(for: .milliseconds(1))
      kept.withLock { $0.append(dup(0)) }
    }
    let numbers = kept.withLock { $0 }
    #expect(leaks.own.map(\.number) == [numbers[0]] && later.own.map(\.number) == [numbers[1]])
    for number in numbers { close(number) }
    #expect(throws: IPCError.self) { try DescriptorLeakCheck.leaks { throw IPCError.endOfFile } }
  }

  @Test func aRedirectedStreamIsReplaced() throws {
    let check = try DescriptorLeakCheck()
    let before = dup(0)
    let pipe = try Pipe()
    // The number is open for the length of the call.
    _ = unsafe pipe.reading.withUnsafeNumber { dup2($0, 0) }
    let leaks = try check.left(settlingWithin: .zero)
    #expect(
      leaks.replaced.map(\.after.number) == [0] && leaks.replaced.map(\.before.target) == ["/dev/null"], "\(leaks)")
    #expect(leaks.description.contains("0 pipe, reading") && leaks.description.contains("in place of"))
    dup2(before, 0)
    close(before)
  }

  @Test func whatIsClosedMeanwhileIsNotLeft() async throws {
    let check = try DescriptorLeakCheck()
    let pipe = try Pipe()
    let number = pipe.reading.release()
    let closing = Task {
      try await Task.sleep(for: .milliseconds(100))
      close(number)
    }
    try pipe.writing.close()
    let leaks = try await check.left(settlingWithin: .seconds(60))
    #expect(leaks.isEmpty, "\(leaks)")
    try await closing.value
  }

  @Test func whatComesAndGoesIsNotLeft() async throws {
    let check = try DescriptorLeakCheck()
    let isOver = Lock(false)
    async let opening: Void = onOwnThread {
      while !isOver.withLock({ $0 }) {
        guard let pipe = try? Pipe() else { return }
        usleep(2000)
        try? pipe.reading.close()
      }
    }
    let leaks = try await check.left(settlingWithin: .seconds(60))
    isOver.withLock { $0 = true }
    try await opening
    #expect(leaks.isEmpty, "\(leaks)")
  }

  @Test func aChildHoldsWhatItHasInherited() throws {
    var others = ChildDescriptors()
    others.set(7, to: try Pipe().intoWriting())
    let earlier = try sleeper(with: others)
    let check = try DescriptorLeakCheck()
    let pipe = try Pipe()
    var descriptors = ChildDescriptors()
    descriptors.set(7, to: pipe.writing)
    let child = try sleeper(with: descriptors)
    try pipe.reading.close()
    let quiet = try sleeper(with: ChildDescriptors())
    let leaks = try check.left(settlingWithin: .milliseconds(20))
    // This process has their pidfds.
    #expect(leaks.own.map(\.kind.name) == ["pidfd", "pidfd"])
    #expect(leaks.inherited.map(\.descriptor.number) == [7], "\(leaks)")
    #expect(leaks.inherited.map(\.descriptor.processID) == [child.processID])
    #expect(leaks.inherited.map(\.processName) == ["sleep"])
    for processID in [earlier.processID, child.processID, quiet.processID] { kill(processID, SIGKILL) }
    _ = (try earlier.exit(), try child.exit(), try quiet.exit())
    #expect(try check.left(settlingWithin: .milliseconds(20)).inherited.isEmpty)
  }

  private func sleeper(with descriptors: consuming ChildDescriptors) throws -> DetachedProcess {
    try DetachedProcess(Command(arguments: ["sleep", "60"], environment: .inherited), with: descriptors)
  }
}

extension Pipe {
  /// The writing end; the other is closed.
  fileprivate consuming func intoWriting() -> FileDescriptor { writing }
}
