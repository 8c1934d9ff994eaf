// Descriptors on their way, with whatever else a message can carry: every one that arrives is owned by somebody or closed,
// and as many arrive as the limits say.

import Glibc

@testable import IPCKit

/// Files to send, told apart by their inodes.
private enum Freight {
  static let files: [(number: CInt, inode: UInt64)] = (0..<6).map { _ in
    guard let file = try? MemoryFile(named: "freight") else { fail("no memory file") }
    // Open for as long as the process runs.
    let number = file.descriptor.release()
    return (number, inode(number))
  }

  static func inode(_ number: CInt) -> UInt64 {
    var status = stat()
    // Filled within the call.
    guard unsafe fstat(number, &status) == 0 else { fail("what arrived is closed") }
    return UInt64(status.st_ino)
  }
}

/// A message as it was sent.
private struct Sent {
  let bytes: [UInt8]
  let inodes: [UInt64]
}

@Sendable func fuzzAncillary(_ input: inout Input) throws {
  _ = Freight.files
  let type = [SocketType.stream, .seqpacket, .datagram][input.choice(3)]
  let pair = try SocketPair(type, nonBlocking: true)
  let tells = input.choice(8)
  // SO_PASSCRED, SO_PASSPIDFD, SO_TIMESTAMP.
  for (bit, option) in [16, 76, 29].enumerated() where tells >> bit & 1 == 1 {
    var on: CInt = 1
    // An integer, for the length of the call.
    unsafe pair.right.withUnsafeNumber { _ = unsafe setsockopt($0, SOL_SOCKET, CInt(option), &on, 4) }
  }
  var sent: [Sent] = []
  for _ in 0..<input.choice(6) + 1 { if let message = send(over: pair.left, &input) { sent.append(message) } }
  switch type {
  case .stream: try readStream(pair.right, pair.left, sent, &input)
  case .seqpacket: receiveMessages(pair.right, sent, &input)
  case .datagram: try receiveDatagrams(pair.right, sent, hasCredentials: tells & 1 == 1, &input)
  }
}

// MARK: Sending

/// Sends one message with up to three pieces of ancillary data; nil where the kernel refused it.
private func send(over socket: borrowing FileDescriptor, _ input: inout Input) -> Sent? {
  let bytes = input.take(input.choice(12) + 1) + [10]
  var (control, inodes): ([UInt8], [UInt64]) = ([], [])
  for _ in 0..<input.choice(4) {
    if input.choice(4) == 0 {
      append(SCM_CREDENTIALS, [UInt32(getpid()), getuid(), getgid()], to: &control)
    } else {
      let files = (0..<(input.choice(8) == 0 ? input.choice(254) : input.choice(5))).map { Freight.files[$0 % 6] }
      append(SCM_RIGHTS, files.map { UInt32($0.number) }, to: &control)
      inodes += files.map(\.inode)
    }
  }
  return sendmsg(socket, bytes, control) ? Sent(bytes: bytes, inodes: inodes) : nil
}

private var SCM_RIGHTS: UInt32 { 1 }
private var SCM_CREDENTIALS: UInt32 { 2 }

