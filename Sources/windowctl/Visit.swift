// A window's visit to this terminal: one thread waits for what the daemon says, the other for what happens to this process.

internal import Glibc
internal import IPCKit
internal import Synchronization
internal import WindowProtocol

/// The visit of a window to this process's terminal, which is lent to the daemon meanwhile.
final class Visit: Sendable {
  private let terminal: OwnTerminal
  private let client: Client
  private let connection: Mutex<BufferedReader>
  /// The same socket once more: what is sent must not wait for what is read.
  private let sending: Mutex<FileDescriptor>
  private let loop: EventLoop
  /// The window; 0 until the terminal is lent.
  private let window = Atomic<UInt64>(0)
  /// Whether the terminal has another size than the daemon may know.
  private let hasNewSize = Atomic<Bool>(false)
  /// The signal that was to end this process, 0 for none.
  private let signal = Atomic<Int32>(0)
  /// Whether the terminal waits for another daemon.
  private let isAway = Atomic<Bool>(false)

  init(
    _ terminal: consuming OwnTerminal, _ client: Client, over connection: consuming BufferedReader
  ) throws(ClientFailure) {
    do throws(SystemError) {
      sending = Mutex(try connection.descriptor.duplicate())
      loop = try EventLoop()
    } catch {
      throw .failed("\(error)")
    }
    self.terminal = terminal
    self.client = client
    self.connection = Mutex(connection)
  }

  /// Lends the terminal until the visit ends; then it is as it was.
  func show(_ request: AttachRequest) throws(ClientFailure) -> VisitEnd {
    let outcome = loop.run { () async -> Result<Reply.AttachmentEnd, ClientFailure> in
      do throws(SystemError) {
        // Before the terminal is lent: a signal then no longer ends this process by itself.
        let signals = try Signals(on: self.loop)
        let listening = Task.immediate(executorPreference: self.loop) { await self.heed(signals) }
        defer { listening.cancel() }
        return try await self.loop.blocking { self.untilEnd(of: request) }
      } catch {
        return .failure(.failed("\(error)"))
      }
    }
    return try conclude(outcome)
  }

  private func conclude(_ outcome: Result<Reply.AttachmentEnd, ClientFailure>) throws(ClientFailure) -> VisitEnd {
    let window = window.load(ordering: .relaxed)
    do throws(ClientFailure) {
      let signal = signal.load(ordering: .relaxed)
      let end = VisitEnd(end: try outcome.get(), signal: signal == 0 ? nil : signal)
      terminal.restore(end.message)
      return end
    } catch {
      // A daemon that was killed, or that hangs, may have had the terminal before it said so.
      if window > 0 { terminal.restore("[window \(window): \(error.message)]") } else { terminal.restore() }
      throw error
    }
  }

  /// Asks, and waits for the end, on a thread that nobody else waits for. A daemon that ends and is started again is asked
  /// again: its windows may have survived.
  private func untilEnd(of request: AttachRequest) -> Result<Reply.AttachmentEnd, ClientFailure> {
    connection.withLock { connection in
      var request = request
      var deadline = client.deadline
      var losses: UInt32 = 0
      do throws(ClientFailure) {
        while true {
          let goodTime = Deadline.after(Client.conversation)
          do throws(ClientFailure) {
            let end = try untilEnd(of: request, over: &connection, deadline)
            if end.ended != .daemonEnded || signal.load(ordering: .relaxed) > 0 { return .success(end) }
          } catch {
            guard isForTheNext(request, after: error) else { throw error }
            // A daemon that turns everyone away is not asked for ever.
            losses = goodTime.hasPassed ? 0 : losses + 1
            guard losses < Client.mostLosses else { throw error }
            usleep(losses * 50_000)
          }
          let window = window.load(ordering: .relaxed)
          try reconnect(&connection, by: window > 0 ? .never : deadline)
          guard window > 0 else { continue }
          // The first one may have passed long ago: that was the time for a window to be shown, not to be seen.
          deadline = .after(client.returnTime)
          request.target = .window(Int128(window))
        }
      } catch {
        return .failure(error)
      }
    }
  }

