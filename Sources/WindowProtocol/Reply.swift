// What windowd answers: one JSON object on one line. A failure is an object too, so that a program can match it.

/// Replies of windowd's, each the whole line.
package enum Reply {
  /// It is done, and there is nothing to tell.
  package struct Done: Codable, Hashable, Sendable {
    /// Always true.
    package var ok = true
    /// The one value.
    package init() {}
  }

  /// The window that was opened.
  package struct Created: Codable, Hashable, Sendable {
    /// Its id, which no other window will have.
    package var id: UInt64
    /// A reply from its parts.
    package init(id: UInt64) { self.id = id }
  }

  /// The windows there are.
  package struct Windows: Codable, Hashable, Sendable {
    /// In the order of their ids.
    package var windows: [WindowInformation]
    /// A reply from its parts.
    package init(windows: [WindowInformation]) { self.windows = windows }
  }

  /// What a window printed last.
  package struct Shown: Codable, Hashable, Sendable {
    /// The window.
    package var id: UInt64
    /// How many bytes it printed in all; what is kept is the end of them.
    package var printed: UInt64
    /// What is kept.
    package var output: Bytes
    /// A reply from its parts.
    package init(id: UInt64, printed: UInt64, output: Bytes) {
      self.id = id
      self.printed = printed
      self.output = output
    }
  }

  /// A window that has gone.
  package struct Ended: Codable, Hashable, Sendable {
    /// The window.
    package var id: UInt64
    /// How its child ended.
    package var exit: ChildExit
    /// A reply from its parts.
    package init(id: UInt64, exit: ChildExit) {
      self.id = id
      self.exit = exit
    }
  }

  /// The state of the daemon.
  package struct Status: Codable, Hashable, Sendable {
    /// Its process id.
    package var pid: Int32
    /// For how many seconds it has run.
    package var uptime: Double
    /// How many windows it has.
    package var windows: Int
    /// How many connections it serves, this one included.
    package var connections: Int
    /// How many descriptors it has of each kind.
    package var descriptors: [String: Int]
    /// Each of them, by number, for who asked for a list.
    package var list: [Descriptor]?
    /// A reply from its parts.
    package init(
      pid: Int32, uptime: Double, windows: Int, connections: Int, descriptors: [String: Int], list: [Descriptor]? = nil
    ) {
      self.pid = pid
      self.uptime = uptime
      self.windows = windows
      self.connections = connections
      self.descriptors = descriptors
      self.list = list
    }
  }

  /// A descriptor of the daemon's.
  package struct Descriptor: Codable, Hashable, Sendable {
    /// Its number.
    package var number: Int32
    /// What it leads to, as one of the kinds that are counted.
    package var kind: String
    /// What tells it from others of its kind: an address, a path, who holds the other end.
    package var details: String
    /// Where in the source it was made; nil while windowd does not record that.
    package var origin: String?
    /// A reply from its parts.
    package init(number: Int32, kind: String, details: String, origin: String?) {
      self.number = number
      self.kind = kind
      self.details = details
      self.origin = origin
    }
  }

  /// It was refused, or it failed.
  package struct Failure: Codable, Hashable, Sendable, Error {
    /// Its two parts.
    package struct Content: Codable, Hashable, Sendable {
      /// For programs: does not change between versions.
      package var code: FailureCode
      /// For people.
      package var message: String
    }
    /// What went wrong.
    package var error: Content
    /// A reply from its parts.
    package init(_ code: FailureCode, _ message: String) { error = Content(code: code, message: message) }
  }
}

/// The kinds of failure that a program can tell apart.
package enum FailureCode: String, Codable, Hashable, Sendable {
  /// The message is not a JSON object of the right form.
  case invalidMessage = "invalid-message"
  /// The message is an object, but no request that is known.
  case unknownRequest = "unknown-request"
  /// The message is longer than the limit.
  case messageTooLong = "message-too-long"
  /// The message was not complete in time.
  case messageTooSlow = "message-too-slow"
  /// A value is not allowed.
  case invalidValue = "invalid-value"
  /// There is no such window.
  case noSuchWindow = "no-such-window"
  /// Another client has the window.
  case windowAttached = "window-attached"
  /// The window's program has ended.
  case windowEnded = "window-ended"
  /// What came with the message is no terminal that a window can be shown on.
  case noTerminal = "no-terminal"
  /// The daemon may have no more descriptors.
  case noDescriptors = "no-descriptors"
  /// The client is not attached to a window.
  case notAttached = "not-attached"
  /// There are as many windows as there may be.
  case tooManyWindows = "too-many-windows"
  /// The program could not be started.
  case spawnFailed = "spawn-failed"
  /// The service manager does not confirm that it keeps the window.
  case notStored = "not-stored"
  /// The daemon is about to end.
  case stopping
}

/// A window as `list-windows` tells it.
package struct WindowInformation: Codable, Hashable, Sendable {
  /// No other window has or had it.
  package var id: UInt64
  /// What it is called.
  package var title: String
  /// Its class.
  package var windowClass: WindowClass?
  /// The program and its arguments.
  package var command: [String]
  /// Where it was started.
  package var workingDirectory: String?
  /// The child's process id; nil when it has ended.
  package var pid: Int32?
  /// Whether it stays when the child has ended.
  package var hold: Bool
  /// The width in characters.
  package var columns: UInt16
  /// The height in characters.
  package var rows: UInt16
  /// How the child ended, for a window that is held.
  package var exit: ChildExit?
  /// The process id of the client that has it on its terminal.
  package var attached: Int32?
  /// When it was opened, in seconds since 1970; nil when an earlier windowd has not written it down.
  package var opened: Int64?

  private enum CodingKeys: String, CodingKey {
    case id, title, command, pid, hold, columns, rows, exit, attached, opened
    case windowClass = "class"
    case workingDirectory = "working_directory"
  }

  /// Information from its parts.
  package init(
    id: UInt64, title: String, windowClass: WindowClass?, command: [String], workingDirectory: String?, pid: Int32?,
    hold: Bool, columns: UInt16, rows: UInt16, exit: ChildExit?, attached: Int32? = nil, opened: Int64? = nil
  ) {
    self.id = id
    self.title = title
    self.windowClass = windowClass
    self.command = command
    self.workingDirectory = workingDirectory
    self.pid = pid
    self.hold = hold
    self.columns = columns
    self.rows = rows
    self.exit = exit
    self.attached = attached
    self.opened = opened
  }
}
