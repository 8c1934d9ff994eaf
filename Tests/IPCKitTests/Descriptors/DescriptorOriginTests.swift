// A descriptor's origin through its life: it goes where the descriptor goes, and ends with it or with the next owner of the
// number.
//
// To an exit test's macro all lines of its body are one, so these have functions of their own.

import Glibc
import IPCKit
import Testing

@Suite(.timeLimit(.minutes(5))) struct DescriptorOriginTests {
  // Nobody else minds, and nobody switches it off in this process.
  init() { DescriptorOrigin.isRecording = true }

  @Test func itIsTheCallersFileAndLine() throws {
    let pipe = try Pipe()
    let made = lineAbove()
    let number = unsafe pipe.reading.withUnsafeNumber { $0 }
    let found = try #require(DescriptorOrigin.of(descriptor: number))
    #expect(found.fileID == #fileID)
    #expect(found.description == made)
    #expect("\(found.fileID):\(found.line)" == made)
    #expect(origin(of: pipe.writing) == made)
  }

  @Test func functionHandsItsOwnCallersOn() throws {
    func makeTimer(fileID: StaticString = #fileID, line: UInt32 = #line) throws -> FileDescriptor {
      let timer = try KernelTimer(fileID: fileID, line: line)
      return timer.descriptor
    }
    let timer = try makeTimer()
    #expect(origin(of: timer) == lineAbove())
  }

  @Test(arguments: [-1, 1 << 20, .max, .min] as [Int32]) func numberThatNobodyHasHasNone(number: Int32) {
    #expect(DescriptorOrigin.of(descriptor: number) == nil)
  }

  @Test func itGoesFromOwnerToOwner() async throws {
    let pair = try SocketPair()
    let made = lineAbove()
    var list = DescriptorList(pair.left)
    list.append(pair.right)
    #expect(origin(of: list[1]) == made)
    let reader = BufferedReader(list.remove(at: 1))
    #expect(origin(of: reader.descriptor) == made)
    let box = Box(reader.detach().intoDescriptor())
    try await withLoop { loop in
      let source = try EventSource(box.take(), on: loop)
      #expect(origin(of: source.descriptor) == made)
      #expect(origin(of: source.detach()) == made)
    }
  }

  @Test func duplicateHasItsOwn() throws {
    let pipe = try Pipe()
    let made = lineAbove()
    let copy = try pipe.reading.duplicate()
    #expect(origin(of: copy) == lineAbove())
    #expect(origin(of: pipe.reading) == made)
  }

  @Test func releasedNumberKeepsItUntilItHasAnotherOwner() throws {
    let number = try EventCounter().intoDescriptor().release()
    #expect(DescriptorOrigin.of(descriptor: number)?.description == lineAbove())
    // Released above.
    let owner = unsafe FileDescriptor(owning: number)
    #expect(origin(of: owner) == lineAbove())
  }

  @Test func closedAndEndedAreForgotten() async {
    await #expect(processExitsWith: .success) { try Self.closeAndEnd() }
  }

  private static func closeAndEnd() throws {
    DescriptorOrigin.isRecording = true
    try inQuietProcess { quiet in
      let number = lowestFreeDescriptor()
      func make() throws -> EventCounter {
        let counter = try EventCounter()
        quiet.expect(origin(of: counter.descriptor) == lineAbove(), "made")
        return counter
      }
      func end() throws { _ = try make() }
      try end()
      quiet.expect(DescriptorOrigin.of(descriptor: number) == nil, "ended")
      try make().intoDescriptor().close()
      quiet.expect(DescriptorOrigin.of(descriptor: number) == nil, "closed")
      // Another file's that IPCKit knows nothing of.
      quiet.expect(dup(0), is: number)
      quiet.expect(DescriptorOrigin.of(descriptor: number) == nil, "reused")
    }
  }

  @Test func manyNumbersHaveEachItsOwn() throws {
    var low = DescriptorList()
    var high = DescriptorList()
    let pipe = try Pipe()
    for _ in 0..<200 {
      low.append(try pipe.reading.duplicate(line: 7))
      high.append(try pipe.reading.duplicate(line: .max))
    }
    for position in 0..<200 {
      #expect(origin(of: low[position]) == "\(#fileID):7")
      #expect(origin(of: high[position]) == "\(#fileID):\(UInt32.max)")
    }
  }

  @Test func threadsAtOnceEachSeeTheirOwn() async throws {
    let threads = (1...4 as ClosedRange<UInt32>).map { line in
      RunningThread {
        var wrong = 0
        for _ in 0..<2000 {
          let pipe = try Pipe(line: line)
          let kept = try pipe.writing.duplicate(line: line + 10)
          if origin(of: pipe.reading) != "\(#fileID):\(line)" { wrong += 1 }
          try pipe.intoReading().close()
          if origin(of: kept) != "\(#fileID):\(line + 10)" { wrong += 1 }
        }
        return wrong
      }
    }
    #expect(try await onOwnThread { try threads.map { try $0.join() } } == [0, 0, 0, 0])
  }
}

