// A window shown on a user's terminal: what the client asks for, what it is told in the end, and how the terminal is left.

internal import IPCKit

/// A window to show on the terminal that comes with the message.
package struct AttachRequest: Hashable, Sendable {
  /// Which one.
  package enum Target: Hashable, Sendable {
    /// The window of that id.
    case window(Int128)
    /// One that is opened for it, in the terminal's size.
    case new(WindowSpecification)
  }

  /// Which one.
  package var target: Target
  /// Whether what is typed is no concern of the window's.
  package var isReadOnly: Bool
  /// Whether another client that has the window is to let it go.
  package var steals: Bool
  /// The byte that detaches when it is typed; nil for none.
  package var detachKey: UInt8?

  /// A request from its parts.
  package init(_ target: Target, isReadOnly: Bool = false, steals: Bool = false, detachKey: UInt8? = nil) {
    self.target = target
    self.isReadOnly = isReadOnly
    self.steals = steals
    self.detachKey = detachKey
  }
}

extension AttachRequest: Codable {
  private enum CodingKeys: String, CodingKey {
    case id
    case new = "create"
    case isReadOnly = "read_only"
    case steals = "steal"
    case detachKey = "detach_key"
  }

  /// Reads it; what is missing has its default.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    if let window = try container.decodeIfPresent(WindowSpecification.self, forKey: .new) {
      target = .new(window)
    } else {
      target = .window(try container.decode(Int128.self, forKey: .id))
    }
    isReadOnly = try container.decodeIfPresent(Bool.self, forKey: .isReadOnly) ?? false
    steals = try container.decodeIfPresent(Bool.self, forKey: .steals) ?? false
    detachKey = try container.decodeIfPresent(UInt8.self, forKey: .detachKey)
  }

  /// Writes it.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    switch target {
    case .window(let id): try container.encode(id, forKey: .id)
    case .new(let window): try container.encode(window, forKey: .new)
    }
    try container.encode(isReadOnly, forKey: .isReadOnly)
    try container.encode(steals, forKey: .steals)
    try container.encodeIfPresent(detachKey, forKey: .detachKey)
  }
}

extension Reply {
  /// The window is on the terminal now.
  package struct Attached: Codable, Hashable, Sendable {
    /// The window.
    package var attached: UInt64
    /// A reply from its parts.
    package init(attached: UInt64) { self.attached = attached }
  }

  /// The window is not on the terminal any more.
  package struct AttachmentEnd: Codable, Hashable, Sendable {
    /// Why.
    package enum Reason: String, Codable, Hashable, Sendable {
      /// The client wanted it so, by the key or by a message.
      case detached
      /// Another client has taken the window over.
      case takenOver = "taken-over"
      /// The window has gone, or its program has ended.
      case windowEnded = "window-ended"
      /// The terminal was hung up.
      case terminalLost = "terminal-lost"
      /// The daemon has ended, and the window has not: if the daemon is started again, the window is still there.
      case daemonEnded = "daemon-ended"
    }

    /// The window.
    package var id: UInt64
    /// Why.
    package var ended: Reason
    /// How the child ended, where it has.
    package var exit: ChildExit?

    /// A reply from its parts.
    package init(id: UInt64, ended: Reason, exit: ChildExit? = nil) {
      self.id = id
      self.ended = ended
      self.exit = exit
    }
  }
}

/// A key that a control character comes from, written as `^\`.
package struct ControlKey: Hashable, Sendable {
  /// The byte that it sends.
  package let byte: UInt8

  /// Reads `^X` or `ctrl-x`, X being a letter or one of `@[\]^_`; nil for anything else.
  package init?(_ text: String) {
    let lowered = text.lowercased()
    let name =
      lowered.hasPrefix("ctrl-") ? lowered.dropFirst(5) : lowered.hasPrefix("^") ? lowered.dropFirst(1) : ""
    guard name.utf8.count == 1, let letter = name.uppercased().utf8.first, (0x40...0x5F).contains(letter) else {
      return nil
    }
    byte = letter - 0x40
  }
}

/// What ends a window's hold on a terminal that goes on to show something else.
package enum TerminalReset {
  /// Ends what a program may have begun: a sequence that is cut off, the other screen, reports of the mouse and of the
  /// focus, marks around what is pasted, an application's keys, a region that scrolls, a hidden cursor, colours. Then the
  /// cursor is at the bottom.
  package static let sequence =
    "\u{18}\u{1B}\\\u{1B}[?1049l\u{1B}[?1000;1002;1003;1004;1006;2004l\u{1B}[?1l\u{1B}>\u{1B}[<u\u{1B}[4l\u{1B}[?7h"
    + "\u{1B}[r\u{1B}(B\u{0F}\u{1B}[?25h\u{1B}[0m\u{1B}[999H\r\n"
}
