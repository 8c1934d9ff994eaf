// A window on this terminal: lent to the daemon, told of its size, and taken back.

internal import ArgumentParser
internal import Glibc
internal import IPCKit
internal import WindowProtocol

/// How a window is detached.
struct AttachOptions: ParsableArguments {
  @Option(
    help: "The key that detaches, as ^X, or `none`. [default: $WINDOWCTL_DETACH_KEY, else ^\\]",
    completion: .list(["none"]),
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
  @Argument(help: "The window.", completion: .windows) var id: UInt64

  func run() throws {
    try Output.exiting(options) { () throws(ClientFailure) in
      let terminal = try OwnTerminal()
      let key = try attachOptions.key()
      let request = AttachRequest(.window(Int128(id)), isReadOnly: readOnly, steals: steal, detachKey: key)
      let client = try Client(options, deadline: options.deadline(unlessGiven: 5))
      return try Visit(terminal, client, over: try client.connect()).show(request).exitCode
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
      case .daemonEnded: "windowd has ended"
      }
    return "[window \(end.id): \(what)]"
  }

  var exitCode: Int32 {
    if let signal { return 128 + signal }
    return switch end.ended {
    case .detached, .windowEnded: 0
    case .takenOver, .terminalLost, .daemonEnded: 1
    }
  }
}
