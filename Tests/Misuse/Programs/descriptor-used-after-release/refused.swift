// A descriptor is used after its number was given away: the new owner may have closed it by then.
import IPCKit

func handOver(_ descriptor: consuming FileDescriptor) throws -> CInt {  // expect: 'descriptor' used after consume
  let number = descriptor.release()  // expect-note: consumed here
  try descriptor.writeAll("hello\n")  // expect-note: used here
  return number
}