  /// Whether the next daemon is asked what this one has not granted: what it has refused because it ends; and when it is
  /// lost, what was granted already, or what can be asked twice.
  private func isForTheNext(_ request: AttachRequest, after failure: ClientFailure) -> Bool {
    switch failure {
    case .lost: window.load(ordering: .relaxed) > 0 || Request.attach(request).isRepeatable
    case .refused(let refusal, _): refusal.error.code == .stopping
    default: false
    }
  }

  private func untilEnd(
    of request: AttachRequest, over connection: inout BufferedReader, _ deadline: Deadline
  ) throws(ClientFailure) -> Reply.AttachmentEnd {
    let line = try client.ask(
      .attach(request), over: &connection, lending: terminal.descriptor, deadline: deadline)
    window.store(try client.decode(Reply.Attached.self, from: line).attached, ordering: .sequentiallyConsistent)
    reportSize()
    // It came while there was nobody to tell.
    if signal.load(ordering: .sequentiallyConsistent) > 0 { send(.detach) }
    return try client.decode(Reply.AttachmentEnd.self, from: try client.nextLine(of: &connection, deadline: .never))
  }

  private func reconnect(_ connection: inout BufferedReader, by deadline: Deadline) throws(ClientFailure) {
    // Nobody could be told of a signal, before or meanwhile: it ends this process at once.
    isAway.store(true, ordering: .sequentiallyConsistent)
    let number = signal.load(ordering: .sequentiallyConsistent)
    if number > 0 { leave(number) }
    // One that was killed has left it as its window needs it: that is no terminal to wait at, nor for the next to find.
    terminal.restore()
    connection = try client.reconnect(by: deadline)
    isAway.store(false, ordering: .sequentiallyConsistent)
    do throws(SystemError) {
      try sending.withLock { (sending) throws(SystemError) in sending = try connection.descriptor.duplicate() }
    } catch {
      throw .failed("\(error)")
    }
  }

  // MARK: What happens here

  /// A task cannot be given a source, but what owns it can. The loop's thread alone uses it.
  private final class Signals: @unchecked Sendable {
    let source: SignalSource

    init(on loop: EventLoop) throws(SystemError) {
      source = try SignalSource([SIGWINCH, SIGTERM, SIGINT, SIGQUIT, SIGHUP], on: loop)
    }
  }

  /// Reports another size, and asks for the end when a signal wants this process's.
  private func heed(_ signals: Signals) async {
    while true {
      let number: Int32
      do throws(IPCError) {
        number = try await signals.source.next()
      } catch {
        // The visit is over; or nobody would hear of a signal from here on, and it ends as by one.
        if case .cancelled = error { return }
        if window.load(ordering: .relaxed) == 0 { leave(SIGTERM) }
        signal.store(SIGTERM, ordering: .relaxed)
        return send(.detach)
      }
      if number == SIGWINCH {
        hasNewSize.store(true, ordering: .sequentiallyConsistent)
        reportSize()
        continue
      }
      // As long as nothing is lent, nothing needs an end; the second time, nobody answers.
      let isFirst = signal.exchange(number, ordering: .sequentiallyConsistent) == 0
      let isLent = window.load(ordering: .relaxed) > 0 && !isAway.load(ordering: .sequentiallyConsistent)
      guard isFirst, isLent else { leave(number) }
      send(.detach)
    }
  }

  /// Once the terminal is lent, and by whichever of the two threads sees so first.
  private func reportSize() {
    guard window.load(ordering: .sequentiallyConsistent) > 0 else { return }
    if hasNewSize.exchange(false, ordering: .sequentiallyConsistent) { send(.resized) }
  }

  private func leave(_ number: Int32) -> Never {
    let window = window.load(ordering: .relaxed)
    // It may be on its way to being lent.
    if window > 0 { terminal.restore("[window \(window): the daemon does not answer]") } else { terminal.restore() }
    exit(128 + number)
  }

  private func send(_ request: Request) {
    guard let line = try? WireFormat.line(request) else { return }
    // Bytes seen as raw bytes: nothing is reinterpreted. A daemon that has gone is noticed by whoever reads.
    sending.withLock { try? unsafe $0.writeAll(line.span.bytes, deadline: .after(.seconds(1))) }
  }
}
