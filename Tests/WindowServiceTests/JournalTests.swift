// The journal of a daemon: what is added is read again, and it does not grow for ever.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@testable internal import WindowService

@Suite(.leakFree) struct JournalTests {
  private typealias Entry = Journal.Entry

  @Test func whatIsAddedIsReadAgain() throws {
    let directory = try TemporaryDirectory()
    let entries = [
      Entry(id: 1), Entry(ended: Reply.Ended(id: 1, exit: ChildExit(.signaled(9)))), Entry(settings: ["a=b", "c="]),
      Entry(id: .max),
    ]
    var journal = Journal(in: directory.path, log: Log())
    #expect(journal.read() == [])
    journal.rewrite([])
    for entry in entries { journal.add(entry) }
    let next = Journal(in: directory.path, log: Log())
    #expect(next.read() == [Entry(journal: 1)] + entries)
  }

  @Test func itIsWrittenAnewInTime() throws {
    let directory = try TemporaryDirectory()
    var journal = Journal(in: directory.path, log: Log())
    journal.rewrite([])
    var count = 0
    while !journal.isLong, count < 1_000_000 {
      journal.add(Entry(id: 1_000_000))
      count += 1
    }
    #expect((1000...100_000).contains(count))
    journal.rewrite([Entry(id: 5)])
    let isLong = journal.isLong
    #expect(!isLong)
    #expect(journal.read() == [Entry(journal: 1), Entry(id: 5)])
    #expect(names(in: directory.path) == ["journal"])
  }

  /// Of another version, of another program, a link, which is not followed, and what is no file.
  @Test(arguments: [
    "echo '{\"journal\":9}'>journal", "echo somebody else\\'s >journal", "echo '{\"id\":1}'>journal",
    "ln -s elsewhere journal", "mkdir journal",
  ])
  func whatCannotBeReadIsPutAside(script: String) throws {
    let directory = try TemporaryDirectory()
    _ = try run(["/bin/sh", "-c", "cd '\(directory.path)' && \(script)"])
    var journal = Journal(in: directory.path, log: Log())
    #expect(journal.read() == [])
    journal.rewrite([])
    #expect(names(in: directory.path).sorted() == ["journal", "journal.unread"])
    #expect(text(of: directory.file("journal")) == "{\"journal\":1}\n")
  }

  @Test func aShortageThatPassesCostsNothing() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let before = try DescriptorLimit.current()
      var lowered = before
      lowered.soft = 3
      while true {
        var journal = Journal(in: directory.path, log: Log())
        journal.rewrite([Entry(id: 7)])
        // While the limit is low, no file can be opened.
        try lowered.apply()
        let begun = ContinuousClock.now
        let lifted = Lock<ContinuousClock.Instant?>(nil)
        try startThread {
          usleep(30_000)
          try? before.apply()
          lifted.withLock { $0 = .now }
        }
        let read = journal.read()
        #expect(eventually { lifted.withLock { $0 } != nil })
        // Where the thread was late, the shortage was one that does not pass.
        guard let end = lifted.withLock({ $0 }), end - begun < .milliseconds(80) else { continue }
        return #expect(read == [Entry(journal: 1), Entry(id: 7)])
      }
    }
  }

  @Test func withoutADirectoryNothingIsKept() {
    var journal = Journal(in: nil, log: Log())
    journal.rewrite([])
    journal.add(Entry(id: 1))
    #expect(journal.read() == [])
  }
}
