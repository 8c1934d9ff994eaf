// The service manager from a loop. A message may block, when the manager is busy, for as long as it is: that is a
// thread's to wait for, and never the loop's.

/// What a service on an event loop tells its manager: as ``ServiceManager``, and nothing blocks the loop.
///
/// Messages go in the order of the calls. Each call returns when its message was sent, whether the task is cancelled
/// meanwhile or not, since what was said cannot be taken back: never, while the manager hangs. A thread sends them, from
/// the first one on until the notifier ends: the manager hears of a service also when its user may have no more threads.
/// Make one for a loop; all its functions are for tasks that run there.
///
/// ```swift
/// let loop = try EventLoop()
/// try loop.run {
///   let notifier = ServiceNotifier(on: loop)
///   try await notifier.notify(.ready)
///   await notifier.keepWatchdogFed()
/// }
/// ```
public final class ServiceNotifier: Sendable {
  /// Whom it tells.
  public let manager: ServiceManager
  private let loop: EventLoop
  private let queue: NotificationQueue

  /// Nothing is sent yet, and nothing loaded.
  public init(_ manager: ServiceManager = ServiceManager(), on loop: EventLoop) {
    self.manager = manager
    self.loop = loop
    queue = NotificationQueue(for: loop.inbox)
  }

  deinit { queue.end() }

  /// Tells the manager all of these in one message. As ``notify(_:)-([ServiceState])``.
  nonisolated(nonsending) public func notify(_ states: ServiceState...) async throws(SystemError) {
    try await notify(states)
  }

  /// Tells the manager all of these in one message. As ``ServiceManager/notify(_:)-([ServiceState])``;
  /// pthread_create(3), the first time.
  /// - Throws: the same, and EAGAIN when the system has no thread for it, here and below.
  nonisolated(nonsending) public func notify(_ states: [ServiceState]) async throws(SystemError) {
    let message = try ServiceMessage(states)
    if !states.isEmpty { try await send(message, with: DescriptorList()) }
  }

  /// Gives the manager a copy of a descriptor to keep. As
  /// ``ServiceManager/store(_:named:isPolled:)-(FileDescriptor,_,_)``; fcntl(2) with F_DUPFD_CLOEXEC, for a copy that
  /// waits to be sent.
  /// - Throws: EMFILE when there is no room for that, and the same.
  nonisolated(nonsending) public func store(
    _ descriptor: borrowing FileDescriptor, named name: String, isPolled: Bool = true
  ) async throws(SystemError) {
    let message = try ServiceMessage(storing: 1, named: name, isPolled: isPolled)
    guard isHeard else { return }
    let copy = try descriptor.duplicate()
    try await send(message, with: DescriptorList(copy))
  }

  /// Gives the manager copies of descriptors to keep. As
  /// ``ServiceManager/store(_:named:isPolled:)-(DescriptorList,_,_)``; fcntl(2) with F_DUPFD_CLOEXEC, for copies that
  /// wait to be sent.
  /// - Throws: EMFILE when there is no room for those, and the same.
  nonisolated(nonsending) public func store(
    _ descriptors: borrowing DescriptorList, named name: String, isPolled: Bool = true
  ) async throws(SystemError) {
    let message = try ServiceMessage(storing: descriptors.count, named: name, isPolled: isPolled)
    guard isHeard else { return }
    var copies = DescriptorList()
    for position in 0..<descriptors.count { copies.append(try descriptors[position].duplicate()) }
    try await send(message, with: copies)
  }

  /// Has the manager close all that it keeps under that name. As ``ServiceManager/removeStored(named:)``.
  nonisolated(nonsending) public func removeStored(named name: String) async throws(SystemError) {
    try await send(try ServiceMessage(removing: name), with: DescriptorList())
  }

  /// Waits until the manager has worked through everything that was said before. As
  /// ``ServiceManager/barrier(deadline:)``; epoll_ctl(2).
  /// - Parameter deadline: ends the waiting, also where nothing could be sent yet.
  /// - Throws: the same, and ``IPCError/cancelled``.
  nonisolated(nonsending) public func barrier(deadline: Deadline = .never) async throws(IPCError) {
    guard isHeard else { return }
    let barrier = try IPCError.wrap { () throws(SystemError) in try QueuedBarrier(in: queue, on: loop) }
    try await barrier.passed(deadline)
  }

  /// Tells the manager that the service lives, at once and at each half of ``ServiceManager/watchdogInterval``, until
  /// the task is cancelled. Returns at once when the manager does not ask for that.
  ///
  /// It says that this loop runs, no more. A message that cannot be sent is followed by the next one: the manager acts
  /// on those that it misses.
  nonisolated(nonsending) public func keepWatchdogFed() async {
    guard isHeard, let interval = manager.watchdogInterval else { return }
    while !Task.isCancelled {
      let next = Deadline.after(interval / 2)
      try? await notify(.watchdog)
      await loop.sleep(until: next)
    }
  }

  /// Whether there is anybody to tell. A call from elsewhere than the loop is wrong without a manager too.
  private var isHeard: Bool {
    loop.checkCurrent()
    return manager.isPresent
  }

  /// Queues a message and suspends until it was sent.
  nonisolated(nonsending) private func send(
    _ message: ServiceMessage, with descriptors: consuming DescriptorList
  ) async throws(SystemError) {
    guard isHeard else { return }
    let slot = loop.core.slots.take()
    defer { loop.core.slots.give(slot) }
    let key = loop.core.slots.reserve(slot, .read)
    let notification = QueuedNotification(message, with: descriptors, waiter: key)
    try queue.add(notification)
    _ = await loop.suspendRegardless(key, .never)
    try notification.check()
  }
}
