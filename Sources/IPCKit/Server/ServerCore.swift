// A server as its loop sees it: its connections in a list, the limits and counts that hold for all of them, and its life
// from listening to its end. It is touched on the loop's thread alone.

internal import Glibc

/// What a server changes while it runs.
@safe struct ServerState: ~Copyable {
  enum Phase {
    case running
    /// Nobody new comes in, and connections end where a frame has ended.
    case draining
    /// Handlers are to end, now.
    case cancelled
  }

  /// The server that this is of.
  unowned(unsafe) let server: ServerCore
  let limits: ServerLimits
  let framing: Framing
  let counts: ServerCounters.Cells
  /// Whether a silent connection's time is limited.
  let limitsSilence: Bool
  var phase = Phase.running
  var open = 0
  var users = UserCounts()
  var records = RecordPool()
  var first: UnsafeMutablePointer<ConnectionRecord>?
  /// Connections for which a handler is to begin.
  var starting = Starting()
  /// The places of the tasks that have no connection just now.
  var idle: [Int32] = []
  /// How many tasks were told to take a connection and have not gone on yet.
  var awakened = 0
  var acceptors: [Acceptor] = []
  /// The task whose children the handlers are.
  var handlers: Task<Void, Never>?
  /// Why a reply handler's connection is about to end.
  var error: (any Error)?
  /// What went wrong when it stopped listening.
  var failure: SystemError?
  /// The server's own place: for the deadline of a drain and of an idle server, and for its task to wait in.
  var slot: Int32 = -1

  init(_ server: ServerCore, _ settings: borrowing Server.Settings) {
    unsafe self.server = server
    (limits, framing, counts) = (settings.limits, settings.framing, settings.counters.cells)
    limitsSilence = limits.idleTime != nil || limits.firstByteTime != nil
  }
}

/// A running server.
@safe final class ServerCore: EventReceiver, @unchecked Sendable {
  let loop: EventLoop
  let policy: PeerPolicy
  private let counters: ServerCounters
  let observe: @Sendable (Server.Event) -> Void
  /// Does nothing where async handlers answer.
  let replyHandler: ReplyHandler
  let replies: Bool
  let handler: @Sendable (consuming Connection) async throws -> Void
  let startsAtFirstByte: Bool
  /// How many bytes of replies are collected before they are sent.
  let mostCollected: Int
  let mostConnections: Int
  let mostOfOneUser: Int
  private let storage: UnsafeMutablePointer<ServerState>
  private let loopStorage: UnsafeMutablePointer<LoopCore>

  init(
    _ settings: borrowing Server.Settings, replying replyHandler: ReplyHandler?, startingAt start: HandlerStart,
    _ handler: @escaping @Sendable (consuming Connection) async throws -> Void
  ) throws(SystemError) {
    (loop, policy, counters, observe) = (settings.loop, settings.policy, settings.counters, settings.observe)
    self.replyHandler = replyHandler ?? ReplyHandler { _, _ in }
    replies = replyHandler != nil
    self.handler = handler
    startsAtFirstByte = start == .firstByte
    mostCollected = min(ConnectionReference.mostCollected, settings.limits.unreadOutput)
    let descriptors = Int(clamping: try DescriptorLimit.current().soft)
    mostConnections = settings.limits.connections ?? max(1, descriptors / 4 * 3)
    mostOfOneUser = settings.limits.connectionsPerUser ?? max(1, mostConnections / 2)
    unsafe storage = .allocate(capacity: 1)
    unsafe loopStorage = loop.coreAddress
    super.init()
    unsafe storage.initialize(to: ServerState(self, settings))
  }

  deinit {
    assert(unsafe storage.pointee.open == 0, "a server ended before its connections")
    unsafe storage.deinitialize(count: 1)
    unsafe storage.deallocate()
  }

  /// What changes, for code on the loop's thread.
  var state: ServerState {
    unsafeAddress { unsafe UnsafePointer(storage) }
    unsafeMutableAddress { unsafe storage }
  }

  /// The same, for the connections, which end before this does.
  @unsafe var stateAddress: UnsafeMutablePointer<ServerState> { unsafe storage }

  var limits: ServerLimits { state.limits }
  var framing: Framing { state.framing }

  /// The loop's state, which lives as long as the loop that this holds.
  var core: LoopCore {
    unsafeAddress { unsafe UnsafePointer(loopStorage) }
    unsafeMutableAddress { unsafe loopStorage }
  }

  /// Reports a connection that ended by an error.
  func report(_ error: any Error) {
    state.counts.add(.failed)
    observe(.failed(error))
  }

  // MARK: As a receiver

  override func ready(_ token: UnsafeMutableRawPointer, _ events: UInt32) {
    // Only records are registered with this receiver and events, and they unregister before they end.
    received(unsafe ConnectionReference(token), events)
  }

  override func expired(_ token: UnsafeMutableRawPointer, _ interest: Interest) {
    // The server's own place has the server for its token.
    if unsafe token == Unmanaged.passUnretained(self).toOpaque() { return ownDeadlinePassed(interest) }
    deadlinePassed(unsafe ConnectionReference(token), interest)
  }

  override func turnEnded(_ token: UnsafeMutableRawPointer) {
    let connection = unsafe ConnectionReference(token)
    connection.record.isDeferred = false
    goOn(connection)
  }
}
