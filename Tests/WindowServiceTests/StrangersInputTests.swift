// What the fuzzers have found in windowd and windowctl: bytes that nobody means to write, and what they must not do.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@testable internal import WindowService

@Suite(.leakFree) struct StrangersInputTests {
  // MARK: Configuration

  /// A space and a mark that combines with it are one character, and two things.
  @Test func blanksGoWhateverTheyCombineWith() throws {
    let setting = try Setting("a = \u{301}b\r\n")
    #expect(Array(setting.key.utf8) == Array("a".utf8) && Array(setting.value.utf8) == Array("\u{301}b\r\n".utf8))
    let empty = try Setting("a = \r")
    #expect(empty.value.isEmpty)
  }

  @Test func commentIsOneWhateverFollows() throws {
    let settings = try Configuration.parse("#\u{301} comment\na=b\n")
    #expect(settings.map(\.text) == ["a=b"])
  }

  // MARK: Output shown again

  private func replayed(_ text: String) -> String {
    String(decoding: Replay.of(Array(text.utf8), isCutOff: false), as: UTF8.self)
  }

  /// A program was killed in the midst of a sequence, and the shell behind it asked.
  @Test(arguments: ["\u{1B}", "\u{1B}[", "\u{1B}[3", "\u{1B}(", "\u{1B}]0;title", "\u{1B}Pq#0"])
  func questionBehindACutSequenceIsLeftOut(beginning: String) {
    #expect(replayed("a" + beginning + "\u{1B}[6nb") == "ab")
    // Nor does what was cut off ask together with what follows the question.
    #expect(replayed("a" + beginning + "\u{1B}[6n[c") == "a[c")
    #expect(replayed("a" + beginning + "\u{18}\u{1B}[cb") == "a\u{18}b")
  }

  @Test func controlsInTheMidstOfASequenceStay() {
    #expect(replayed("\u{1B}[6\r\nn") == "\r\n")
    #expect(replayed("\u{1B}[3\t1m") == "\u{1B}[3\t1m")
    #expect(replayed("\u{1B}[3\u{05}1m\u{1B}\u{05}") == "\u{1B}[31m\u{1B}")
  }

  /// Without them it would be one, and terminals leave them out.
  @Test func questionWithControlsInItsMidstIsLeftOut() {
    for question in ["P+\u{05}q544e", "P\u{05}+q544e", "P+\nq544e", "P1$q\"p", "_Ga\t=q"] {
      #expect(replayed("a\u{1B}\(question)\u{1B}\\b") == "ab")
    }
    #expect(replayed("\u{1B}Pq#0\u{05}\u{1B}\\") == "\u{1B}Pq#0\u{1B}\\")
  }

  // MARK: What a process before has left

  /// As much as a number can say leaves none for the next byte.
  @Test func outputThatCannotBeCountedOnIsRefused() throws {
    let file = try MemoryFile(named: "test")
    var state = try WindowState.make(
      in: file, id: 7, WindowRecord(WindowSpecification(command: "cat"), command: ["cat"]),
      size: Terminal.Size(columns: 80, rows: 24), keeping: 10)
    for printed in [UInt64.max, UInt64(Int64.max) + 1] {
      state.store(printed, at: WindowState.Layout.printed)
      state.store(printed, at: WindowState.Layout.reserved)
      let copy = try file.descriptor.duplicate()
      var refusal: WindowStateError?
      do throws(WindowStateError) { _ = try WindowState.restore(copy, id: 7) } catch { refusal = error }
      #expect(refusal?.description == "its state is corrupt: its output has no end")
    }
  }

  @Test(arguments: [#"{"id":18446744073709551615}"#, #"{"ended":{"id":18446744073709551615,"exit":{}}}"#])
  func idWithoutASuccessorIsNotBelieved(entry: String) throws {
    let directory = try TemporaryDirectory()
    _ = try directory.write("{\"journal\":1}\n{\"id\":4}\n\(entry)\n", to: "journal")
    try withDaemon(environment: ["RUNTIME_DIRECTORY": directory.path]) { daemon in
      let id = try daemon.create("cat")
      #expect(id == 5)
    }
  }

  // MARK: Answers

  @Test func signalThatIsNoneIsAStatusAllTheSame() {
    #expect(ChildExit(.signaled(.max)).shellStatus == .max &+ 128)
    #expect(ChildExit(.signaled(9)).shellStatus == 137)
  }

  @Test(arguments: ["1e300", "-1e300", "12.9"]) func uptimeIsShownWhateverItIs(uptime: String) throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixListener(binding: .path(directory.file("s")))
    let job = try Job([Programs.windowctl, "status", "--socket", directory.file("s")])
    let connection = try listener.accept(deadline: patientDeadline)
    var reader = BufferedReader(try connection.duplicate())
    _ = try reader.nextLine(as: String.self, deadline: patientDeadline)
    let answer = #"{"pid":1,"uptime":\#(uptime),"windows":0,"connections":1,"descriptors":{}}"#
    try connection.writeAll(answer + "\n", deadline: patientDeadline)
    try connection.close()
    let outcome = try job.outcome()
    #expect(outcome.status == 0 && outcome.text.contains("uptime"), "\(outcome.status) \(outcome.errors)")
    _ = consume reader
    try listener.close()
  }
}
