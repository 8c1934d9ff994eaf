// One part of what holds several descriptors; the other ends here.

import IPCKit

extension Pipe {
  /// The reading end alone; the other end is closed.
  consuming func intoReading() -> FileDescriptor { reading }

  /// The writing end alone; the other end is closed.
  consuming func intoWriting() -> FileDescriptor { writing }
}

extension UnixStream {
  /// The socket alone.
  consuming func intoDescriptor() -> FileDescriptor { descriptor }
}

extension BufferedReader.Detached {
  /// The descriptor alone; what was unread is dropped.
  consuming func intoDescriptor() -> FileDescriptor { descriptor }
}
