// Bytes and descriptors over a socket that a loop watches: what would wait suspends the task.

internal import Glibc

extension EventSource {
  /// Sends bytes and gives descriptors away with them, suspending while there is no room; as
  /// ``FileDescriptor/send(_:passing:deadline:)-(_,DescriptorList,_)``.
  nonisolated(nonsending) public func send(
    _ bytes: RawSpan, passing descriptors: consuming DescriptorList, deadline: Deadline = .never
  ) async throws(IPCError) {
    try await send(bytes, lending: descriptors, deadline: deadline)
  }

  /// Sends bytes and copies of descriptors, suspending while there is no room; as
  /// ``FileDescriptor/send(_:lending:deadline:)-(_,DescriptorList,_)``.
  /// - Throws: ``IPCError/cancelled`` too.
  nonisolated(nonsending) public func send(
    _ bytes: RawSpan, lending descriptors: borrowing DescriptorList, deadline: Deadline = .never
  ) async throws(IPCError) {
    var sent: Int?
    repeat {
      sent = try descriptor.sendIfReady(bytes, lending: descriptors)
      if sent == nil { try await writable(deadline: deadline) }
    } while sent == nil
    try await write(bytes.extracting(droppingFirst: sent ?? 0), deadline: deadline)
  }

  /// Receives once, suspending while nothing has come; as
  /// ``FileDescriptor/receive(into:descriptorLimit:deadline:fileID:line:)``.
  /// - Throws: ``IPCError/cancelled`` too.
  nonisolated(nonsending) public func receive(
    into buffer: inout MutableRawSpan, descriptorLimit limit: Int = DescriptorList.mostInMessage,
    deadline: Deadline = .never, fileID: StaticString = #fileID, line: UInt32 = #line
  ) async throws(IPCError) -> ReceivedMessage {
    let site = CallSite(fileID, line)
    var hasWaited = false
    while true {
      if let message = try descriptor.receiveIfReady(into: &buffer, descriptorLimit: limit, at: site) { return message }
      if hasWaited, descriptor.hasReadHangup {
        // The last message, or the end, may have come since.
        if let message = try descriptor.receiveIfReady(into: &buffer, descriptorLimit: limit, at: site) {
          return message
        }
        throw .system(.shutDown("recvmsg"))
      }
      try await readable(deadline: deadline)
      hasWaited = true
    }
  }

  /// Writes all of `bytes`, suspending while there is no room; as ``FileDescriptor/writeAll(_:deadline:)-(RawSpan,_)``.
  /// - Throws: ``IPCError/cancelled`` too.
  nonisolated(nonsending) public func write(_ bytes: RawSpan, deadline: Deadline = .never) async throws(IPCError) {
    var (rest, hasWaited) = (bytes, false)
    while !rest.isEmpty {
      do throws(SystemError) {
        rest = rest.extracting(droppingFirst: try descriptor.write(rest))
      } catch  where error.errno == EAGAIN {
        if hasWaited, descriptor.hasHungUp { throw .system(.hungUp("write")) }
        try await writable(deadline: deadline)
        hasWaited = true
      } catch {
        throw .system(error)
      }
    }
  }
}
