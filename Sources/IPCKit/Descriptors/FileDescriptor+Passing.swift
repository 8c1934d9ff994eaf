// Descriptors in flight: sent with bytes over a Unix socket, and owned by the receiver before anything else looks at them.
//
// On a stream, descriptors travel with the first of the bytes that they are sent with, and a read ends behind those bytes;
// it may begin with bytes that were sent before. So a descriptor belongs to the frame in which the read ended that brought
// it: send a frame and its descriptors with one call, and readers of frames tell them apart. Datagrams and sequenced
// packets keep their boundaries by themselves.

internal import CIPCShim
internal import Glibc

/// A message as it was received: how much was stored of it, and what it carried.
///
/// Frozen, so that the descriptors can be moved out of it.
@frozen public struct ReceivedMessage: ~Copyable, Sendable {
  /// How many bytes were stored: 0 at the end of a stream or of a connection of sequenced packets.
  public let count: Int
  /// What came with them; closed where it ends, unless it is taken out.
  public var descriptors: DescriptorList

  init(count: Int, descriptors: consuming DescriptorList) {
    self.count = count
    self.descriptors = descriptors
  }
}

// MARK: - Sending

extension FileDescriptor {
  /// Sends bytes and gives a descriptor away with them: this process's copy is closed, whether sending succeeded or not.
  /// As ``send(_:lending:deadline:)-(_,DescriptorList,_)``.
  public borrowing func send(
    _ bytes: RawSpan, passing descriptor: consuming FileDescriptor, deadline: Deadline = .never
  ) throws(IPCError) {
    try send(bytes, passing: DescriptorList(descriptor), deadline: deadline)
  }

  /// Sends bytes and gives descriptors away with them: this process's copies are closed, whether sending succeeded or not.
  /// As ``send(_:lending:deadline:)-(_,DescriptorList,_)``.
  public borrowing func send(
    _ bytes: RawSpan, passing descriptors: consuming DescriptorList, deadline: Deadline = .never
  ) throws(IPCError) {
    try send(bytes, lending: descriptors, deadline: deadline)
  }

  /// Sends bytes and a copy of a descriptor, which stays the caller's too.
  /// As ``send(_:lending:deadline:)-(_,DescriptorList,_)``.
  public borrowing func send(
    _ bytes: RawSpan, lending descriptor: borrowing FileDescriptor, deadline: Deadline = .never
  ) throws(IPCError) {
    // The descriptor is borrowed for longer than its number is lent.
    try unsafe withUnsafePointer(to: descriptor.number) { (number) throws(IPCError) in
      unsafe try send(bytes, UnsafeBufferPointer(start: number, count: 1), deadline)
    }
  }

  /// Sends text as UTF-8 and gives a descriptor away with it: this process's copy is closed, whether sending succeeded or
  /// not. As ``send(_:lending:deadline:)-(_,DescriptorList,_)``.
  public borrowing func send(
    _ text: String, passing descriptor: consuming FileDescriptor, deadline: Deadline = .never
  ) throws(IPCError) {
    try send(text, lending: descriptor, deadline: deadline)
  }

  /// Sends text as UTF-8 and a copy of a descriptor, which stays the caller's too.
  /// As ``send(_:lending:deadline:)-(_,DescriptorList,_)``.
  public borrowing func send(
    _ text: String, lending descriptor: borrowing FileDescriptor, deadline: Deadline = .never
  ) throws(IPCError) {
    // Bytes seen as raw bytes: nothing is reinterpreted.
    try unsafe send(Array(text.utf8).span.bytes, lending: descriptor, deadline: deadline)
  }

