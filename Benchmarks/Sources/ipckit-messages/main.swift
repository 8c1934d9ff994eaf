// Messages through the library, both ends in one thread: a descriptor with a byte over a stream, received and closed, or a
// packet of 4 KiB: ipckit-messages descriptors|packets [SECONDS].

internal import Glibc
internal import IPCKit

/// Says what is wrong and ends.
func fail(_ reason: String, status: Int32 = 1) -> Never {
  print("ipckit-messages: \(reason)")
  exit(status)
}

/// Seconds on the monotonic clock.
func now() -> Double {
  var time = timespec()
  // The clock is there, and the kernel fills the two fields.
  _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// How many bytes a packet has.
let packetSize = 4096
/// How many messages are passed between two looks at the clock.
let batch = 256

func passDescriptors(_ ends: borrowing SocketPair, _ passed: borrowing FileDescriptor) throws(IPCError) {
  let byte: InlineArray<1, UInt8> = [120]
  var room: InlineArray<1, UInt8> = [0]
  for _ in 0..<batch {
    // Bytes seen as raw bytes: nothing is reinterpreted.
    try unsafe ends.left.send(byte.span.bytes, lending: passed)
    var span = room.mutableSpan
    var bytes = unsafe span.mutableBytes
    var message = try ends.right.receive(into: &bytes, descriptorLimit: 1)
    guard let received = message.descriptors.popFirst() else { fail("nothing came") }
    do throws(SystemError) { try received.close() } catch { throw .system(error) }
  }
}

func passPackets(_ ends: borrowing SocketPair, _ packet: [UInt8], _ room: inout [UInt8]) throws(IPCError) {
  for _ in 0..<batch {
    // Bytes seen as raw bytes: nothing is reinterpreted.
    try unsafe ends.left.sendMessage(packet.span.bytes)
    var span = room.mutableSpan
    var bytes = unsafe span.mutableBytes
    let count = try ends.right.receiveMessage(into: &bytes)
    guard count == packetSize else { fail("a packet of \(count) bytes") }
  }
}

let arguments = CommandLine.arguments
guard arguments.count >= 2, ["descriptors", "packets"].contains(arguments[1]),
  let seconds = arguments.count > 2 ? Double(arguments[2]) : 1
else { fail("usage: descriptors|packets [SECONDS]", status: 64) }

do throws(IPCError) {
  let sendsPackets = arguments[1] == "packets"
  let ends: SocketPair
  do throws(SystemError) { ends = try SocketPair(sendsPackets ? .seqpacket : .stream) } catch { throw .system(error) }
  // Standard input is open, or its number would not have been free for the pair.
  let passed = unsafe FileDescriptor(owning: 0)
  let packet = [UInt8](repeating: 120, count: packetSize)
  var room = packet
  var messages = 0
  let start = now()
  repeat {
    if sendsPackets { try passPackets(ends, packet, &room) } else { try passDescriptors(ends, passed) }
    messages += batch
  } while now() < start + seconds
  print("messages=\(messages) rate=\(Double(messages) / (now() - start))")
  _ = passed.release()
} catch {
  fail("\(error)")
}