/// A cmsghdr, its data, and what aligns the next one.
private func append(_ type: UInt32, _ words: [UInt32], to control: inout [UInt8]) {
  let header = [UInt32(16 + 4 * words.count), 0, UInt32(SOL_SOCKET), type]
  for word in header + words { control += (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
  if words.count % 2 == 1 { control += [0, 0, 0, 0] }
}

private func sendmsg(_ socket: borrowing FileDescriptor, _ bytes: [UInt8], _ control: [UInt8]) -> Bool {
  var (bytes, control) = (bytes, control)
  // All of it is valid for the length of the call, and aligned as arrays are.
  return unsafe bytes.withUnsafeMutableBytes { bytes in
    unsafe control.withUnsafeMutableBytes { control in
      var content = unsafe iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
      return unsafe withUnsafeMutablePointer(to: &content) { content in
        var message = unsafe msghdr()
        unsafe message.msg_iov = content
        unsafe message.msg_iovlen = 1
        unsafe message.msg_control = control.baseAddress
        unsafe message.msg_controllen = control.count
        return unsafe socket.withUnsafeNumber { unsafe Glibc.sendmsg($0, &message, CInt(MSG_NOSIGNAL)) >= 0 }
      }
    }
  }
}

// MARK: Receiving messages

/// Lets the table have room for so many more descriptors, or for plenty.
private func withRoom<Result>(for count: Int?, _ body: () -> Result) -> Result {
  guard let count else { return body() }
  var all = rlimit()
  // Structures that are filled or read within each call.
  unsafe getrlimit(__rlimit_resource_t(7), &all)
  let open = OpenDescriptors().numbers
  var limit = all
  // So many free numbers are below it.
  let free = (0..<OpenDescriptors.most).lazy.filter { !open.contains($0) }
  limit.rlim_cur = rlim_t(free.dropFirst(count).first ?? OpenDescriptors.most)
  unsafe setrlimit(__rlimit_resource_t(7), &limit)
  defer { unsafe setrlimit(__rlimit_resource_t(7), &all) }
  return body()
}

private func receiveMessages(_ socket: borrowing FileDescriptor, _ sent: [Sent], _ input: inout Input) {
  for message in sent {
    let limit = input.choice(8) == 0 ? input.choice(254) : input.choice(6)
    let size = input.choice(16) + 1
    let room = input.choice(3) == 0 ? input.choice(6) : nil
    let result = withRoom(for: room) { () -> Result<[UInt64], IPCError> in
      var buffer = [UInt8](repeating: 0, count: size)
      var span = buffer.mutableSpan
      // Bytes seen as raw bytes: nothing is reinterpreted.
      var raw = unsafe span.mutableBytes
      do throws(IPCError) {
        var received = try socket.receive(into: &raw, descriptorLimit: limit, deadline: .after(.zero))
        expectEqual(received.count, message.bytes.count, "the length")
        return .success(inodes(of: &received.descriptors))
      } catch {
        return .failure(error)
      }
    }
    check(result, message, limit: limit, size: size, room: room ?? .max)
  }
}

private func inodes(of descriptors: inout DescriptorList) -> [UInt64] {
  var found: [UInt64] = []
  while let descriptor = descriptors.popFirst() {
    // The number is good for as long as its owner.
    found.append(unsafe descriptor.withUnsafeNumber { Freight.inode($0) })
  }
  return found
}

private func check(_ result: Result<[UInt64], IPCError>, _ message: Sent, limit: Int, size: Int, room: Int) {
  let count = message.inodes.count
  let arrived = min(count, room)
  let expected: Result<[UInt64], IPCError> =
    if arrived > limit || limit == 0 && count > 0 {
      .failure(.peer(.tooManyDescriptors(limit: limit)))
    } else if arrived < count {
      .failure(.system(SystemError(errno: EMFILE, operation: "")))
    } else if message.bytes.count > size {
      .failure(.peer(.messageTooLong(limit: size, received: message.bytes.count)))
    } else {
      .success(message.inodes)
    }
  if case .failure(.system(let one)) = result, case .failure(.system(let other)) = expected, one.errno == other.errno {
    return
  }
  expectEqual(result, expected, "\(count) descriptors, room for \(room) of at most \(limit)")
}

private func receiveDatagrams(
  _ descriptor: consuming FileDescriptor, _ sent: [Sent], hasCredentials: Bool, _ input: inout Input
) throws {
  let socket = try UnixDatagram(inheriting: descriptor)
  for message in sent {
    var buffer = [UInt8](repeating: 0, count: input.choice(16) + 1)
    let size = buffer.count
    var span = buffer.mutableSpan
    // Bytes seen as raw bytes: nothing is reinterpreted.
    var raw = unsafe span.mutableBytes
    do throws(IPCError) {
      let count: Int
      if input.choice() {
        let found = try socket.receive(into: &raw, deadline: .after(.zero))
        count = found.count
        expectEqual(found.credentials?.processID, hasCredentials ? getpid() : nil, "who sent it")
      } else {
        count = try socket.descriptor.receiveMessage(into: &raw, deadline: .after(.zero))
      }
      expectEqual(count, message.bytes.count, "the length")
      expect(count <= size, "a message that is longer than its room was taken")
    } catch {
      expectEqual(error, .peer(.messageTooLong(limit: size, received: message.bytes.count)), "the error")
      expect(message.bytes.count > size, "there was room")
    }
  }
}

// MARK: Reading a stream

private func readStream(
  _ socket: consuming FileDescriptor, _ peer: borrowing FileDescriptor, _ sent: [Sent], _ input: inout Input
) throws {
  let limit = input.choice(8)
  let takes = input.choice()
  try peer.shutdownSending()
  var reader = BufferedReader(socket, limit: 200, capacity: input.choice(40) + 1, descriptorLimit: limit)
  var (bytes, found): ([UInt8], [UInt64]) = ([], [])
  var isWhole = true
  do throws(IPCError) {
    while let line = try reader.nextLine(as: [UInt8].self, deadline: .after(.seconds(20))) {
      bytes += line + [10]
      if takes {
        var descriptors = reader.takeDescriptors()
        expect(descriptors.count <= limit, "\(descriptors.count) descriptors came with a frame")
        found += inodes(of: &descriptors)
      }
    }
  } catch {
    expectEqual(error, .peer(.tooManyDescriptors(limit: limit)), "the error")
    isWhole = false
  }
  let all = sent.flatMap(\.inodes)
  expect(isWhole || all.count > limit, "\(all.count) were too many for \(limit)")
  if limit == 0 { return expect(found.isEmpty, "\(found) came to who takes none") }
  if isWhole { expectEqual(bytes, sent.flatMap(\.bytes), "the bytes") }
  if takes { expect(isWhole ? found == all : all.starts(with: found), "\(found) of \(all) arrived") }
}