  /// Sends bytes and copies of descriptors, which stay the caller's too; an empty list sends bytes alone. sendmsg(2) with
  /// SCM_RIGHTS, ppoll(2).
  ///
  /// The receiver's copies lead to the same open files: what one sets with ``setNonBlocking(_:)``, both have. On a datagram
  /// socket or one of sequenced packets the bytes are one message. On a stream the descriptors travel with the first of
  /// them, and what finds no room with them follows as ``writeAll(_:deadline:)-(RawSpan,_)`` sends it. Otherwise the
  /// deadline is kept on a blocking socket too.
  /// - Throws: ``IPCError/system(_:)`` with EINVAL for no bytes or more than 253 descriptors, because the kernel would lose
  ///   descriptors that travel with nothing; EPIPE when the peer has gone, and never SIGPIPE; EPERM when the peer takes no
  ///   descriptors; ETOOMANYREFS when the user has more on their way than RLIMIT_NOFILE, or sockets are sent in sockets in
  ///   sockets; ENOTSOCK; EMSGSIZE. ``IPCError/deadlineExceeded(operation:)``.
  public borrowing func send(
    _ bytes: RawSpan, lending descriptors: borrowing DescriptorList, deadline: Deadline = .never
  ) throws(IPCError) {
    try unsafe descriptors.withNumbers { (numbers) throws(IPCError) in
      unsafe try send(bytes, numbers, deadline)
    }
  }

  /// Sends with descriptors what finds room with them, and the rest without.
  @unsafe private borrowing func send(
    _ bytes: RawSpan, _ numbers: UnsafeBufferPointer<CInt>, _ deadline: Deadline
  ) throws(IPCError) {
    while true {
      if let count = unsafe try sendIfReady(bytes, numbers) {
        return try writeAll(bytes.extracting(droppingFirst: count), deadline: deadline)
      }
      try wait(for: IPC_WRITABLE, "send", deadline)
    }
  }

  /// Sends once: how many bytes were taken; nil when there is no room.
  borrowing func sendIfReady(_ bytes: RawSpan, lending descriptors: borrowing DescriptorList) throws(IPCError) -> Int? {
    try unsafe descriptors.withNumbers { (numbers) throws(IPCError) in unsafe try sendIfReady(bytes, numbers) }
  }

  /// The same with the numbers, which are good for the length of the call. Refuses what the kernel would refuse without a
  /// reason, or lose.
  @unsafe private borrowing func sendIfReady(
    _ bytes: RawSpan, _ numbers: UnsafeBufferPointer<CInt>
  ) throws(IPCError) -> Int? {
    guard numbers.count <= DescriptorList.mostInMessage else {
      throw Self.refusal("\(numbers.count) descriptors in one message, which takes \(DescriptorList.mostInMessage)")
    }
    guard !bytes.isEmpty else { throw Self.refusal("descriptors without a byte to travel with") }
    // Both are read within the call.
    let sent = unsafe bytes.withUnsafeBytes { bytes in
      unsafe bytes.baseAddress.map {
        unsafe ipc_send_descriptors(number, $0, bytes.count, numbers.baseAddress, CInt(numbers.count))
      } ?? -Int64(EINVAL)
    }
    if sent == -Int64(EAGAIN) { return nil }
    return Int(try IPCError.wrap { () throws(SystemError) in try SystemError.check(sent, "send") })
  }

  private static func refusal(_ object: String) -> IPCError {
    .system(SystemError(errno: EINVAL, operation: "send", object: object))
  }
}

// MARK: - Receiving

