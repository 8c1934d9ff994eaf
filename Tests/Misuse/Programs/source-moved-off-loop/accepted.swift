// The task that waits runs on the loop.
import IPCKit

func waitOnLoop(for descriptor: consuming FileDescriptor, on loop: EventLoop) throws {
  let source = try EventSource(descriptor, on: loop)
  Task(executorPreference: loop) { try await source.readable() }
}
