// What a client may ask of windowd: Alacritty's three messages as its clients write them, and windowctl's own requests.
//
// All are one JSON object with one key, which names the request. Alacritty's names are in camel case and get no reply of
// ours; the others are windowctl's commands, and each gets one JSON line.

/// A window to open.
package struct WindowSpecification: Codable, Hashable, Sendable {
  /// The program and its arguments; empty for the user's login shell.
  package var command: [String] = []
  /// Where it starts; nil for the user's home.
  package var workingDirectory: String?
  /// What the window is called.
  package var title: String?
  /// Its class.
  package var windowClass: WindowClass?
  /// Whether it stays when the child has ended.
  package var hold = false
  /// Variables over those of the daemon, as NAME=value.
  package var environment: [String] = []
  /// Settings for this window alone, as key=value.
  package var options: [String] = []

  /// A login shell in the user's home.
  package init() {}

  private enum CodingKeys: String, CodingKey {
    case command, title, hold, environment, options
    case workingDirectory = "working_directory"
    case windowClass = "class"
  }

  /// Reads it; what is missing has its default.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    command = try container.decodeIfPresent([String].self, forKey: .command) ?? []
    workingDirectory = try container.decodeIfPresent(String.self, forKey: .workingDirectory)
    title = try container.decodeIfPresent(String.self, forKey: .title)
    windowClass = try container.decodeIfPresent(WindowClass.self, forKey: .windowClass)
    hold = try container.decodeIfPresent(Bool.self, forKey: .hold) ?? false
    environment = try container.decodeIfPresent([String].self, forKey: .environment) ?? []
    options = try container.decodeIfPresent([String].self, forKey: .options) ?? []
  }
}

/// The class of a window, in the two parts that X11 has for it.
package struct WindowClass: Codable, Hashable, Sendable {
  /// The class of the application.
  package var general: String
  /// The name of this instance.
  package var instance: String

  /// A class from its parts.
  package init(general: String, instance: String) {
    self.general = general
    self.instance = instance
  }

  /// Reads it; an instance without a name of its own has its class's, and the other way round.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let general = try container.decodeIfPresent(String.self, forKey: .general)
    let instance = try container.decodeIfPresent(String.self, forKey: .instance)
    self.init(general: general ?? instance ?? "", instance: instance ?? general ?? "")
  }

  private enum CodingKeys: String, CodingKey { case general, instance }
}

/// Settings to change.
package struct ConfigurationChange: Codable, Hashable, Sendable {
  /// Each as key=value.
  package var options: [String]
  /// The window they are for; nil or -1 for all.
  package var window: Int128?
  /// Whether earlier changes are dropped first.
  package var reset: Bool

  /// A change from its parts.
  package init(options: [String], window: Int128? = nil, reset: Bool = false) {
    self.options = options
    self.window = window
    self.reset = reset
  }

  private enum CodingKeys: String, CodingKey {
    case options, reset
    case window = "window_id"
  }

  /// Reads it; what is missing has its default.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    options = try container.decodeIfPresent([String].self, forKey: .options) ?? []
    window = try container.decodeIfPresent(Int128.self, forKey: .window)
    reset = try container.decodeIfPresent(Bool.self, forKey: .reset) ?? false
  }
}

/// A window named by its id, or none.
package struct WindowReference: Codable, Hashable, Sendable {
  /// The window.
  package var id: Int128

  /// A reference to the window of that id.
  package init(id: Int128) { self.id = id }
}

/// One request.
package enum Request: Hashable, Sendable {
  // Alacritty's.
  case alacrittyCreateWindow(WindowSpecification)
  case alacrittyConfig(ConfigurationChange)
  case alacrittyGetConfig(window: Int128?)
  // windowctl's.
  case createWindow(WindowSpecification)
  case listWindows
  case closeWindow(Int128)
  case resizeWindow(Int128, columns: UInt16, rows: UInt16)
  case show(Int128)
  case wait(Int128)
  case attach(AttachRequest)
  /// Of a client that is attached: its terminal has another size.
  case resized
  /// Of a client that is attached.
  case detach
  case config(ConfigurationChange)
  case getConfig(window: Int128?)
  /// With a list of all descriptors, or only their numbers by kind.
  case status(listing: Bool)

  /// Whether the client expects the end of the file where others expect an error.
  package var isAlacritty: Bool {
    switch self {
    case .alacrittyCreateWindow, .alacrittyConfig, .alacrittyGetConfig: true
    default: false
    }
  }

  /// Whether asking a second time does no more than asking once.
  package var isRepeatable: Bool {
    switch self {
    case .listWindows, .resizeWindow, .show, .wait, .config, .getConfig, .status: true
    // A daemon that is gone has nobody's terminal any more.
    case .attach(let request): if case .window = request.target { true } else { false }
    default: false
    }
  }

  /// Every text in it that somebody chose.
  package var texts: [String] {
    switch self {
    case .alacrittyCreateWindow(let window), .createWindow(let window): window.texts
    case .alacrittyConfig(let change), .config(let change): change.options
    case .attach(let request): if case .new(let window) = request.target { window.texts } else { [] }
    default: []
    }
  }
}

extension WindowSpecification {
  fileprivate var texts: [String] {
    let identity = [title, workingDirectory, windowClass?.general, windowClass?.instance]
    return command + environment + options + identity.compactMap(\.self)
  }
}
