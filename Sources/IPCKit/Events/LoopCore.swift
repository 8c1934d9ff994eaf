// What an event loop knows: its descriptors, who waits on them, and the jobs to run next. Touched on the loop's thread
// alone, through a pointer that the loop owns, so that no access pays for a check of exclusivity.

internal import CIPCShim

/// The state of one loop. Its functions never run a job and never call out.
@safe struct LoopCore: ~Copyable {
  private let epoll: FileDescriptor
  private let wakeup: EventCounter
  var slots = SlotTable()
  var jobs = JobQueue()
  /// Receivers that want to be told once the jobs of this turn have run; nil for one that has ended before.
  private(set) var deferred: [Slot.Target?] = []
  var buffers = BufferPool()
  /// What reply handlers are given, and what they write, until it is sent.
  let input = SharedInput()
  var replies = OutputBuffer()
  /// Where the job of the task that is about to stop belongs.
  private var parking: (slot: Int32, interest: Interest) = (-1, .read)
  let parkingPlace = ParkingPlace()
  private var events = EventBuffer()
  /// The moment that this turn takes for now; 0 while nobody has asked.
  private var turnTime: Int64 = 0
  /// When the kernel was asked for events, as far as there were deadlines.
  private var askedTime: Int64 = 0
  /// How many times in a row it has had as many as there is room for.
  private var fullTurns = 0
  private var wasWokenUp = false
  /// Whether the body that the loop runs has ended.
  var isFinished = false

  /// The data that stands for the wake-up descriptor.
  private static let wakeupData = UInt64.max

  init(at site: CallSite) throws(SystemError) {
    let epoll = try FileDescriptor(checking: ipc_epoll_create(), "epoll_create1", at: site)
    let wakeup = try EventCounter(fileID: site.fileID, line: site.line)
    // Each count that is added makes an edge: it is never read, and no failure to read it can keep a loop busy.
    let events = IPC_READABLE | IPC_EDGE_TRIGGERED
    let result = ipc_epoll_add(epoll.number, wakeup.descriptor.number, events, Self.wakeupData)
    _ = try SystemError.check(result, "epoll_ctl")
    self.epoll = epoll
    self.wakeup = wakeup
  }

  /// The descriptor that another thread writes to; valid as long as the loop.
  var wakeupNumber: CInt { wakeup.descriptor.number }

  /// CLOCK_MONOTONIC in nanoseconds, read at most once a turn.
  var now: Int64 {
    mutating get {
      if turnTime == 0 { turnTime = ipc_monotonic_now() }
      return turnTime
    }
  }
}

// MARK: - The end of a turn

extension LoopCore {
  /// Tells a receiver once the jobs of this turn have run.
  mutating func notifyAtEnd(_ target: Slot.Target) { deferred.append(target) }

  /// Forgets a receiver that was to be told.
  mutating func forgetAtEnd(_ token: UnsafeMutableRawPointer) {
    for index in deferred.indices where unsafe deferred[index]?.token == token { deferred[index] = nil }
  }

  /// Forgets the first receivers, which were told.
  mutating func removeDeferred(_ count: Int) { deferred.removeFirst(count) }
}

// MARK: - Registrations

extension LoopCore {
  /// How a place hears of a descriptor.
  enum Trigger {
    /// Once for each change.
    case edge
    /// For as long as it is so: for listeners, whose waiting clients make no new edge.
    case level
  }

  private static let reading = IPC_READABLE | IPC_READ_HANGUP

  /// Registers for what can be read, once; answers the place.
  mutating func register(
    _ number: CInt, _ trigger: Trigger = .edge, for target: Slot.Target? = nil
  ) throws(SystemError) -> Int32 {
    let index = slots.take()
    let events = trigger == .edge ? Self.reading | IPC_EDGE_TRIGGERED : Self.reading
    let result = ipc_epoll_add(epoll.number, number, events, data(index))
    if result < 0 { slots.give(index) }
    _ = try SystemError.check(result, "epoll_ctl")
    slots[index].target = target
    return index
  }

  /// Forgets a registration. Before its descriptor is closed: a file that is shared would go on sending events.
  mutating func unregister(_ index: Int32, _ number: CInt) {
    let result = ipc_epoll_remove(epoll.number, number)
    assert(result == 0, "epoll_ctl: descriptor \(number) was closed before its registration ended")
    slots.give(index)
  }

  /// Lets the kernel tell of room to write, from now on, and at once if there is some.
  mutating func armForWriting(_ index: Int32, _ number: CInt) {
    guard !slots[index].isArmedForWriting else { return }
    slots[index].isArmedForWriting = true
    let events = Self.reading | IPC_WRITABLE | IPC_EDGE_TRIGGERED
    let result = ipc_epoll_modify(epoll.number, number, events, data(index))
    assert(result == 0, "epoll_ctl: descriptor \(number) was closed before its registration ended")
  }

