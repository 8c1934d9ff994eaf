// One part of what has two, the other closed, or the descriptor of what has a name for it: moved out in a function of its
// own, because what is left of a value that was taken apart in place lives on to the end of the scope.

import IPCKit

extension Pipe {
  consuming func intoReading() -> FileDescriptor { reading }

  consuming func intoWriting() -> FileDescriptor { writing }
}

extension UnixStream {
  consuming func intoDescriptor() -> FileDescriptor { descriptor }
}

extension BufferedReader.Detached {
  consuming func intoDescriptor() -> FileDescriptor { descriptor }
}

extension EventCounter {
  consuming func intoDescriptor() -> FileDescriptor { descriptor }
}

extension MemoryFile {
  consuming func intoDescriptor() -> FileDescriptor { descriptor }
}

extension ProcessHandle {
  consuming func intoDescriptor() -> FileDescriptor { descriptor }
}
