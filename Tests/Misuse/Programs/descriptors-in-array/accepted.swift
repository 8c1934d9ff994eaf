// An inline array owns its elements and, holding what cannot be copied, cannot be copied itself.
import IPCKit

func both(_ first: consuming FileDescriptor, _ second: consuming FileDescriptor) {
  let all: [2 of FileDescriptor] = [first, second]
  print(all.count)
}
