// What is not received whole is not received at all: too many descriptors, too long a message, or no room for them in the
// process's table, told apart, and nothing left open.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct MessageLimitTests {
  private static let types = [SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM]

  @Test(arguments: [0, 1, 2, 3, 8, 252]) func moreThanTheLimitAreClosedAndTold(limit: Int) async {
    await #expect(processExitsWith: .success) { [limit = limit as Int] in
      try inQuietProcess { quiet in
        for type in [SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM] {
          for more in [1, 2, 16, 17, 30, 65, 66, 253 - limit] where limit + more <= 253 {
            let pair = try socketPair(type)
            let descriptors = try nulls(limit + more)
            try quiet.expectNothingLeftOpen {
              try pair.left.send("x", lending: descriptors)
              let ended = ipcFailure { _ = try receive(pair.right, limit: limit) }
              quiet.expect(ended, is: .peer(.tooManyDescriptors(limit: limit)), "\(limit + more)")
              // It was this message alone.
              try pair.left.send("y", lending: DescriptorList())
              quiet.expect(try receive(pair.right, limit: limit).text, is: "y")
            }
          }
        }
      }
    }
  }

  @Test(arguments: types, [0, 1, 2, 253]) func asManyAsTheLimitArrive(_ type: __socket_type, limit: Int) throws {
    let pair = try socketPair(type)
    let freight = try Freight(limit)
    try pair.left.send("x", lending: freight.descriptors)
    let message = try receive(pair.right, limit: limit)
    #expect(message.names == freight.names)
  }

  /// What somebody may have set on a socket that is inherited.
  @Test(arguments: [0, 1, 2, 3, 253]) func whatElseASocketTellsChangesNothing(limit: Int) async {
    await #expect(processExitsWith: .success) { [limit = limit as Int] in
      try inQuietProcess { quiet in
        for type in [SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM] {
          for options in [[.credentials], [.processDescriptor], [.credentials, .processDescriptor, .time]]
            as [[SocketOption]]
          {
            let pair = try socketPair(type)
            // An older kernel does not know them all.
            for option in options { _ = try pair.right.set(option, 1) }
            let descriptors = try nulls(limit)
            let more = try nulls(min(limit + 1, 253))
            try quiet.expectNothingLeftOpen {
              try pair.left.send("none", lending: DescriptorList())
              quiet.expect(try receive(pair.right, limit: limit).summary, is: "none ")
              try pair.left.send("all", lending: descriptors)
              quiet.expect(try receive(pair.right, limit: limit).names.count, is: limit)
              guard limit < 253 else { return }
              try pair.left.send("more", lending: more)
              let ended = ipcFailure { _ = try receive(pair.right, limit: limit) }
              quiet.expect(ended, is: .peer(.tooManyDescriptors(limit: limit)))
            }
          }
        }
      }
    }
  }

  @Test(arguments: [SOCK_SEQPACKET, SOCK_DGRAM]) func messageLongerThanTheRoomIsLostWithItsDescriptors(
    _ type: __socket_type
  ) throws {
    let pair = try socketPair(type)
    let freight = try Freight(3)
    try pair.left.send("hello world", passing: freight.take())
    let ended = ipcFailure { _ = try receive(pair.right, 10) }
    #expect(ended == .peer(.messageTooLong(limit: 10, received: 11)))
    #expect(ended?.description == "message too long: 11 bytes, the limit is 10")
    try freight.untilAllAreGone()
    try pair.left.send("next", lending: DescriptorList())
    let next = try receive(pair.right, 10)
    #expect(next.text == "next")
  }

  @Test func partOfAStreamThatIsLongerThanTheRoomIsReadOn() throws {
    let pair = try socketPair()
    let freight = try Freight(2)
    try pair.left.send("hello world", lending: freight.descriptors)
    let first = try receive(pair.right, 5)
    #expect(first.summary == "hello \(freight.names.joined(separator: " "))")
    let second = try receive(pair.right, 50)
    #expect(second.summary == " world ")
  }

  @Test(arguments: [1, 2, 5, 253]) func withoutRoomForAllOfThemNoneArrive(count: Int) async {
    await #expect(processExitsWith: .success) { [count = count as Int] in
      try inQuietProcess { quiet in
        for type in [SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM] {
          for limit in Set([count, 253]) {
            punchHoles()
            let pair = try socketPair(type)
            let descriptors = try nulls(count)
            try quiet.expectNothingLeftOpen(needing: count) {
              try pair.left.send("x", lending: descriptors)
              let message = try receive(pair.right, limit: limit)
              quiet.expect(message.names.count, is: count)
            }
            // Bytes alone need no room.
            try quiet.expectNothingLeftOpen(needing: 0) {
              try pair.left.send("y", lending: DescriptorList())
              quiet.expect(try receive(pair.right, limit: limit).text, is: "y")
            }
          }
        }
      }
    }
  }

  @Test func tooManyIsTheSendersMistakeWhateverRoomThereIs() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let pair = try socketPair()
        let descriptors = try nulls(3)
        // Where none are allowed, those that find no room are too many all the same.
        for room in 0...3 {
          let before = try DescriptorLimit.current()
          var lowered = before
          lowered.soft = numbers(leavingRoomFor: room)
          try lowered.apply()
          let ended = ipcFailure {
            try pair.left.send("x", lending: descriptors)
            _ = try receive(pair.right, limit: 0)
          }
          try before.apply()
          quiet.expect(ended, is: .peer(.tooManyDescriptors(limit: 0)), "with room for \(room)")
        }
      }
    }
  }
}

/// So many descriptors of one kind.
func nulls(_ count: Int) throws -> DescriptorList {
  var list = DescriptorList()
  for _ in 0..<count { list.append(try openFile("/dev/null", O_RDONLY)) }
  return list
}
