// What an event loop knows: its descriptors, who waits on them, and the jobs to run next. Touched on the loop's thread
// alone, through a pointer that the loop owns, so that no access pays for a check of exclusivity.

internal import CIPCShim

/// The state of one loop. Its functions never run a job and never call out.
@safe struct LoopCore: ~Copyable {
  /// A registered descriptor.
  private struct Slot {
    /// Tells this registration's events from those of an earlier one in the same place.
    var generation: UInt32 = 0
    /// What came while nobody waited for it: seen once, because a terminal that was hung up can be opened again.
    var isReadable = false
    var isWritable = false
    /// Stays: a connection that was hung up never comes back.
    var isHungUp = false
    /// The entry of the wait for each interest, -1 when nobody waits.
    var waiting: (read: Int, write: Int, hangup: Int) = (-1, -1, -1)
  }

  private let epoll: FileDescriptor
  private let wakeup: FileDescriptor
  private var slots: [Slot] = []
  private var free: [Int] = []
  var waiters = Waiters()
  var jobs: [UnownedJob] = []
  private var awakened: [(UnsafeContinuation<Wake, Never>, Wake)] = unsafe []

  /// The slot number that stands for the wake-up descriptor.
  private static let wakeupData = UInt64.max

  init() throws(SystemError) {
    let epoll = try FileDescriptor(checking: ipc_epoll_create(), "epoll_create1")
    let wakeup = try FileDescriptor(checking: ipc_eventfd(0), "eventfd")
    let result = ipc_epoll_add(epoll.number, wakeup.number, IPC_READABLE, Self.wakeupData)
    _ = try SystemError.check(result, "epoll_ctl")
    self.epoll = epoll
    self.wakeup = wakeup
  }

  /// The descriptor that another thread writes to; valid as long as the loop.
  var wakeupNumber: CInt { wakeup.number }

  // MARK: Registrations

  /// Registers for all events, by edge, once; answers the slot.
  mutating func register(_ descriptor: borrowing FileDescriptor) throws(SystemError) -> Int {
    let slot = free.last ?? slots.count
    let generation = slot < slots.count ? slots[slot].generation : 0
    let events = IPC_READABLE | IPC_WRITABLE | IPC_READ_HANGUP | IPC_EDGE_TRIGGERED
    let data = UInt64(generation) << 32 | UInt64(slot)
    _ = try SystemError.check(ipc_epoll_add(epoll.number, descriptor.number, events, data), "epoll_ctl")
    if slot < slots.count { free.removeLast() } else { slots.append(Slot()) }
    return slot
  }

  /// Forgets a registration. Before its descriptor is closed: a file that is shared would go on sending events.
  mutating func unregister(_ slot: Int, _ number: CInt) {
    let result = ipc_epoll_remove(epoll.number, number)
    assert(result == 0, "epoll_ctl: descriptor \(number) was closed before its registration ended")
    slots[slot] = Slot(generation: slots[slot].generation &+ 1)
    free.append(slot)
  }

  // MARK: Waiting

  /// Whether what is waited for has come already; it then counts as seen. A hang-up stays.
  mutating func takeReady(_ slot: Int, _ interest: Interest) -> Bool {
    switch interest {
    case .read:
      defer { slots[slot].isReadable = false }
      return slots[slot].isReadable
    case .write:
      defer { slots[slot].isWritable = false }
      return slots[slot].isWritable
    case .hangup:
      return slots[slot].isHungUp
    }
  }

  /// Whether a hang-up came at some time.
  func wasHungUp(_ slot: Int) -> Bool { slots[slot].isHungUp }

  /// Reserves a wait on a registered descriptor.
  mutating func reserve(_ slot: Int, _ interest: Interest) -> WaiterKey {
    precondition(waiting(slot, interest) < 0, "two tasks wait for the same descriptor")
    let key = waiters.reserve(Waiters.Origin(slot: slot, interest: interest))
    setWaiting(slot, interest, key.index)
    return key
  }

  /// Ends the wait.
  mutating func wake(_ index: Int, _ reason: Wake) {
    let (continuation, origin) = unsafe waiters.end(index, reason)
    if let origin { setWaiting(origin.slot, origin.interest, -1) }
    if let continuation = unsafe continuation { unsafe awakened.append((continuation, reason)) }
  }

  /// Those whose wait has ended, for the loop to resume: that calls back into it, so it is not done in here.
  mutating func takeAwakened() -> [(UnsafeContinuation<Wake, Never>, Wake)] {
    guard unsafe !awakened.isEmpty else { return unsafe [] }
    var taken: [(UnsafeContinuation<Wake, Never>, Wake)] = unsafe []
    unsafe swap(&taken, &awakened)
    return unsafe taken
  }

  // MARK: The turn

  /// Waits for events and resumes those who waited for them.
  mutating func poll(nanoseconds: Int64) throws(SystemError) {
    var events = InlineArray<128, ipc_event>(repeating: ipc_event())
    var span = events.mutableSpan
    let count = unsafe span.withUnsafeMutableBufferPointer { buffer -> CInt in
      // 128 events of room, as told to the shim.
      guard let start = buffer.baseAddress else { return 0 }
      return unsafe ipc_epoll_wait(epoll.number, start, CInt(buffer.count), nanoseconds)
    }
    for index in 0..<Int(try SystemError.check(count, "epoll_pwait2")) {
      dispatch(span[index])
    }
  }

  /// Resumes those whose deadline has passed.
  mutating func expire() {
    guard waiters.earliest != .never else { return }
    let now = ipc_monotonic_now()
    while let index = waiters.expired(at: now) { wake(index, .deadline) }
  }

  private mutating func dispatch(_ event: ipc_event) {
    let data = UInt64(event.data_high) << 32 | UInt64(event.data_low)
    guard data != Self.wakeupData else { return clearWakeup() }
    let slot = Int(event.data_low)
    // An event of a file that outlived its registration here: nobody's.
    guard slots[slot].generation == event.data_high else { return }
    let isHungUp = event.events & (IPC_HANGUP | IPC_ERROR) != 0
    if isHungUp || event.events & (IPC_READABLE | IPC_READ_HANGUP) != 0 { slots[slot].isReadable = true }
    if isHungUp || event.events & IPC_WRITABLE != 0 { slots[slot].isWritable = true }
    if isHungUp { slots[slot].isHungUp = true }
    wakeIfReady(slot, .read)
    wakeIfReady(slot, .write)
    wakeIfReady(slot, .hangup)
  }

  private mutating func wakeIfReady(_ slot: Int, _ interest: Interest) {
    let waiter = waiting(slot, interest)
    if waiter >= 0, takeReady(slot, interest) { wake(waiter, .ready) }
  }

  private func clearWakeup() {
    var count: UInt64 = 0
    // An eventfd gives eight bytes, which is what the variable holds.
    unsafe withUnsafeMutableBytes(of: &count) { bytes in
      if let start = bytes.baseAddress { unsafe _ = ipc_read(wakeup.number, start, bytes.count) }
    }
  }

  private func waiting(_ slot: Int, _ interest: Interest) -> Int {
    switch interest {
    case .read: slots[slot].waiting.read
    case .write: slots[slot].waiting.write
    case .hangup: slots[slot].waiting.hangup
    }
  }

  private mutating func setWaiting(_ slot: Int, _ interest: Interest, _ index: Int) {
    switch interest {
    case .read: slots[slot].waiting.read = index
    case .write: slots[slot].waiting.write = index
    case .hangup: slots[slot].waiting.hangup = index
    }
  }
}
