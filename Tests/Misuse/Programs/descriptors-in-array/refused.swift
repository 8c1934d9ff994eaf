// Descriptors are put in an array: every copy of the array would own every one of them.
import IPCKit

func both(_ first: consuming FileDescriptor, _ second: consuming FileDescriptor) {
  let all: [FileDescriptor] = [first, second]  // expect: type 'FileDescriptor' does not conform to protocol 'Copyable'
  print(all.count)
}
