// One conversation of a server, owned by its handler: when the handler ends, by whatever way, the descriptor is closed.

internal import CIPCShim
internal import Glibc

/// An accepted connection.
///
/// It belongs to the event loop that accepted it, which is where its handler runs. A function that is to be a handler
/// says that it stays there, with `nonisolated(nonsending)`; a closure does so by itself.
///
/// ```swift
/// nonisolated(nonsending) @Sendable func echo(_ connection: consuming Connection) async throws {
///   while let line = try await connection.nextLine(as: [UInt8].self) {
///     try await connection.writeLine(line)
///   }
/// }
/// ```
public struct Connection: ~Copyable {
  let reference: ConnectionReference

  init(_ reference: ConnectionReference) { self.reference = reference }

  deinit {
    unsafe reference.record.server.end(reference, drainingUntil: nil)
  }

  /// Who connected, by the kernel's word. getsockopt(2) with SO_PEERCRED, once, where no policy has asked.
  /// - Throws: what the kernel says when it does not tell.
  public var peer: PeerCredentials {
    get throws(SystemError) { try reference.peer() }
  }

  /// Whether bytes have come that no frame was made of yet.
  public var hasUnreadBytes: Bool { reference.record.input.unreadCount > 0 }

  /// Whether the peer has ended its sending; what came before it may still be unread.
  public var peerHasEnded: Bool { reference.record.sawEnd }

  /// Runs `body` until it ends or the peer hangs up, which cancels it.
  /// - Returns: what `body` returned, nil when the peer hung up first.
  nonisolated(nonsending) public func untilHangup<Success: Sendable>(
    _ body: @escaping @Sendable () async -> Success
  ) async -> Success? {
    guard !reference.record.isHungUp, (try? reference.server.register(reference)) != nil else { return nil }
    let loop = reference.server.loop
    return await loop.run(body, until: loop.core.slots.reserve(reference.record.slot, .hangup))
  }

  /// Ends the conversation so that the peer reads what was written last, whatever it still sends: sends what is left,
  /// shuts sending down, drains what comes, up to 16 MiB and the deadline, and closes. It does not wait for that itself.
  /// shutdown(2), read(2), close(2).
  ///
  /// A connection that just ends is drained, for a second, only where the peer has sent what nobody read.
  public consuming func finish(deadline: Deadline) {
    let reference = reference
    discard self
    reference.server.end(reference, drainingUntil: deadline)
  }
}

extension ConnectionReference {
  /// The loop's state.
  var core: LoopCore {
    unsafeAddress { unsafe UnsafePointer(record.core) }
    nonmutating unsafeMutableAddress { unsafe record.core }
  }

  /// The server, which lives as long as its connections.
  var server: ServerCore { unsafe record.server }
}
