// A window on this terminal: lent to the daemon, told of its size, and taken back.

internal import ArgumentParser
internal import Glibc
internal import IPCKit
internal import Synchronization
internal import WindowProtocol

/// How a window is detached.
struct AttachOptions: ParsableArguments {
  @Option(
    help: "The key that detaches, as ^X, or `none`. [default: $WINDOWCTL_DETACH_KEY, else ^\\]",
    transform: { text in
      guard text == "none" || ControlKey(text) != nil else { throw ValidationError("a key is ^A to ^_, or none") }
      return text
    })
  var detachKey: String?

  /// The byte that detaches; nil for none.
  func key() throws(ClientFailure) -> UInt8? {
    let text = detachKey ?? Environment.inherited["WINDOWCTL_DETACH_KEY"] ?? "^\\"
    guard text != "none" else { return nil }
    guard let key = ControlKey(text) else {
      throw .failed("WINDOWCTL_DETACH_KEY is '\(text)': a key is ^A to ^_, or none")
    }
    return key.byte
  }
}

struct Attach: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attach", abstract: "Show a window on this terminal, until its program ends or the key detaches it.",
    discussion: """
      Exit status: 0 detached, or the window has gone; 1 taken over by another client, or failed; 129 and more for a \
      signal that ended windowctl.
      """)
  @OptionGroup var options: ClientOptions
  @OptionGroup var attachOptions: AttachOptions
  @Flag(help: "Take the window over from a client that has it.") var steal = false
  @Flag(help: "Watch: what is typed does not reach the window.") var readOnly = false
  @Argument(help: "The window.") var id: UInt64

  func run() throws {
    try Output.exiting(options) { () throws(ClientFailure) in
      let terminal = try OwnTerminal()
      let key = try attachOptions.key()
      let request = AttachRequest(.window(Int128(id)), isReadOnly: readOnly, steals: steal, detachKey: key)
      let client = try Client(options, deadline: options.deadline(unlessGiven: 5))
      return try Visit.show(request, on: terminal, client, over: try client.connect()).exitCode
    }
  }
}

/// How a visit ended.
struct VisitEnd {
  let end: Reply.AttachmentEnd
  /// The signal that ended it from here.
  let signal: Int32?

  var message: String {
    let what =
      switch end.ended {
      case .detached: "detached"
      case .takenOver: "taken over by another client"
      case .terminalLost: "the terminal was hung up"
      case .windowEnded: end.exit?.description ?? "gone"
      }
    return "[window \(end.id): \(what)]"
  }

  var exitCode: Int32 {
    if let signal { return 128 + signal }
    return switch end.ended {
    case .detached, .windowEnded: 0
    case .takenOver, .terminalLost: 1
    }
  }
}

/// A window's visit to this terminal.
enum Visit {
  /// Shows the window until the visit ends; then the terminal is as it was.
  static func show(
    _ request: AttachRequest, on terminal: borrowing OwnTerminal, _ client: Client,
    over connection: consuming BufferedReader
  ) throws(ClientFailure) -> VisitEnd {
    var connection = connection
    let line = try client.ask(.attach(request), over: &connection, lending: terminal.descriptor)
    let window = try client.decode(Reply.Attached.self, from: line).attached
    do throws(ClientFailure) {
      let end = try stay(client, connection)
      terminal.restore(end.message)
      return end
    } catch {
      terminal.restore("[window \(window): \(error.message)]")
      throw error
    }
  }

  /// Reports what happens here, until the daemon says that it is over.
  private static func stay(_ client: Client, _ connection: consuming BufferedReader) throws(ClientFailure) -> VisitEnd {
    let (signals, loop): (Signals, EventLoop)
    do throws(SystemError) {
      signals = Signals(try connection.descriptor.duplicate())
      loop = try EventLoop()
    } catch {
      throw .failed("\(error)")
    }
    let lines = Lines(client, connection)
    let outcome = loop.run { () async -> Result<Reply.AttachmentEnd, ClientFailure> in
      // First, so that no signal can come before somebody listens for it.
      let listening = Task.immediate(executorPreference: loop) { await signals.report(on: loop) }
      defer { listening.cancel() }
      do throws(SystemError) {
        return try await loop.blocking { lines.end() }
      } catch {
        return .failure(.failed("\(error)"))
      }
    }
    return VisitEnd(end: try outcome.get(), signal: signals.last)
  }
}

/// What the daemon says, for a thread that waits for it.
private final class Lines: Sendable {
  private let client: Client
  private let connection: Mutex<BufferedReader>

  init(_ client: Client, _ connection: consuming BufferedReader) {
    self.client = client
    self.connection = Mutex(connection)
  }

  /// Waits for the end, for as long as it takes.
  func end() -> Result<Reply.AttachmentEnd, ClientFailure> {
    connection.withLock { connection in
      do throws(ClientFailure) {
        let line = try client.nextLine(of: &connection, deadline: .never)
        return .success(try client.decode(Reply.AttachmentEnd.self, from: line))
      } catch {
        return .failure(error)
      }
    }
  }
}

/// What happens to this process while its terminal is lent, for the daemon to know.
private final class Signals: Sendable {
  private let sending: Mutex<FileDescriptor>
  private let received = Atomic<Int32>(0)

  init(_ sending: consuming FileDescriptor) { self.sending = Mutex(sending) }

  /// The signal that was to end this process; nil when none was.
  var last: Int32? {
    let signal = received.load(ordering: .relaxed)
    return signal == 0 ? nil : signal
  }

  /// Reports another size, and asks for the end when a signal wants this process's.
  func report(on loop: EventLoop) async {
    guard let signals = try? SignalSource([SIGWINCH, SIGTERM, SIGINT, SIGQUIT, SIGHUP], on: loop) else { return }
    while let signal = try? await signals.next() {
      if signal == SIGWINCH {
        send(.resized)
      } else {
        received.store(signal, ordering: .relaxed)
        send(.detach)
      }
    }
  }

  private func send(_ request: Request) {
    guard let line = try? WireFormat.line(request) else { return }
    // A daemon that has gone is noticed by whoever reads.
    sending.withLock { sending in
      // Bytes seen as raw bytes: nothing is reinterpreted.
      try? unsafe sending.writeAll(line.span.bytes, deadline: .after(.seconds(1)))
    }
  }
}