  /// Stops hearing of a level-triggered descriptor, or begins again.
  func setListening(_ index: Int32, _ number: CInt, _ on: Bool) {
    let result = ipc_epoll_modify(epoll.number, number, on ? Self.reading : 0, data(index))
    assert(result == 0, "epoll_ctl: descriptor \(number) was closed before its registration ended")
  }

  private func data(_ index: Int32) -> UInt64 { UInt64(slots[index].generation) << 32 | UInt64(UInt32(index)) }
}

// MARK: - Waiting

extension LoopCore {
  /// Whether what is waited for has come already; it then counts as seen. A hang-up stays.
  mutating func takeReady(_ index: Int32, _ interest: Interest) -> Bool {
    switch interest {
    case .read:
      defer { slots[index].isReadable = false }
      return slots[index].isReadable
    case .write:
      defer { slots[index].isWritable = false }
      return slots[index].isWritable
    case .hangup:
      return slots[index].isHungUp
    }
  }

  /// Ends a wait, if there is one, and makes its task ready to run.
  @inline(__always)
  mutating func wake(_ index: Int32, _ interest: Interest, _ reason: Wake) {
    guard slots.isWaiting(index, interest), let job = slots.end(index, interest, reason) else { return }
    jobs.append(JobQueue.Entry(job: job, isActors: false))
  }

  /// Where a task is to change to that waits at a place: right away, and nothing else in between.
  @inline(__always)
  mutating func parkingPlace(for slot: Int32, _ interest: Interest) -> ParkingPlace {
    parking = (slot, interest)
    return parkingPlace
  }

  /// Keeps the job of a task that has stopped where it said it would.
  mutating func keepParked(_ job: UnownedJob) { slots[parking.slot].waits[parking.interest.rawValue].job = job }
}

// MARK: - Events

extension LoopCore {
  /// Waits for events until the earliest deadline, or not at all; answers how many came.
  @inline(__always)
  mutating func poll(waiting: Bool) throws(SystemError) -> Int {
    var limit: Int64 = waiting ? -1 : 0
    if slots.hasTimers {
      askedTime = ipc_monotonic_now()
      if waiting { limit = max(0, slots.earliest.nanoseconds - askedTime) }
    }
    let count = events.poll(epoll.number, nanoseconds: limit)
    turnTime = 0
    fullTurns = count == EventBuffer.capacity ? fullTurns + 1 : 0
    return Int(try SystemError.check(count, "epoll_pwait2"))
  }

  /// Notes an event for those who wait; answers who is to be told instead, and of what.
  @inline(__always)
  mutating func note(_ position: Int) -> (target: Slot.Target, events: UInt32)? {
    let event = events[position]
    guard UInt64(event.data_high) << 32 | UInt64(event.data_low) != Self.wakeupData else {
      wasWokenUp = true
      return nil
    }
    let index = Int32(truncatingIfNeeded: event.data_low)
    // An event of a file that outlived its registration here: nobody's.
    guard slots[index].generation == event.data_high else { return nil }
    if let target = slots[index].target { return (target, event.events) }
    noteForTasks(index, event)
    return nil
  }

  private mutating func noteForTasks(_ index: Int32, _ event: ipc_event) {
    let isHungUp = event.events & (IPC_HANGUP | IPC_ERROR) != 0
    if isHungUp || event.events & (IPC_READABLE | IPC_READ_HANGUP) != 0 { slots[index].isReadable = true }
    if isHungUp || event.events & IPC_WRITABLE != 0 { slots[index].isWritable = true }
    if isHungUp { slots[index].isHungUp = true }
    slots[index].wasToldOfHangup = false
    wakeIfReady(index, .read)
    wakeIfReady(index, .write)
    wakeIfReady(index, .hangup)
  }

  private mutating func wakeIfReady(_ index: Int32, _ interest: Interest) {
    if slots.isWaiting(index, interest), takeReady(index, interest) { wake(index, interest, .ready) }
  }

  /// Whether another thread has left something since this was asked last.
  mutating func takeWakeup() -> Bool {
    defer { wasWokenUp = false }
    return wasWokenUp
  }

  /// Turns in a row that bring as many events as there is room for, of which one looks at deadlines all the same.
  private static let patience = 64

  /// The next deadline that had passed before this turn's events were asked for: its wait ends, or its receiver is to be told.
  ///
  /// This process may have stood still for longer than a deadline, while what was waited for came in time: that is seen
  /// first, all of it, however long it was that nobody looked.
  mutating func expire() -> Expired {
    guard fullTurns % Self.patience == 0, let (slot, interest) = slots.takeExpired(at: askedTime) else { return .none }
    if let target = slots[slot].target, !slots.isWaiting(slot, interest) { return .receiver(target, interest) }
    wake(slot, interest, .deadline)
    return .wait
  }

  /// What a deadline that has passed was for.
  enum Expired {
    case none
    case wait
    case receiver(Slot.Target, Interest)
  }
}
