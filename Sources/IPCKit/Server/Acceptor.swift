// The door: who comes is let in, one at a time or many, and when the kernel has no more descriptors nobody spins and nobody
// waits in silence.

internal import CIPCShim
internal import Glibc

/// A listener on its way to where it can be consumed: an array cannot hold a noncopyable value, a class can.
final class ListenerBox {
  private var listener: UnixListener?
  private var reserve: FileDescriptor?

  init(_ listener: consuming UnixListener, at site: CallSite) {
    self.listener = consume listener
    reserve = makeReserve(at: site)
  }

  func take() -> UnixListener? { listener.take() }
  func takeReserve() -> FileDescriptor? { reserve.take() }
}

/// A descriptor to give up when there is no other; nil when there is none for this either.
private func makeReserve(at site: CallSite) -> FileDescriptor? {
  try? FileDescriptor(checking: ipc_open_null(), "open", "/dev/null", at: site)
}

/// One listener of a server's.
@safe final class Acceptor: EventReceiver {
  private unowned(unsafe) let owner: Entrance
  /// The server's entrance, which owns this.
  private var entrance: Entrance { unsafe owner }
  private var listener: UnixListener?
  /// Held so that, when there is no other, a client can be accepted and closed.
  private var reserve: FileDescriptor?
  private var slot: Int32 = -1
  private let number: CInt
  /// Where the server was made.
  private let site: CallSite
  /// How many connections in a row are accepted, because as many have come at once before.
  private var burst = 1
  /// Until when no second one is looked for, in connections.
  private var patience = 0
  /// An episode without descriptors, of which one report is enough.
  private var isStarved = false

  /// As many as can wait, where net.core.somaxconn is what it mostly is: those who come without an end must not hold it up.
  private static let longestBacklog = 4096
  /// How many are accepted before those who are in get their turn.
  private static let most = 64
  /// How many connections come one by one before a second is looked for again.
  private static let patienceAfterNobody = 32
  /// How long the door stays shut after accept4(2) failed.
  private static let rest = Duration.milliseconds(50)

  /// Registers the listener, which stays the acceptor's.
  init(
    _ listener: consuming UnixListener, reserve: consuming FileDescriptor?, for entrance: Entrance
  ) throws(SystemError) {
    unsafe owner = entrance
    (number, site) = (listener.descriptor.number, entrance.site)
    self.listener = consume listener
    self.reserve = consume reserve
    super.init()
    // Before there are connections, which inherit it. An older kernel has no way to refuse them, and lets go of them.
    _ = ipc_set_takes_descriptors(number, entrance.takesDescriptors ? 1 : 0)
    // The acceptor unregisters before it ends.
    let target = unsafe Slot.Target(receiver: self, token: Unmanaged.passUnretained(self).toOpaque())
    do throws(SystemError) {
      slot = try entrance.loop.core.register(number, .level, for: target)
    } catch {
      try? self.listener.take()?.close()
      throw error
    }
  }

  override func ready(_ token: UnsafeMutableRawPointer, _ events: UInt32) {
    accept(atMost: burst)
    // Somebody who shares it has shut it down: it would call for ever, and nobody would come.
    guard events & (IPC_HANGUP | IPC_READ_HANGUP) != 0, listener != nil else { return }
    entrance.lostListener(.shutDown("accept4"))
  }

  /// The rest is over: the door opens again.
  override func expired(_ token: UnsafeMutableRawPointer, _ interest: Interest) {
    entrance.loop.core.setListening(slot, number, true)
  }

  /// Lets in who waits.
  func accept(atMost count: Int) {
    var (most, accepted, isFull) = (count, 0, false)
    while accepted < most {
      let result = ipc_accept(number)
      switch result {
      case -EAGAIN:
        foundNobody(after: accepted)
        return isFull ? rest() : ()
      // The client gave up while it waited in the backlog: that is no failure of ours.
      case -ECONNABORTED: break
      case let failed where failed < 0:
        noteShortage(SystemError(errno: -failed, operation: "accept4"))
        guard failed == -EMFILE, turnAway() else { return rest() }
        // All who wait hear of it at once; but whoever comes when there is room again is let in.
        (most, isFull) = (Self.most, true)
      default:
        if isStarved { endShortage() }
        // accept4 just made it, for us alone.
        entrance.admit(unsafe FileDescriptor(owning: result, at: site))
        // What a handler or an observer did may have ended the listening.
        guard listener != nil else { return }
      }
      accepted += 1
    }
    if isFull { return rest() }
    if patience > 0 { patience -= 1 } else { burst = min(burst * 2, Self.most) }
  }

  private func foundNobody(after accepted: Int) {
    burst = max(1, accepted)
    if accepted <= 1 { patience = Self.patienceAfterNobody }
  }

  /// Lets in all who have connected, before it stops listening: they would be turned away. Whoever comes to a socket that
  /// others listen at waits for them.
  func acceptTheLast() {
    guard listener?.isOnlyOne == true else { return }
    accept(atMost: Self.longestBacklog)
  }

  /// Stops listening; removes the socket's file if this process made it.
  func close() throws(SystemError) {
    guard let listener = listener.take() else { return }
    entrance.loop.core.unregister(slot, number)
    try listener.close()
  }
}

// MARK: - Without descriptors

extension Acceptor {
  /// One report an episode.
  private func noteShortage(_ error: SystemError) {
    if !isStarved { entrance.report(error) }
    isStarved = true
  }

  /// The door stays shut for a moment: it is level-triggered, and would call all the time.
  private func rest() {
    entrance.loop.core.setListening(slot, number, false)
    entrance.loop.core.slots.setTimer(slot, .read, .after(Self.rest))
  }

  /// There is room again, for a reserve that was lost too.
  private func endShortage() {
    isStarved = false
    if reserve == nil { reserve = makeReserve(at: site) }
  }

  /// Accepts one with the reserve and closes: the client sees an end rather than silence. False when nobody was accepted.
  private func turnAway() -> Bool {
    guard reserve != nil else { return false }
    reserve = nil
    // Somebody else may be faster: the reserve is made again when there is room.
    defer { reserve = makeReserve(at: site) }
    let result = ipc_accept(number)
    guard result >= 0 else { return false }
    // accept4 just made it, for us alone; it ends here.
    _ = unsafe FileDescriptor(owning: result, at: site)
    entrance.refuseForWantOfDescriptors()
    return true
  }
}
