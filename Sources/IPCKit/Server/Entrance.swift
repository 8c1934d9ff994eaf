// Where connections come in: admission, the choice of a loop for each, and the end of it, when the door closes and the
// loops end what they have. It belongs to the first loop's thread; only ``becameEmpty()`` is called on others.

internal import Glibc

/// A connection on its way to the thread of another loop; one that does not arrive is closed.
private final class Parcel: @unchecked Sendable {
  private var descriptor: FileDescriptor?
  let peer: PeerCredentials?

  init(_ descriptor: consuming FileDescriptor, _ peer: PeerCredentials?) {
    self.descriptor = consume descriptor
    self.peer = peer
  }

  func take() -> FileDescriptor? { descriptor.take() }
}

/// The entrance of a running server.
@safe final class Entrance: EventReceiver, @unchecked Sendable {
  let loop: EventLoop
  /// A server for each loop, this loop's first.
  let cores: [ServerCore]
  /// The first of them; by itself, because looking it up would cost every connection.
  let ownCore: ServerCore
  private let policy: PeerPolicy
  private let limits: ServerLimits
  private let counts: ServerCounters.Cells
  private let observe: @Sendable (Server.Event) -> Void
  private let crowd: Crowd
  /// Where the server was made.
  let site: CallSite
  private var acceptors: [Acceptor] = []
  private var isOpen = false
  /// What went wrong when it stopped listening.
  private var failure: SystemError?
  /// Its own place, for the deadline of an idle server.
  private var slot: Int32 = -1

  init(_ settings: Server.Settings, cores: [ServerCore]) throws(SystemError) {
    (loop, policy, limits, observe) = (settings.loop, settings.policy, settings.limits, settings.observe)
    site = settings.site
    (self.cores, ownCore) = (cores, cores[0])
    counts = settings.counters.cells(of: 0)
    let descriptors = Int(clamping: try DescriptorLimit.current().soft)
    let most = limits.connections ?? max(1, descriptors / 4 * 3)
    crowd = Crowd(most: most, ofOneUser: limits.connectionsPerUser ?? max(1, most / 2), loops: cores.count)
    super.init()
    for core in cores { unsafe (core.entrance, core.state.crowd) = (self, crowd) }
  }

  deinit { crowd.free() }

  /// Whether peers may send descriptors.
  var takesDescriptors: Bool { limits.descriptorsPerFrame > 0 }

  /// Begins to listen, and to count idle time.
  func open(_ listeners: [ListenerBox]) throws(SystemError) {
    for box in listeners {
      guard let listener = box.take() else { continue }
      do throws(SystemError) {
        acceptors.append(try Acceptor(listener, reserve: box.takeReserve(), for: self))
      } catch {
        // Those before it are known to the loop, which must not call them when they have ended.
        close()
        throw error
      }
    }
    for core in cores { core.tell { $0.begin() } }
    slot = loop.core.slots.take()
    let token = unsafe Unmanaged.passUnretained(self).toOpaque()
    unsafe loop.core.slots[slot].target = Slot.Target(receiver: self, token: token)
    isOpen = true
    armIdleExit()
  }

  /// Stops listening, and notes the first error of removing a path.
  private func close() {
    isOpen = false
    for acceptor in acceptors {
      do throws(SystemError) { try acceptor.close() } catch { failure = failure ?? error }
    }
    acceptors = []
  }

  /// Lets nobody in but those who have connected already, ends who is between frames, and cancels the rest at the deadline.
  func drain(until deadline: Deadline) {
    for acceptor in acceptors { acceptor.acceptTheLast() }
    close()
    for core in cores { core.tell { $0.drain(until: deadline) } }
  }

  /// Ends everything.
  func cancel() {
    close()
    for core in cores { core.tell { $0.cancel() } }
  }

  /// Ends everything, for a reason that the server then reports.
  func fail(_ error: SystemError) {
    failure = failure ?? error
    cancel()
  }

  /// One of the listeners takes nobody in any more: handlers may finish, and the server then reports it.
  func lostListener(_ error: SystemError) {
    failure = failure ?? error
    taskWasCancelled()
  }

  /// The server's task was cancelled: handlers may finish what they have begun, for as long as the limits say.
  func taskWasCancelled() {
    if limits.drainTime > .zero, isOpen { drain(until: .after(limits.drainTime)) } else { cancel() }
  }

  /// Nobody has come for as long as an idle server may be: it ends, unless somebody waits at the door.
  override func expired(_ token: UnsafeMutableRawPointer, _ interest: Interest) {
    for acceptor in acceptors { acceptor.accept(atMost: 1) }
    if crowd.isEmpty { drain(until: .never) }
  }

  /// Sets the end of a server that nobody comes to. If somebody has come meanwhile, it will be set anew when he goes.
  private func armIdleExit() {
    guard let time = limits.idleExit, isOpen else { return }
    loop.core.slots.setTimer(slot, .read, .after(time))
  }

  /// Gives its place up, once all loops have ended.
  /// - Throws: what removing a path has reported.
  func finish() throws(SystemError) {
    loop.core.slots.give(slot)
    if let failure { throw failure }
  }
}

extension ServerCore {
  /// Tells it something on its own thread: now, where this is that one. It is not held meanwhile: its loop may have had its
  /// last turn, and would keep what it was told, and so itself, for ever.
  fileprivate func tell(_ what: @escaping @Sendable (ServerCore) -> Void) {
    loop.perform { [weak self] in if let self { what(self) } }
  }
}

// MARK: - Coming in

extension Entrance {
  /// Whether anybody asks who connects.
  private var needsPeer: Bool { policy.asksForPeer || crowd.countsUsers }

  /// Takes a connection in, or turns it away before a byte is read.
  func admit(_ descriptor: consuming FileDescriptor) {
    counts.add(.accepted)
    guard !crowd.isFull else { return refuse(.tooManyConnections, nil) }
    var peer: PeerCredentials?
    if needsPeer {
      do throws(SystemError) {
        let asked = try descriptor.peer()
        guard try policy.admits(asked) else { return refuse(.notAllowed, asked.credentials) }
        peer = asked.credentials
      } catch {
        return ownCore.report(error)
      }
    }
    guard let index = crowd.enter(peer) else { return refuse(.tooManyOfOneUser, peer) }
    if limits.idleExit != nil { loop.core.slots.clearTimer(slot, .read) }
    guard index > 0 else { return ownCore.take(descriptor, peer) }
    let core = cores[index]
    let parcel = Parcel(descriptor, peer)
    core.tell { if let descriptor = parcel.take() { $0.take(descriptor, parcel.peer) } }
  }

  /// Turns somebody away.
  func refuse(_ reason: Server.Refusal, _ peer: PeerCredentials?) {
    counts.add(reason.count)
    observe(.refused(reason, peer))
  }

  /// Turns somebody away who came when there was no descriptor for him.
  func refuseForWantOfDescriptors() {
    counts.add(.accepted)
    refuse(.noDescriptors, nil)
  }

  /// Reports that the kernel hands out no more connections.
  func report(_ error: SystemError) { observe(.acceptFailed(error)) }

  /// The last connection has ended, on any of the loops, and an idle server is to end.
  func becameEmpty() { loop.perform { [weak self] in self?.armIdleExit() } }
}
