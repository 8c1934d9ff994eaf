// A source that nothing else refers to is moved to a task on another thread, which is sound to the compiler: what binds
// it to its loop's thread is not in its type. The loop ends the program where it is used.
import IPCKit

func waitElsewhere(for descriptor: consuming FileDescriptor, on loop: EventLoop) throws {
  let source = try EventSource(descriptor, on: loop)
  Task.detached { try await source.readable() }
}