// MARK: - On and off

extension DescriptorOriginTests {
  @Test func offRecordsNothingAndForgetsAll() async {
    await #expect(processExitsWith: .success) { try Self.switchOffAndOn() }
  }

  private static func switchOffAndOn() throws {
    DescriptorOrigin.isRecording = false
    let before = try Pipe()
    #expect(origin(of: before.reading) == nil)
    DescriptorOrigin.isRecording = true
    #expect(DescriptorOrigin.isRecording)
    #expect(origin(of: before.reading) == nil)
    let pipe = try Pipe()
    #expect(origin(of: pipe.reading) == lineAbove())
    DescriptorOrigin.isRecording = false
    #expect(!DescriptorOrigin.isRecording)
    #expect(origin(of: pipe.reading) == nil)
    // Closed where nothing is recorded any more, and again where something is.
    try pipe.intoReading().close()
    DescriptorOrigin.isRecording = true
    try before.intoReading().close()
  }

  @Test func switchedWhileOthersRecord() async {
    await #expect(processExitsWith: .success) { try Self.switchAmongThreads() }
  }

  private static func switchAmongThreads() throws {
    DescriptorOrigin.isRecording = true
    let isDone = Flag()
    let threads = (0..<4).map { _ in RunningThread { while !isDone.isSet { _ = try Pipe() } } }
    for _ in 0..<2000 { DescriptorOrigin.isRecording.toggle() }
    isDone.set()
    for thread in threads { try thread.join() }
    #expect(DescriptorOrigin.isRecording)
    let pipe = try Pipe()
    #expect(origin(of: pipe.reading) == lineAbove())
  }

  @Test func forkedChildGoesOnFromACopy() async {
    await #expect(processExitsWith: .success) { try Self.fork() }
  }

  private static func fork() throws {
    DescriptorOrigin.isRecording = true
    let pipe = try Pipe()
    let made = lineAbove()
    // Some of the children are forked while another thread is at the table.
    let isDone = Flag()
    let thread = RunningThread { while !isDone.isSet { for _ in 0..<100 { _ = DescriptorOrigin.of(descriptor: 0) } } }
    for _ in 0..<50 {
      let told = try toldByForkedChild {
        let own = try Pipe()
        return "\(origin(of: pipe.reading) == made) \(origin(of: own.reading) == lineAbove())"
      }
      #expect(told == "true true")
    }
    isDone.set()
    try thread.join()
  }

  private static let variable = "IPCKIT_ORIGINS_TEST"

  @Test(arguments: zip(["1", "yes", "00", "0", "", nil], [true, true, true, false, false, false]))
  func environmentSwitchesItOn(value: String?, isOn: Bool) throws {
    let program = try #require(linkTarget("/proc/self/exe"))
    var environment = Environment.inherited
    environment["IPCKIT_ORIGINS"] = value
    environment[Self.variable] = "1"
    let output = try Pipe()
    // This test program once more: the one test below is enabled then.
    let command = Command(
      arguments: [program, "--testing-library", "swift-testing", "--filter", "DescriptorOriginEnvironment"],
      environment: environment)
    let child = try DetachedProcess(command, output: output.writing, deadline: .after(.seconds(60)))
    try output.writing.close()
    var reader = BufferedReader(output.reading)
    var said: [String] = []
    while let line = try reader.nextLine(as: String.self, deadline: .after(.seconds(60))) {
      if line.hasPrefix("origin ") { said.append(line) }
    }
    #expect(try child.exit(deadline: .after(.seconds(60))) == .exited(0))
    #expect(said == [isOn ? "origin IPCKitTests/DescriptorOriginTests.swift:1" : "origin none"])
  }

  /// In a suite of its own, which switches nothing on.
  @Suite struct DescriptorOriginEnvironment {
    @Test(.enabled(if: Environment.inherited[variable] != nil, "for the process that another test starts"))
    func originIsToldWhereTheEnvironmentAsksForIt() throws {
      let pipe = try Pipe(line: 1)
      print("origin \(origin(of: pipe.reading) ?? "none")")
    }
  }
}

/// A descriptor on its way to another thread.
private final class Box: @unchecked Sendable {
  private var descriptor: FileDescriptor?
  init(_ descriptor: consuming FileDescriptor) { self.descriptor = consume descriptor }
  func take() -> FileDescriptor {
    guard let taken = descriptor.take() else { preconditionFailure("taken before") }
    return taken
  }
}
