// A descriptor is closed twice: the second close would hit whatever file got the number in between.
import IPCKit

func finish(_ descriptor: consuming FileDescriptor) throws {  // expect: 'descriptor' consumed more than once
  try descriptor.close()  // expect-note: consumed here
  try descriptor.close()  // expect-note: consumed again here
}