extension FileDescriptor {
  /// Receives once: what has come, and the descriptors with it, close-on-exec. recvmsg(2) with MSG_CMSG_CLOEXEC, ppoll(2).
  ///
  /// On a stream this ends behind the bytes that descriptors were sent with, even where more have come: receive again
  /// before waiting. On a datagram socket or one of sequenced packets it is one message. The deadline is kept on a blocking
  /// socket too.
  /// - Parameters:
  ///   - buffer: where the bytes go.
  ///   - limit: how many descriptors may come at once, at most 253.
  ///   - deadline: until when it waits.
  ///   - fileID: with `line`, the ``DescriptorOrigin`` of each.
  ///   - line: as `fileID`.
  /// - Throws: ``PeerError/tooManyDescriptors(limit:)``; ``PeerError/messageTooLong(limit:received:)`` for a message that is
  ///   longer than the buffer; ``IPCError/system(_:)`` with EMFILE when this process's table has no room for all that came
  ///   with the message. In each case the message is lost, and every descriptor that came is closed. EINVAL for a buffer
  ///   without room; ESHUTDOWN for a datagram socket that was shut down; ``IPCError/deadlineExceeded(operation:)``.
  public borrowing func receive(
    into buffer: inout MutableRawSpan, descriptorLimit limit: Int = DescriptorList.mostInMessage,
    deadline: Deadline = .never, fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(IPCError) -> ReceivedMessage {
    let site = CallSite(fileID, line)
    var isShutDown = false
    while true {
      if let message = try receiveIfReady(into: &buffer, descriptorLimit: limit, at: site) { return message }
      if isShutDown { throw .system(.shutDown("recvmsg")) }
      isShutDown = try wait(for: IPC_READABLE, "receive", deadline)
    }
  }

  /// Receives what has come; nil when nothing has.
  borrowing func receiveIfReady(
    into buffer: inout MutableRawSpan, descriptorLimit limit: Int, at site: CallSite
  ) throws(IPCError) -> ReceivedMessage? {
    precondition(limit >= 0 && limit <= DescriptorList.mostInMessage, "a message carries 0 to 253 descriptors")
    let (room, number) = (buffer.byteCount, number)
    var descriptors = DescriptorList()
    // The shim writes within the bounds that it is given, and keeps no pointer.
    let got = unsafe try buffer.withUnsafeMutableBytes { (bytes) throws(IPCError) -> Int64 in
      guard let start = bytes.baseAddress else { throw .system(SystemError(errno: EINVAL, operation: "receive")) }
      return unsafe try Self.receive(number, start, bytes.count, limit, at: site, &descriptors)
    }
    if got == -Int64(EAGAIN) { return nil }
    let count = Int(try IPCError.wrap { () throws(SystemError) in try SystemError.check(got, "receive") })
    guard count <= room else { throw .peer(.messageTooLong(limit: room, received: count)) }
    return ReceivedMessage(count: count, descriptors: descriptors)
  }

  /// recvmsg(2): the length of the message, or the negated errno. Every descriptor that came is the list's.
  /// - Throws: when not all descriptors of the message could come, or too many did.
  @unsafe static func receive(
    _ number: CInt, _ start: UnsafeMutableRawPointer, _ count: Int, _ limit: Int, at site: CallSite,
    _ descriptors: inout DescriptorList
  ) throws(IPCError) -> Int64 {
    var arrival = ipc_arrival()
    let room = limit + Int(IPC_SPARE_DESCRIPTORS)
    // As much room as the shim may use; what it has stored there was handed out to nobody else.
    let got = unsafe withUnsafeTemporaryAllocation(of: CInt.self, capacity: room) { numbers in
      let got = unsafe ipc_receive_descriptors(number, start, count, numbers.baseAddress, CInt(limit), &arrival)
      if got >= 0, arrival.descriptors > 0 {
        let arrived = unsafe UnsafeBufferPointer(rebasing: numbers[..<Int(arrival.descriptors)])
        unsafe descriptors.append(owning: arrived, at: site)
      }
      return got
    }
    guard got >= 0 else { return got }
    let arrived = Int(arrival.descriptors)
    if arrived > limit || limit == 0 && arrival.lacks_descriptors != 0 {
      throw .peer(.tooManyDescriptors(limit: limit))
    }
    // There was room in the message for more than came: what lacks had none in the table.
    guard arrival.lacks_descriptors == 0 else {
      let object = "descriptors, of which only \(arrived) found room"
      throw .system(SystemError(errno: EMFILE, operation: "receive", object: object))
    }
    return got
  }
}
