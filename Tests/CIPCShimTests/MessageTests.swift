// message.c: what came is answered, all of it, however the message was cut and whatever else it told.

import CIPCShim
import Glibc
import Testing

@Suite struct MessageTests {
  @Test(arguments: [IPC_STREAM, IPC_SEQPACKET, IPC_DATAGRAM]) func arriveInOrderAndCloseOnExec(type: Int32) throws {
    let (left, right) = try makeSocketPair(type)
    let (reading, writing) = try makePipe()
    #expect(send("hello", [reading, writing, 0], to: left) == 5)
    let message = receive(right, most: 3)
    #expect(message.text == "hello" && message.lacks == 0)
    #expect(message.descriptors.map(inode) == [reading, writing, 0].map(inode))
    #expect(message.descriptors.allSatisfy { ipc_is_close_on_exec($0) == 1 })
    closeAll(left, right, reading, writing)
    closeAll(message.descriptors)
  }

  @Test func bytesGoAloneToo() throws {
    let (left, right) = try makeSocketPair()
    #expect(send("hello", [], to: left) == 5)
    let message = receive(right, most: 3)
    #expect(message.text == "hello" && message.descriptors == [] && message.lacks == 0)
    closeAll(left)
    #expect(receive(right, most: 3).length == 0)
    closeAll(right)
  }

  /// From the most that are asked for on, up to more than there is any room for.
  @Test(arguments: [0, 1, 2, 3, 8, 253], [0, 1, 2, 16, 17, 30, 64, 65, 66, 200])
  func moreThanAskedForAreStoredOrSaidToLack(most: Int32, more: Int) throws {
    let count = min(Int(most) + more, Int(IPC_MOST_DESCRIPTORS))
    let (left, right) = try makeSocketPair()
    #expect(send("x", Array(repeating: 0, count: count), to: left) == 1)
    let message = receive(right, most: most)
    #expect(message.length == 1)
    // Who is told of none that lack has them all; who is told so has at least one too many.
    if message.lacks == 0 {
      #expect(message.descriptors.count == count)
    } else {
      #expect(message.descriptors.count > most && message.descriptors.count < count)
    }
    #expect(message.descriptors.allSatisfy { inode($0) == inode(0) })
    closeAll(left, right)
    closeAll(message.descriptors)
  }

