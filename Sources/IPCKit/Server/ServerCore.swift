// A server as one of its loops sees it: its connections in a list, the limits and counts that hold for all of them, and
// its life to its end. It is touched on the loop's thread alone.

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
  /// Where the server was made.
  let site: CallSite
  let counts: ServerCounters.Cells
  /// Where all loops count who is there; the entrance's.
  var crowd: Crowd?
  /// Whether a silent connection's time is limited.
  let limitsSilence: Bool
  /// Whether peers may send descriptors.
  let takesDescriptors: Bool
  var phase = Phase.running
  /// Until when who has said nothing yet may do so, once the server drains.
  var lastWord = Deadline.never
  var open = 0
  var records = RecordPool()
  var first: UnsafeMutablePointer<ConnectionRecord>?
  /// Connections for which a handler is to begin.
  var starting = Starting()
  /// The places of the tasks that have no connection just now.
  var idle: [Int32] = []
  /// How many tasks were told to take a connection and have not gone on yet.
  var awakened = 0
  /// The task whose children the handlers are.
  var handlers: Task<Void, Never>?
  /// Why a reply handler's connection is about to end.
  var error: (any Error)?
  /// The server's own place: for the deadline of a drain, and for its task to wait in.
  var slot: Int32 = -1

  init(_ server: ServerCore, _ settings: Server.Settings, _ counts: ServerCounters.Cells) {
    unsafe self.server = server
    (limits, framing, site, self.counts) = (settings.limits, settings.framing, settings.site, counts)
    limitsSilence = limits.idleTime != nil || limits.firstByteTime != nil
    takesDescriptors = limits.descriptorsPerFrame > 0
  }
}

/// A running server's part on one loop.
@safe final class ServerCore: EventReceiver, @unchecked Sendable {
  let loop: EventLoop
  /// Which of the server's loops this is.
  let index: Int
  /// Where its connections come from; it outlives this.
  unowned(unsafe) var entrance: Entrance?
  private let counters: ServerCounters
  let observe: @Sendable (Server.Event) -> Void
  /// Does nothing where async handlers answer.
  let replyHandler: ReplyHandler
  let replies: Bool
  let handler: @Sendable (consuming Connection) async throws -> Void
  let startsAtFirstByte: Bool
  /// How many bytes of replies are collected before they are sent.
  let mostCollected: Int
  private let storage: UnsafeMutablePointer<ServerState>
  private let loopStorage: UnsafeMutablePointer<LoopCore>

  init(
    _ settings: Server.Settings, on loop: EventLoop, number index: Int, replying replyHandler: ReplyHandler?,
    startingAt start: HandlerStart, _ handler: @escaping @Sendable (consuming Connection) async throws -> Void
  ) {
    (self.loop, self.index, counters, observe) = (loop, index, settings.counters, settings.observe)
    self.replyHandler = replyHandler ?? ReplyHandler { _, _ in }
    replies = replyHandler != nil
    self.handler = handler
    startsAtFirstByte = start == .firstByte
    mostCollected = min(ConnectionReference.mostCollected, settings.limits.unreadOutput)
    unsafe storage = .allocate(capacity: 1)
    unsafe loopStorage = loop.coreAddress
    super.init()
    unsafe storage.initialize(to: ServerState(self, settings, counters.cells(of: index)))
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
    if unsafe token == Unmanaged.passUnretained(self).toOpaque() { return cancel() }
    deadlinePassed(unsafe ConnectionReference(token), interest)
  }

  override func turnEnded(_ token: UnsafeMutableRawPointer) {
    let connection = unsafe ConnectionReference(token)
    connection.record.isDeferred = false
    goOn(connection)
  }
}
