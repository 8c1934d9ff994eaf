// The tasks of a server: each runs one handler after another, so that a connection that comes and goes does not pay for
// making a task. There are as many as there are conversations that wait, and a few in reserve.

/// Connections in the order in which their handlers are to begin.
struct Starting {
  private var connections: [ConnectionReference] = []
  private var head = 0

  var count: Int { connections.count - head }

  mutating func append(_ connection: ConnectionReference) { connections.append(connection) }

  mutating func popFirst() -> ConnectionReference? {
    guard head < connections.count else { return nil }
    let first = connections[head]
    head += 1
    if head == connections.count { removeAll() }
    return first
  }

  mutating func removeAll() {
    connections.removeAll(keepingCapacity: true)
    head = 0
  }
}

extension ServerCore {
  /// How many tasks without a connection are kept.
  private static let mostIdle = 16

  /// Lets a handler begin, in a task that has nothing to do or in a new one.
  func start(_ connection: ConnectionReference) {
    connection.record.mode = .starting
    if connection.record.slot >= 0 { core.slots.clearTimer(connection.record.slot, .read) }
    state.starting.append(connection)
    if let slot = state.idle.popLast() { awaken(slot) } else { wakeServer() }
  }

  private func awaken(_ slot: Int32) {
    state.awakened += 1
    core.wake(slot, .read, .ready)
  }

  /// Has the server's own task look at how things stand.
  private func wakeServer() { core.wake(state.slot, .hangup, .ready) }

  /// Tells all tasks that nothing will come any more.
  func dismissTasks() {
    while let slot = state.idle.popLast() { awaken(slot) }
    wakeServer()
  }

  /// Serves until all is over here.
  nonisolated(nonsending) func serve() async {
    // A task of its own, which ends before this one does: so that handlers are cancelled once they have had their time.
    let handlers = Task.immediate(executorPreference: loop) { await self.startTasks() }
    state.handlers = handlers
    await handlers.value
    finish()
  }

  /// Makes a task, as a child of this one, whenever one more is needed; then waits for them all.
  private nonisolated(nonsending) func startTasks() async {
    await withDiscardingTaskGroup { group in
      while await untilTaskIsNeeded() {
        group.addImmediateTask(executorPreference: loop) { await self.runHandlers() }
      }
    }
  }

  /// Suspends the server's task until one more task is needed, or none ever will be; false then.
  private nonisolated(nonsending) func untilTaskIsNeeded() async -> Bool {
    while state.starting.count <= state.awakened {
      if isOver { return false }
      core.slots.reserve(state.slot, .hangup, until: .never)
      _ = await loop.park(state.slot, .hangup)
    }
    return true
  }

  /// Nobody comes any more, and who is left has a handler that the task waits for anyway.
  var isOver: Bool {
    switch state.phase {
    case .running: false
    case .draining: state.open == 0
    case .cancelled: true
    }
  }

  /// Runs handlers, one after another, until there is nothing to do for one task more.
  private nonisolated(nonsending) func runHandlers() async {
    let slot = core.slots.take()
    defer { core.slots.give(slot) }
    while true {
      while let connection = state.starting.popFirst() {
        await handle(connection)
        // A handler that has cancelled its task was the last one there.
        if Task.isCancelled { return wakeServer() }
      }
      guard !isOver, state.idle.count < Self.mostIdle else { return }
      core.slots.reserve(slot, .read, until: .never)
      state.idle.append(slot)
      _ = await loop.park(slot, .read)
      state.awakened -= 1
    }
  }

  /// Runs a handler to its end.
  private nonisolated(nonsending) func handle(_ connection: ConnectionReference) async {
    connection.record.mode = .handled
    do {
      try await handler(Connection(connection))
    } catch IPCError.cancelled where state.phase == .cancelled {
      // The server's own end is no failure of the handler's.
    } catch {
      report(error)
    }
  }
}