  /// SO_PASSCRED, SO_PASSPIDFD, SO_PASSSEC, SO_TIMESTAMP: somebody may have set them on a socket that is inherited.
  @Test(arguments: [IPC_STREAM, IPC_SEQPACKET, IPC_DATAGRAM], [0, 1, 2, 253] as [Int32])
  func whatElseASocketTellsTakesNoDescriptorsRoom(type: Int32, most: Int32) async {
    // In a process where nobody else has a pidfd, so that one that stayed open shows.
    await #expect(processExitsWith: .success) { [type = type as Int32, most = most as Int32] in
      let (left, right) = try makeSocketPair(type)
      for option in [16, 76, 34, 29] as [Int32] {
        var on: Int32 = 1
        // The option is an integer.
        _ = unsafe setsockopt(right, SOL_SOCKET, option, &on, socklen_t(MemoryLayout<Int32>.size))
      }
      for count in [0, Int(most)] {
        #expect(send("hello", Array(repeating: 0, count: count), to: left) == 5)
        let message = receive(right, most: most)
        #expect(message.text == "hello" && message.lacks == 0)
        #expect(message.descriptors.count == count)
        closeAll(message.descriptors)
        #expect(pidfds() == 0)
      }
      if most < IPC_MOST_DESCRIPTORS {
        #expect(send("x", Array(repeating: 0, count: Int(most) + 1), to: left) == 1)
        #expect(receive(right, most: most).descriptors.count == Int(most) + 1)
      }
    }
  }

  @Test(arguments: [IPC_SEQPACKET, IPC_DATAGRAM]) func cutMessageTellsItsWholeLengthAndGivesItsDescriptors(
    type: Int32
  ) throws {
    let (left, right) = try makeSocketPair(type)
    #expect(send("hello world", [0], to: left) == 11)
    let message = receive(right, 5, most: 1)
    #expect(message.length == 11 && message.text == "hello")
    #expect(message.descriptors.count == 1)
    closeAll(left, right)
    closeAll(message.descriptors)
  }

  @Test func countsThatNoMessageHasAreRefused() throws {
    let (left, right) = try makeSocketPair()
    for count in [254, 1000] { #expect(send("x", Array(repeating: 0, count: count), to: left) == -Int64(EINVAL)) }
    #expect(unsafe ipc_send_descriptors(left, "x", 1, nil, -1) == -Int64(EINVAL))
    for most in [-1, 254] as [Int32] { #expect(receive(right, most: most).length == -Int64(EINVAL)) }
    closeAll(left, right)
  }

  @Test func failuresAreAnsweredAndRaiseNoSignal() async {
    await #expect(processExitsWith: .success) {
      signal(SIGPIPE, SIG_DFL)
      let (left, right) = try makeSocketPair(nonBlocking: true)
      #expect(receive(right, most: 1).length == -Int64(EAGAIN))
      #expect(send("x", [-1], to: left) == -Int64(EBADF))
      close(right)
      #expect(send("x", [0], to: left) == -Int64(EPIPE))
      let (reading, writing) = try makePipe()
      #expect(send("x", [0], to: writing) == -Int64(ENOTSOCK))
      #expect(receive(reading, most: 1).length == -Int64(ENOTSOCK))
    }
  }

  @Test func peerOfASocketThatTakesNoneIsRefused() throws {
    let (left, right) = try makeSocketPair()
    let result = ipc_set_takes_descriptors(right, 0)
    // Before Linux 6.16 there is no such thing, which is all that can be seen of it there.
    #expect(result == 0 || result == -ENOPROTOOPT)
    guard result == 0 else { return closeAll(left, right) }
    #expect(send("x", [0], to: left) == -Int64(EPERM))
    #expect(send("x", [], to: left) == 1)
    #expect(ipc_set_takes_descriptors(right, 1) == 0)
    #expect(send("y", [0], to: left) == 1)
    let message = receive(right, most: 1)
    #expect(message.text == "xy" && message.descriptors.count == 1)
    closeAll(left, right)
    closeAll(message.descriptors)
  }
}

/// What was received, or the negated errno as its length.
private struct Message {
  var length: Int64 = 0
  var text = ""
  var descriptors: [Int32] = []
  var lacks: Int32 = 0
}

private func send(_ text: String, _ descriptors: [Int32], to socket: Int32) -> Int64 {
  // The bytes and the numbers are valid for the length of the call.
  unsafe ipc_send_descriptors(socket, text, text.utf8.count, descriptors, Int32(descriptors.count))
}

private func receive(_ socket: Int32, _ room: Int = 100, most: Int32) -> Message {
  var bytes = [UInt8](repeating: 0, count: room)
  var numbers = [Int32](repeating: -1, count: Int(max(0, most) + IPC_SPARE_DESCRIPTORS))
  var (arrival, message) = (ipc_arrival(), Message())
  // Each is as long as the shim is told, or as it says itself.
  message.length = unsafe ipc_receive_descriptors(socket, &bytes, room, &numbers, most, &arrival)
  message.text = String(decoding: bytes.prefix(max(0, Int(message.length))), as: UTF8.self)
  message.descriptors = Array(numbers.prefix(Int(arrival.descriptors)))
  message.lacks = arrival.lacks_descriptors
  return message
}

/// Names the open file behind a number.
private func inode(_ number: Int32) -> UInt64? {
  var found = stat()
  // fstat fills the structure.
  return unsafe fstat(number, &found) == 0 ? UInt64(found.st_ino) : nil
}

/// How many pidfds this process has: `pidfd` is in what they lead to, however the kernel writes it.
private func pidfds() -> Int {
  (0..<2000).count { number in
    var target = [CChar](repeating: 0, count: 64)
    // readlink writes at most as many bytes as it is told, without a NUL.
    let length = unsafe readlink("/proc/self/fd/\(number)", &target, target.count)
    return String(decoding: target.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self).contains(
      "pidfd")
  }
}
