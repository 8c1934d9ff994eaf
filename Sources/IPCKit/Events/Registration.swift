// A descriptor's place in a loop: what waits for it, and the promise that the loop forgets it in time.

internal import CIPCShim

/// A place in a loop's table and in the kernel's, given up where it ends.
///
/// Whoever holds one holds the descriptor too, as a field that stands after it: fields end in order, and a registration
/// must end before its descriptor is closed. It has a deinit although it is no descriptor, because that order must not be
/// left to anyone's memory.
struct Registration: ~Copyable {
  let loop: EventLoop
  private let slot: Int32
  private let number: CInt

  /// Registers for reading, edge-triggered; for writing once somebody waits for it. epoll_ctl(2).
  init(of descriptor: borrowing FileDescriptor, on loop: EventLoop) throws(SystemError) {
    loop.checkCurrent()
    slot = try loop.core.register(descriptor.number)
    self.loop = loop
    number = descriptor.number
  }

  deinit {
    loop.checkCurrent()
    loop.core.unregister(slot, number)
  }

  /// How long whoever tries in vain what a hang-up has made no easier waits before he may try again.
  private static let pause = Duration.milliseconds(10)

  /// Waits for an event that was not seen yet.
  nonisolated(nonsending) func wait(
    for interest: Interest, _ deadline: Deadline, _ operation: StaticString
  ) async throws(IPCError) {
    loop.checkCurrent()
    var end = deadline
    if loop.core.takeReady(slot, interest) { return }
    if isHungUp {
      defer { loop.core.slots[slot].wasToldOfHangup = true }
      // Nothing has come since the last wait: it may be ready for ever, with nothing.
      guard loop.core.slots[slot].wasToldOfHangup else { return }
      end = min(deadline, .after(Self.pause))
    }
    switch await loop.suspend(reserve(interest), end) {
    case .ready: return
    case .deadline where end != deadline && !deadline.hasPassed: return
    case .deadline: throw .deadlineExceeded(operation: "\(operation)")
    case .cancelled: throw .cancelled
    }
  }

  /// Waits for an event that was not seen yet, whether the task is cancelled or not.
  nonisolated(nonsending) func waitRegardless(for interest: Interest, _ deadline: Deadline = .never) async {
    guard !hasCome(interest) else { return }
    _ = await loop.suspendRegardless(reserve(interest), deadline)
  }

  /// Runs `body` until it ends or the other end hangs up, which cancels it.
  nonisolated(nonsending) func untilHangup<Success: Sendable>(
    _ body: @escaping @Sendable () async -> Success
  ) async -> Success? {
    guard !hasCome(.hangup) else { return nil }
    return await loop.run(body, until: reserve(.hangup))
  }

  /// Whether what a wait is for has come already.
  private func hasCome(_ interest: Interest) -> Bool {
    loop.checkCurrent()
    return loop.core.takeReady(slot, interest) || isHungUp
  }

  /// The event of a hang-up is seen once, but who waits after it must not wait for ever: nor where the kernel does not tell.
  /// A terminal may be open again.
  private var isHungUp: Bool { loop.core.slots[slot].isHungUp && ipc_poll(number, 0, 0) != 0 }

  /// A wait to suspend in.
  private func reserve(_ interest: Interest) -> WaitKey {
    if interest == .write { loop.core.armForWriting(slot, number) }
    return loop.core.slots.reserve(slot, interest)
  }
}

extension EventLoop {
  /// Runs `body` until it ends or the wait does by an event or a deadline, which cancels it; nil then.
  nonisolated(nonsending) func run<Success: Sendable>(
    _ body: @escaping @Sendable () async -> Success, until key: WaitKey
  ) async -> Success? {
    async let outcome = Self.run(body, thenCancel: key, on: self)
    // Left without awaiting the outcome, the scope cancels it and waits for its end.
    guard await suspend(key, .never) == .cancelled else { return nil }
    return await outcome
  }

  private static func run<Success: Sendable>(
    _ body: @Sendable () async -> Success, thenCancel key: WaitKey, on loop: EventLoop
  ) async -> Success {
    let outcome = await body()
    loop.cancel(key)
    return outcome
  }
}
