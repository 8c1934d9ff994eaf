// An owner is made and dropped: a released number would leak, and the others would be closed as soon as they are made.
// flags: -warnings-as-errors
import IPCKit

func leak(_ descriptor: consuming FileDescriptor) {
  descriptor.release()  // expect: result of call to 'release()' is unused
}

func forget(_ descriptor: borrowing FileDescriptor) throws {
  try descriptor.duplicate()  // expect: result of call to 'duplicate(fileID:line:)' is unused
}

func lose(_ reader: consuming BufferedReader) {
  reader.detach()  // expect: result of call to 'detach()' is unused
}

func hangUp(_ listener: borrowing UnixListener) throws {
  try listener.accept()  // expect: result of call to 'accept(deadline:fileID:line:)' is unused
}
