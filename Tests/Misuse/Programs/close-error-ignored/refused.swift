// What close reports is ignored: a full disk would go unnoticed, and the file be taken for written.
import IPCKit

func save(_ file: consuming FileDescriptor) {
  file.close()  // expect: call can throw, but it is not marked with 'try' and the error is not handled
}
