// What becomes of the descriptors that came with frames and that nobody takes, and of those that are too many.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct FrameDescriptorFateTests {
  // MARK: Not taken

  @Test func closedWhenTheNextFrameIsTaken() throws {
    let (talk, freight) = (try FrameConversation(), try Freight(3))
    var parcel = freight.take()
    let last = parcel.remove(at: 2)
    try talk.sending.send("one\n", passing: parcel)
    try talk.sending.send("two\n", passing: DescriptorList(last))
    _ = try talk.frame(.line)
    for position in 0..<3 { #expect(try freight.isHeld(position)) }
    _ = try talk.frame(.line)
    try freight.untilGone(0)
    try freight.untilGone(1)
    #expect(try freight.isHeld(2))
    let taken = talk.reader.takeDescriptors()
    let again = names(of: talk.reader.takeDescriptors())
    #expect(again == [])
    #expect(names(of: taken) == [freight.names[2]])
  }

  @Test func closedWithTheReader() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let descriptors = try nulls(2)
        try quiet.expectNothingLeftOpen {
          for frames in 0...3 {
            let talk = try FrameConversation()
            try talk.sending.send("one\n", lending: descriptors)
            try talk.sending.send("two\n", lending: descriptors)
            try talk.sending.send("unfinished", lending: descriptors)
            for _ in 0..<min(frames, 2) { _ = try talk.frame(.line) }
            if frames == 3 { _ = failure { _ = try talk.reader.nextLine(as: String.self, deadline: .after(.zero)) } }
          }
        }
      }
    }
  }

  @Test func handedBackWithTheBytesThatTheyCameWith() throws {
    let pair = try socketPair()
    let freight = try Freight(3)
    var reader = BufferedReader(pair.right, descriptorLimit: 1)
    var parcel = freight.take()
    for text in ["read\n", "unread\n", "un"] {
      try pair.left.send(text, passing: DescriptorList(parcel.remove(at: 0)))
    }
    let line = try reader.nextLine(as: String.self, deadline: .after(.seconds(60)))
    #expect(line == "read")
    // The second frame has not been received; the first one's is nobody's now.
    let detached = reader.detach()
    let unread = detached.unread
    let found = names(of: detached.descriptors)
    #expect(unread.isEmpty && found.isEmpty)
    try freight.untilGone(0)
    var another = BufferedReader(detached.intoDescriptor(), descriptorLimit: 1)
    #expect(ipcFailure { _ = try another.next(exactly: 10, deadline: .after(.zero)) } != nil)
    let back = another.detach()
    let bytes = String(decoding: back.unread, as: UTF8.self)
    let names = names(of: back.descriptors)
    #expect(bytes == "unread\nun")
    #expect(names == [freight.names[1], freight.names[2]])
  }

  @Test func readerThatTakesNoneLetsGoOfThem() throws {
    let pair = try socketPair()
    let freight = try Freight(2)
    var reader = BufferedReader(pair.right)
    try pair.left.send("one\n", passing: freight.take())
    try pair.left.writeAll("two\n")
    for expected in ["one", "two"] {
      let line = try reader.nextLine(as: String.self, deadline: .after(.seconds(60)))
      #expect(line == expected)
      let isEmpty = reader.takeDescriptors().isEmpty
      #expect(isEmpty)
    }
    try freight.untilAllAreGone()
  }

  // MARK: Too many

  @Test(arguments: [1, 2, 253], [false, true]) func moreThanTheLimitEndTheReading(limit: Int, moreComes: Bool) throws {
    let (talk, freight) = (try FrameConversation(limit: limit), try Freight(min(limit + 1, 253)))
    let expected = IPCError.peer(.tooManyDescriptors(limit: limit))
    try talk.sending.writeAll("begin ")
    // As many as a message can carry, or two of them for one frame.
    if limit == 253 { try talk.sending.send("middle ", lending: freight.descriptors) }
    try talk.sending.send("end\n", passing: freight.take())
    if moreComes { try talk.sending.writeAll("next\n") }
    // Said again, whatever has come since, and at once where nothing has.
    for _ in 0..<3 { #expect(ipcFailure { _ = try talk.line() } == expected) }
    try freight.untilAllAreGone()
  }

  @Test func endlessFrameCannotCollectThem() throws {
    let talk = try FrameConversation(limit: 2)
    let freight = (0..<4).map { _ in Result { try Freight(1) } }
    for parcel in freight { try talk.sending.send("more ", passing: try parcel.get().take()) }
    #expect(ipcFailure { _ = try talk.line() } == .peer(.tooManyDescriptors(limit: 2)))
    // Three of them were read, the fourth never is.
    for parcel in freight.prefix(3) { try parcel.get().untilAllAreGone() }
    #expect(try freight[3].get().isHeld(0))
  }

  @Test func frameBehindAFullOneHasALimitOfItsOwn() throws {
    let (talk, freight) = (try FrameConversation(limit: 2, capacity: 4), try Freight(2))
    for _ in 0..<5 {
      try talk.sending.send("frame\n", lending: freight.descriptors)
      try talk.sending.writeAll("\n")
    }
    for _ in 0..<5 {
      #expect(try talk.line() == "frame \(freight.names.joined(separator: " "))")
      #expect(try talk.line() == "")
    }
  }

  @Test func withoutRoomForThemReadingEnds() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let descriptors = try nulls(2)
        var talks: [FrameConversation] = []
        for _ in 0...2 { talks.append(try FrameConversation()) }
        // Its memory is there before the limit is lowered.
        for talk in talks {
          try talk.sending.writeAll("warm\n")
          quiet.expect(try talk.line(), is: "warm")
        }
        var room = 0
        try quiet.expectNothingLeftOpen(needing: 2) {
          defer { room += 1 }
          try talks[room].sending.send("line\n", lending: descriptors)
          try talks[room].sending.writeAll("next\n")
          do { quiet.expect(try talks[room].line(), is: "line /dev/null /dev/null") } catch {
            // What was lost is not passed over when the reader is asked again.
            quiet.expect(systemFailure { _ = try talks[room].line() }?.errno, is: EMFILE)
            throw error
          }
        }
      }
    }
  }
}
