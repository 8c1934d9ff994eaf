// One conversation of a server, owned by its handler: when the handler ends, by whatever way, the descriptor is closed.

internal import CIPCShim
internal import Glibc

/// An accepted connection.
///
/// It belongs to the event loop that accepted it, which is where its handler runs. A function that is to be a handler
/// says that it stays there, with `nonisolated(nonsending)`; a closure does so by itself.
///
/// ```swift
/// @Sendable nonisolated(nonsending) func echo(_ connection: consuming Connection) async throws {
///   var input = connection.input
///   while let line = try await input.nextLine() {
///     try await connection.writeLine(line)
///   }
/// }
/// ```
///
/// Frozen, so that clients of the installed library can keep its ``input``; the compiler would take it for Sendable then,
/// which it is not.
@frozen public struct Connection: ~Copyable {
  @usableFromInline let reference: ConnectionReference

  /// How many frames, writes and reads a handler has in a row: a peer who sends as fast as we read would never make it
  /// wait, and nobody else would be served.
  static let mostSteps: UInt16 = 256
  /// How many of them a read counts for.
  static let stepsOfRead: UInt16 = 16

  init(_ reference: ConnectionReference) { self.reference = reference }

  deinit {
    reference.server.end(reference, drainingUntil: nil)
  }

  /// Who connected, by the kernel's word. getsockopt(2) with SO_PEERCRED, once, where no policy has asked.
  /// - Throws: what the kernel says when it does not tell.
  public var peer: Peer {
    @_lifetime(borrow self)
    get throws(SystemError) {
      // The record keeps its descriptor open as long as this connection lives.
      unsafe _overrideLifetime(Peer(try reference.peer(), at: reference.record.descriptor), borrowing: self)
    }
  }

  /// The loop that it belongs to, for whatever else its handler waits for.
  public var loop: EventLoop { reference.server.loop }

  /// Whether bytes have come that no frame was made of yet.
  public var hasUnreadBytes: Bool { reference.record.input.unreadCount > 0 }

  /// Whether the peer has ended its sending; what came before it may still be unread.
  public var peerHasEnded: Bool { reference.record.sawEnd }

  /// Runs `body` until it ends or the peer hangs up, which cancels it. epoll_ctl(2), where nothing was waited for before.
  /// - Returns: what `body` returned, nil when the peer hung up first.
  /// - Throws: what epoll_ctl(2) says where the connection cannot be watched; `body` is not run then.
  nonisolated(nonsending) public func untilHangup<Success: Sendable>(
    _ body: @escaping @Sendable () async -> Success
  ) async throws(SystemError) -> Success? {
    guard !reference.record.isHungUp else { return nil }
    try reference.register()
    let loop = reference.server.loop
    return await loop.run(body, until: loop.core.slots.reserve(reference.record.slot, .hangup))
  }

  /// Runs `body` until it ends or there is something to read, an end included, which cancels it: for handlers that wait for
  /// the peer and for something else. While it runs, no time limit of the server's counts.
  /// - Returns: what `body` returned; nil when the peer came first, or had sent what is not read yet, and when reading has
  ///   an end for another reason: the server stops, or the peer has taken none of what is sent to it for too long.
  nonisolated(nonsending) public func untilReadable<Success: Sendable>(
    _ body: @escaping @Sendable () async -> Success
  ) async -> Success? {
    guard reference.hasNothingToRead() else { return nil }
    let loop = reference.server.loop
    return await loop.run(body, until: loop.core.slots.reserve(reference.record.slot, .read))
  }

  /// Ends the conversation so that the peer reads what was written last, whatever it still sends: sends what is left,
  /// shuts sending down, drains what comes, up to 16 MiB, and closes; at the deadline, however far it is. It does not wait
  /// for that itself. shutdown(2), read(2), close(2).
  ///
  /// A connection that just ends is drained, for a second, only where the peer has sent what nobody read.
  public consuming func finish(deadline: Deadline) {
    let reference = reference
    discard self
    reference.server.end(reference, drainingUntil: deadline)
  }
}

@available(*, unavailable, message: "a connection is its loop's")
extension Connection: Sendable {}

extension ConnectionReference {
  /// The loop's state.
  var core: LoopCore {
    unsafeAddress { unsafe UnsafePointer(record.core) }
    nonmutating unsafeMutableAddress { unsafe record.core }
  }

  /// The server's state.
  var state: ServerState {
    unsafeAddress { unsafe UnsafePointer(record.state) }
    nonmutating unsafeMutableAddress { unsafe record.state }
  }

  /// The server, which lives as long as its connections.
  var server: ServerCore { unsafe state.server }
}
