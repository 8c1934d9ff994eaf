// windowd's life: what signals mean, when it has nothing more to do, and the order in which it ends.

internal import Glibc
internal import IPCKit
internal import TerminalText
internal import WindowProtocol

extension WindowDaemon {
  /// How long the end may take before it comes anyway.
  private static let stopLimit = Duration.seconds(10)

  /// What makes it do something else than it does.
  private enum Turn: Sendable {
    case begin
    case signal
    case idle
    case failure(any Error)
  }

  /// Lives, and answers the exit status.
  func live(listeningAt path: String) async -> Int32 {
    // To the very end: a manager that waits for the daemon's end would else kill it on the way.
    let watchdog = Task(executorPreference: loop) { await notifier.keepWatchdogFed() }
    defer { watchdog.cancel() }
    let status = await work(listeningAt: path)
    await windows.end()
    return status
  }

  private func work(listeningAt path: String) async -> Int32 {
    do {
      // Settings that are wrong, or a path that is taken, must end it before anyone is told that it is there.
      try await configure(try configurationFile.read())
      await windows.restore(stored)
      try await serveUntilTheEnd(at: path)
      return 0
    } catch let error as SystemError where error.errno == SystemError.addressInUse {
      log.write(.error, "\(error)")
      return DaemonStatus.alreadyServed
    } catch {
      log.write(.error, "\(error)")
      // What `systemctl status` shows of a daemon that could not begin.
      limitTheEnd()
      await report.tell(.status(DisplayText.escaped("\(error)"))).value
      return 1
    }
  }

  private func serveUntilTheEnd(at path: String) async throws {
    let (turns, turn) = AsyncStream.makeStream(of: Turn.self)
    // First, so that no signal can come before somebody listens for it.
    Task.immediate(executorPreference: loop) {
      do {
        try await obeySignals()
        turn.yield(.signal)
      } catch {
        turn.yield(.failure(error))
      }
    }
    let idling = Task(executorPreference: loop) { while await untilIdle() { turn.yield(.idle) } }
    defer { idling.cancel() }
    var service: Service?
    // Behind what may have failed already: nobody is told then that clients may come.
    turn.yield(.begin)
    for await next in turns {
      switch next {
      case .begin: service = open(path) { turn.yield(.failure($0)) }
      case .idle:
        if let idle = service.take() { try await close(idle) }
        // Who came in that moment was served, and may have left a window.
        guard await windows.count > 0 else { return log.write(.information, "nobody was here: stopping") }
        turn.yield(.begin)
      case .signal: return try await end(service)
      case .failure(let error):
        // It is this that has ended it, or came first.
        try? await end(service)
        throw error
      }
    }
  }

  /// Nobody new comes in; who is there has his answer, and clients that wait for a window hear of its end.
  /// - Throws: what could not be ended well.
  private func end(_ service: Service?) async throws {
    limitTheEnd()
    service?.stop.stop()
    let stopping = report.tell(.stopping)
    await windows.end()
    var failure: (any Error)?
    if let service { do { try await close(service) } catch { failure = error } }
    // The last of it, or a manager that does not listen would keep the rest from its end.
    await stopping.value
    if let failure { throw failure }
  }

  private func limitTheEnd() {
    Task(executorPreference: loop) {
      await loop.sleep(until: .after(Self.stopLimit))
      log.write(.error, "not everything ended in time")
      exit(1)
    }
  }

  /// Returns when for long enough there have been neither windows nor clients; false when that is not to be looked for.
  private func untilIdle() async -> Bool {
    guard let time = options.idleExit else { return false }
    while !Task.isCancelled {
      let last = activity.last
      await loop.sleep(until: last.advanced(by: time))
      let isEmpty = await windows.count == 0 && counters.connections == 0
      if isEmpty, activity.last == last { return true }
      // As long as there is somebody, the time has not begun.
      if !isEmpty { activity.note() }
    }
    return false
  }

  /// Takes over what the configuration file says.
  private func configure(_ settings: [Setting]) async throws {
    try await windows.setFile(settings)
    for setting in settings where !Configuration.keys.contains(setting.key) {
      log.write(.warning, "configuration: '\(setting.key)' means nothing to windowd, and is kept for whoever asks")
    }
  }

  /// Does what signals say until one says to stop.
  private func obeySignals() async throws {
    let signals = try SignalSource([SIGTERM, SIGINT, SIGHUP], on: loop)
    // Beside this: a file system that does not answer must not keep a SIGTERM from being heard.
    let (hangUps, hangUp) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let reloading = Task(executorPreference: loop) { for await _ in hangUps { await reload() } }
    defer { reloading.cancel() }
    while try await signals.next() == SIGHUP { hangUp.yield() }
    log.write(.information, "stopping")
  }

  private func reload() async {
    report.tell(.reloading)
    do {
      // On a thread that may wait.
      try await configure(
        try await loop.blocking { [configurationFile] in Result { try configurationFile.read() } }.get())
      log.write(.information, "configuration read again")
    } catch {
      log.write(.error, "configuration unchanged: \(error)")
    }
    if !Task.isCancelled { report.tell(.ready) }
  }
}
