// Units: what systemctl answers, in each way that it can; a script of the test's own answers here.

internal import IPCKitTesting
internal import Testing

@Suite(.leakFree) struct UnitTests {
  /// Runs fdwatch where `systemctl` is this script.
  private func run(_ script: String, _ arguments: String...) throws -> Outcome {
    let directory = try TemporaryDirectory()
    _ = try directory.write(
      "#!/bin/sh\necho \"$@\" >'\(directory.file("asked"))'\n\(script)\n", to: "systemctl", mode: 0o755)
    let outcome = try Job(
      [Program.path] + arguments, environment: ["PATH": directory.path + ":/usr/bin:/bin"]
    ).outcome()
    let asked = contents(of: directory.file("asked"))
    let user = arguments.contains("--user") ? "--user " : ""
    #expect(asked == "\(user)show --property=MainPID --value -- example.service\n")
    return outcome
  }

  @Test func theMainProcessIsShown() throws {
    let python = try Python("")
    for user in [[], ["--user"]] {
      let outcome = try run("echo \(python.id)", user.first ?? "--all", "--unit", "example.service")
      #expect(outcome.status == 0)
      #expect(outcome.lines.first?.contains("(\(python.id))") == true)
    }
  }

  @Test func aUnitThatDoesNotRun() throws {
    let outcome = try run("echo 0", "--unit", "example.service")
    #expect(outcome.status == 1)
    #expect(outcome.errors.hasPrefix("fdwatch: unit example.service has no main process"))
  }

  @Test func aManagerThatRefuses() throws {
    let outcome = try run("echo 'No bus for \u{1B}you' >&2; exit 1", "--unit", "example.service")
    #expect(outcome.status == 1)
    #expect(outcome.errors == "fdwatch: systemctl: No bus for \\eyou\n")
  }

  @Test func noSystemctl() throws {
    let directory = try TemporaryDirectory()
    let outcome = try Job(
      [Program.path, "--unit", "example.service"], setup: "export PATH='\(directory.path)'"
    ).outcome()
    #expect(outcome.status == 1)
    #expect(outcome.errors == "fdwatch: systemctl is not there: --unit needs systemd\n")
  }
}
