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
        let server = Task(executorPreference: loop) {
          let server = Server(try UnixListener(binding: .path(path)), on: loop, stop: stop)
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
        let before = try DescriptorLimit.current()
        var lowered = before
        // Room for the listener and a few of the loops, which end with it.
        lowered.soft = 32
        try lowered.apply()
        let error = await systemFailure {
          let listener = try UnixListener(binding: .path(directory("s")))
          #expect(entries(of: directory.path) == ["s", "s.lock"])
          try await Server(listener, on: loop, loops: 64).run { _ in }
        }
        try before.apply()
        #expect(error?.errno == EMFILE)
      }
      #expect(entries(of: directory.path) == ["s.lock"])
    }
  }
}
