// A daemon as its starter sees it: no terminal, three descriptors, and its end.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct DetachedProcessTests {
  private static let soon = Duration.seconds(60)

  @Test func outputGoesWhereItWasTold() throws {
    let said = try run(["sh", "-c", "cat; echo out; echo error >&2; exit 5"])
    #expect(said.text == "out\nerror\n")
    #expect(said.status == .exited(5))
  }

  @Test func descriptorsAreThree() async {
    await #expect(processExitsWith: .success) {
      for number in [50, 51] as [Int32] { dup2(0, number) }
      let said = try DetachedProcessTests().run(["ls", "/proc/self/fd"])
      #expect(said.text == "0\n1\n2\n3\n")
    }
  }

  @Test func sessionIsItsOwnWithoutATerminal() throws {
    let said = try run(["sh", "-c", "set -- $(cut -d')' -f2 /proc/$$/stat); echo $$ $4 $5"])
    let fields = said.text.split(whereSeparator: \.isWhitespace)
    #expect(fields.count == 3 && fields[0] == fields[1] && fields[2] == "0")
  }

  @Test func missingProgramIsToldAndReaped() throws {
    #expect(ipcFailure { _ = try run(["/no/such"]) }?.description == "execute /no/such: No such file or directory")
    #expect(ipcFailure { _ = try run([]) } != nil)
  }

  @Test func livingChildRunsIntoTheDeadline() throws {
    let pipe = try Pipe()
    let command = Command(arguments: ["sleep", "1000"], environment: .inherited)
    let process = try DetachedProcess(command, output: pipe.writing, deadline: .after(Self.soon))
    #expect(ipcFailure { _ = try process.exit(deadline: .after(.zero)) } == .deadlineExceeded(operation: "wait"))
    kill(process.processID, SIGKILL)
    #expect(try process.exit(deadline: .after(Self.soon)) == .signaled(SIGKILL))
  }

  @Test func withoutRoomLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let pipe = try Pipe()
        let command = Command(arguments: ["true"], environment: .inherited)
        // A copy of the output, /dev/null, the two ends of the status pipe and the pidfd.
        try quiet.expectNothingLeftOpen(needing: 5) {
          _ = try DetachedProcess(command, output: pipe.writing).exit()
        }
      }
    }
  }

  private func run(_ arguments: [String]) throws -> (text: String, status: IPCKit.ExitStatus) {
    let pipe = try Pipe()
    let command = Command(arguments: arguments, environment: .inherited)
    let process = try DetachedProcess(command, output: pipe.writing, deadline: .after(Self.soon))
    try pipe.writing.close()
    var reader = BufferedReader(pipe.reading)
    var text = ""
    while let line = try reader.nextLine(as: String.self, deadline: .after(Self.soon)) { text += line + "\n" }
    return (text, try process.exit(deadline: .after(Self.soon)))
  }
}
