// What happens to a server before it has begun, and after it has ended.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ServerMarginTests {
  /// A cancellation comes a few of the loop's turns later than the end that it meets: at one of these moments, after the
  /// server has given its place up and before its task is over.
  @Test func cancellationThatComesTooLateFindsNothingToCancel() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withLoop { loop in
      for turns in 0..<20 {
        let (stop, hasBegun) = (ServerStop(), Flag())
        let box = ListenerCarrier(try UnixListener(binding: .path(path)))
        let server = Task(executorPreference: loop) {
          let server = Server(try box.take(), on: loop, stop: stop)
          hasBegun.set()
          try await server.run { _ in }
        }
        while !hasBegun.isSet { await Task.yield() }
        await Task.yield()
        stop.stop()
        for _ in 0..<turns { await Task.yield() }
        server.cancel()
        try await server.value
      }
    }
  }

  @Test func serverThatCannotBeginRemovesItsPath() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      try await withLoop { loop in
        let box = ListenerCarrier(try UnixListener(binding: .path(directory("s"))))
        let before = try DescriptorLimit.current()
        var lowered = before
        // Room for a few of the loops that it needs, which end with it.
        lowered.soft = 32
        try lowered.apply()
        let error = await systemFailure { try await Server(box.take(), on: loop, loops: 64).run { _ in } }
        try before.apply()
        #expect(error?.errno == EMFILE)
      }
      #expect(entries(of: directory.path) == ["s.lock"])
    }
  }
}

/// A listener on its way into a task.
private final class ListenerCarrier: @unchecked Sendable {
  // Sendable, because whoever takes it out is the only one who ever does.
  private var listener: UnixListener?

  init(_ listener: consuming UnixListener) { self.listener = consume listener }

  func take() throws -> UnixListener {
    guard let listener = listener.take() else { throw HandlerFailed() }
    return listener
  }
}
