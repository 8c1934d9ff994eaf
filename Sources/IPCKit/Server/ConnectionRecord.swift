// What a server knows of a connection, in memory of its own: small while the peer is silent, and touched on the loop's
// thread alone, so that no access pays for a check.

internal import CIPCShim
internal import Glibc

/// The state of one connection.
@safe struct ConnectionRecord: ~Copyable {
  /// Who answers.
  enum Mode: UInt8 {
    /// The reply handler, on the loop.
    case replying
    /// Nobody yet: an async handler begins at the first byte.
    case silent
    /// An async handler that is about to begin.
    case starting
    /// An async handler, whose ``Connection`` owns this.
    case handled
    /// Nobody any more: what was written last is on its way, and what still comes is drained.
    case lingering
  }

  // In an order that leaves no holes: there is one of these for every silent peer.
  let descriptor: FileDescriptor
  /// Its place in the loop's table; -1 while nobody had to wait for it.
  var slot: Int32 = -1
  /// The server's state, which outlives its connections.
  let state: UnsafeMutablePointer<ServerState>
  let core: UnsafeMutablePointer<LoopCore>
  /// Its neighbours in the server's list.
  var previous: UnsafeMutablePointer<ConnectionRecord>?
  var next: UnsafeMutablePointer<ConnectionRecord>?
  /// When the first byte of the frame that is on its way was seen; 0 while there is none.
  var frameStart: Int64 = 0
  /// The reply handler's own number for this connection; while it lingers, how many bytes were drained.
  var number = 0
  /// What came beside the input; nil while no descriptors were asked for.
  var descriptors: FrameDescriptors?
  var output = OutputBuffer()
  var input = FrameBuffer()
  /// Why nothing can be written any more; 0 while something can.
  var writeErrno: Int16 = 0
  /// Why the last read failed.
  var readErrno: Int16 = 0
  /// How many frames, writes and reads there were since its task last let others have their turn.
  var steps: UInt16 = 0
  /// The number of the ``Connection/Input`` that may read.
  var inputNumber: UInt16 = 0
  var peer: PeerCredentials?
  var mode: Mode
  /// Whether a read may give something: false after one that did not fill its room, until an event comes.
  var mayRead = true
  /// A hang-up came with the data, or may have: no further event will, so it is read to its end.
  var readsToTheEnd = false
  var hasSpoken = false
  var sawEnd = false
  /// While it lingers: whether what the peer still sends is drained, and whether it has been told that we send no more.
  var drains = false
  var isShutDown = false
  var isHungUp = false
  /// Waits for the end of the turn, in the loop's list.
  var isDeferred = false
  /// Nothing was taken of its output for as long as may be.
  var isStalled = false

  init(_ descriptor: consuming FileDescriptor, _ mode: Mode, of server: ServerCore, peer: PeerCredentials?) {
    self.descriptor = descriptor
    self.mode = mode
    unsafe state = server.stateAddress
    unsafe core = server.loop.coreAddress
    self.peer = peer
  }
}

extension ConnectionRecord {
  /// While it lingers: until when, in nanoseconds. No frame is on its way then.
  var lingersUntil: Int64 {
    get { frameStart }
    set { frameStart = newValue }
  }
}

/// A record by its address. Sendable, because it names a record to code on the loop's thread alone.
@safe @usableFromInline struct ConnectionReference: @unchecked Sendable {
  private let address: UnsafeMutablePointer<ConnectionRecord>

  init(_ record: consuming ConnectionRecord, in pool: inout RecordPool) {
    // A place of its own until ``end()``.
    unsafe address = pool.take()
    unsafe address.initialize(to: record)
  }

  /// The record behind a place's token.
  /// - Precondition: the token is one of ``token``, and the record has not ended.
  @unsafe init(_ token: UnsafeMutableRawPointer) {
    unsafe address = token.assumingMemoryBound(to: ConnectionRecord.self)
  }

  @unsafe init(_ address: UnsafeMutablePointer<ConnectionRecord>) { unsafe self.address = address }

  @unsafe var pointer: UnsafeMutablePointer<ConnectionRecord> { unsafe address }
  @unsafe var token: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(address) }

  /// The record, which lives until ``ServerCore/close(_:)``.
  var record: ConnectionRecord {
    unsafeAddress { unsafe UnsafePointer(address) }
    nonmutating unsafeMutableAddress { unsafe address }
  }

  /// Ends the record, and with it the descriptor.
  func end() {
    let state = unsafe record.state
    unsafe address.deinitialize(count: 1)
    unsafe state.pointee.records.give(address)
  }
}

extension ConnectionReference {
  /// Gives the connection a place in the loop's table, where it can be waited for. epoll_ctl(2).
  @inline(__always)
  func register() throws(SystemError) {
    if record.slot < 0 { try addToLoop() }
  }

  private func addToLoop() throws(SystemError) {
    let target = unsafe Slot.Target(receiver: server, token: token)
    record.slot = try core.register(record.descriptor.number, for: target)
  }
}
