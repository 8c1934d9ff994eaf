// The server's frames: a reply handler and an async one, each with a thread of its own, answer what the input sends in
// pieces. All answers must be those of the model, whichever way the bytes came.

import Glibc

@testable import IPCKit

private let limit = 40

/// One server.
private struct Service {
  let cut: Cut
  let isReplying: Bool
  let address: UnixAddress

  init(_ index: Int, _ cut: Cut, replying: Bool) throws {
    self.cut = cut
    isReplying = replying
    let address = UnixAddress.abstract("ipckit-fuzz-\(getpid())-\(index)")
    self.address = address
    let ready = try SocketPair()
    // The thread's from here on, which ends with the process.
    let number = ready.right.release()
    try startThread {
      do {
        let loop = try EventLoop()
        try loop.run {
          let listener = try UnixListener(binding: address)
          // Given up above.
          try unsafe FileDescriptor(owning: number).close()
          var limits = ServerLimits()
          limits.frameLength = limit
          limits.descriptorsPerFrame = index % 4 == 0 ? 2 : 0
          let server = Server(listener, on: loop, framing: cut.framing, limits: limits)
          if replying {
            try await server.run(replying: Service.replies)
          } else {
            try await server.run { connection in try await Service.answer(connection) }
          }
        }
      } catch {
        fail("server: \(error)")
      }
    }
    var reader = BufferedReader(ready.left)
    _ = try reader.nextLine()
  }

  private static let replies = ReplyHandler { frame, reply in
    reply.write([UInt8(frame.byteCount)])
    reply.write(frame)
  } atEnd: { reply in
    reply.write([Last.end.rawValue])
  } onFailure: { error, reply in
    reply.write([Last(error).rawValue])
  }

  nonisolated(nonsending) private static func answer(_ connection: consuming Connection) async throws {
    do throws(IPCError) {
      var input = connection.input
      while let frame = try await input.nextFrame() {
        try await connection.write([UInt8(frame.byteCount)])
        try await connection.write(frame)
      }
      try await connection.write([Last.end.rawValue])
    } catch {
      try await connection.write([Last(error).rawValue])
    }
  }

  static let all: [Service] = {
    let cuts: [Cut] = [.line, .nul, .one, .twoLittle, .fourBig, .eightLittle]
    do {
      return try (0..<2 * cuts.count).map { try Service($0, cuts[$0 % cuts.count], replying: $0 < cuts.count) }
    } catch {
      fail("servers: \(error)")
    }
  }()
}

/// The last byte of an answer.
private enum Last: UInt8 {
  case end = 0xFF
  case tooLong = 0xFE
  case cutOff = 0xFD
  case other = 0xFC

  init(_ error: IPCError) {
    switch error {
    case .peer(.frameTooLong): self = .tooLong
    case .peer(.frameCutOff): self = .cutOff
    default: self = .other
    }
  }
}

@Sendable func fuzzServerFraming(_ input: inout Input) {
  // What a loop opens for its first connection, it keeps.
  if input.isEmpty { return Service.all.forEach { converse($0, &input) } }
  let service = Service.all[input.choice(Service.all.count)]
  let before = OpenDescriptors.count
  converse(service, &input)
  // The server closes when it has seen the end, which nobody tells.
  let deadline = Deadline.after(.seconds(5))
  while OpenDescriptors.count != before, !deadline.hasPassed { sched_yield() }
}

/// A server that resets the connection, or does not answer in time, is a find.
private func converse(_ service: Service, _ input: inout Input) {
  do { try exchange(with: service, &input) } catch { fail("answers of \(service.cut): \(error)") }
}

private func exchange(with service: Service, _ input: inout Input) throws {
  let deadline = Deadline.after(.seconds(20))
  let stream = try UnixStream(connectingTo: service.address, deadline: deadline)
  var reader = BufferedReader(stream.descriptor)
  var model = StreamModel(limit: limit)
  var (expected, found): ([UInt8], [UInt8]) = ([], [])
  var isOver = false
  while !isOver {
    let chunk = input.take(input.choice(60) + 1)
    if chunk.isEmpty {
      model.hasEnded = true
      try reader.descriptor.shutdownSending()
    } else {
      model.written += chunk
      try reader.descriptor.writeAll(chunk, deadline: deadline)
    }
    isOver = addAnswers(to: &expected, &model, service.cut)
    // Waits for what is answered by now, or goes on at once, so that the server finds more at a time.
    if !isOver, input.choice() {
      while found.count < expected.count { try more(&reader, &found, deadline, "before the end") }
    }
  }
  if !model.hasEnded { try reader.descriptor.shutdownSending() }
  while let piece = try reader.nextFrame(.raw, deadline: deadline) { found += [UInt8](copying: piece) }
  // An async handler begins with the first byte.
  if !service.isReplying, model.written.isEmpty { expected = [] }
  expectEqual(found, expected, "answers of \(service.cut) to \(model.written)")
}

private func more(
  _ reader: inout BufferedReader, _ found: inout [UInt8], _ deadline: Deadline, _ place: String
) throws {
  guard let piece = try reader.nextFrame(.raw, deadline: deadline) else { fail("the server ended \(place)") }
  found += [UInt8](copying: piece)
}

/// What the server says to all that it has by now; whether it says no more.
private func addAnswers(to expected: inout [UInt8], _ model: inout StreamModel, _ cut: Cut) -> Bool {
  while true {
    switch model.answer(.frame(cut)) {
    case .bytes(let bytes), .some(let bytes): expected += [UInt8(bytes.count)] + bytes
    case .notYet: return false
    case .end:
      expected.append(Last.end.rawValue)
      return true
    case .tooLong:
      expected.append(Last.tooLong.rawValue)
      return true
    case .cutOff:
      expected.append(Last.cutOff.rawValue)
      return true
    }
  }
}
