// The example that repeats the story's mistakes, and fdwatch's word for them: the kind, the rate and the pair, within three
// samples.

internal import DescriptorWatch
internal import FoundationEssentials
internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing

@Suite(.leakFree) struct LeakyTests {
  @Test func bothMistakesAreNamedWithinThreeSamples() throws {
    let report = try report()
    #expect(report.samples == 3)
    let growing = report.suspects.filter { $0.rule == .grows }
    let pairs = try #require(growing.first { $0.growth?.group.kind == "unix stream socket" })
    #expect(pairs.reason.contains("in pairs of this process alone") && pairs.reason.contains("new: socketpair "))
    #expect(pairs.confidence == .certain && pairs.growth?.rises == 2 && (pairs.growth?.perSample ?? 0) >= 2)
    let terminals = try #require(growing.first { $0.growth?.group.kind == "terminal master" })
    #expect(terminals.reason.contains("(/dev/ptmx)") && terminals.growth?.rises == 2)
  }

  @Test func oneMistakeAloneIsNamedAlone() throws {
    let watch = try report("--only", "watch").suspects.filter { $0.rule == .grows }.map(\.growth?.group.kind)
    #expect(watch == ["unix stream socket"])
    let suspects = try report("--only", "terminal").suspects
    #expect(suspects.filter { $0.rule == .grows }.map(\.growth?.group.kind) == ["terminal master"])
    // Also where there are processes that it may not look into.
    #expect(suspects.contains { $0.rule == .otherEndGone && $0.reason.contains(" terminal masters with nobody ") })
  }

  @Test func withoutMistakesNothingGrows() throws {
    // A terminal that nobody has opened yet may be there at the moment of a sample; it is another one at the next.
    let suspects = try report("--only", "none").suspects.filter { $0.confidence == .certain }
    #expect(suspects.isEmpty, "\(suspects)")
  }

  /// What fdwatch says after three samples. A window each 10 ms is several between two of them, however busy it is here.
  private func report(_ arguments: String...) throws -> ReportDocument {
    let directory = try TemporaryDirectory()
    let source = String(#filePath[..<(#filePath.firstRange(of: "/Tests/")?.lowerBound ?? #filePath.startIndex)])
    let program = directory.file("leaky")
    let compiled = try Job(["gcc", "-std=gnu11", "-o", program, "\(source)/Examples/leaky/leaky.c"]).outcome()
    #expect(compiled.status == 0, "\(compiled.errors)")
    let leaky = try Job([program] + arguments + ["10"])
    #expect(leaky.prints("window 3: "))
    let outcome = try Program.run("\(leaky.id)", "--interval", "1s", "--count", "3", "--json")
    leaky.signal(SIGTERM)
    _ = try leaky.outcome()
    return try JSONDecoder().decode(ReportDocument.self, from: Data((outcome.lines.last ?? "").utf8))
  }
}
