// A listener on an event loop: the same socket and the same path, with a registration between them.

internal import Glibc

/// A listener that a loop watches.
struct WatchedListener: ~Copyable {
  let source: EventSource
  private let ownedPath: SocketPath?

  init(_ listener: consuming UnixListener, on loop: EventLoop) throws(SystemError) {
    let ownedPath = listener.ownedPath
    let source: EventSource
    do throws(SystemError) {
      source = try EventSource(listener.descriptor, on: loop)
    } catch {
      if let ownedPath { try? ownedPath.remove() }
      throw error
    }
    self.source = source
    self.ownedPath = ownedPath
  }

  /// The next connection that waits; nil when none does.
  borrowing func acceptPending() throws(SystemError) -> FileDescriptor? { try source.descriptor.acceptPending() }

  /// Waits until there may be a connection, or the stop comes.
  nonisolated(nonsending) func acceptable(until stop: AcceptStop) async throws(IPCError) {
    let loop = source.loop
    try await source.registration.wait(for: .read, .never, "accept") { stop.willWait($0, on: loop) }
  }

  /// As ``UnixListener/close()``.
  consuming func close() throws(SystemError) {
    if let ownedPath { try ownedPath.remove() }
    try source.detach().close()
  }
}
