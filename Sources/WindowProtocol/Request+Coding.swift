// Requests as they stand on the wire: an object with one key.

extension Request: Codable {
  /// The names of requests; those of Alacritty's begin with a capital.
  enum Name: String, CodingKey, CaseIterable {
    case alacrittyCreateWindow = "CreateWindow"
    case alacrittyConfig = "Config"
    case alacrittyGetConfig = "GetConfig"
    case createWindow = "create-window"
    case listWindows = "list-windows"
    case closeWindow = "close-window"
    case resizeWindow = "resize-window"
    case show
    case wait
    case attach
    case resized
    case detach
    case config
    case getConfig = "get-config"
    case status
  }

  /// Any key, to find the one that is there.
  private struct AnyName: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  private struct Empty: Codable {}

  private struct OptionalWindow: Codable {
    var window: Int128?
    enum CodingKeys: String, CodingKey { case window = "window_id" }
  }

  private struct StatusRequest: Codable {
    var descriptors: Bool?
  }

  private struct Resize: Codable {
    var id: Int128
    var columns: UInt16
    var rows: UInt16
  }

  /// Alacritty's CreateWindow: what the same window is in its words.
  private struct AlacrittyWindow: Codable {
    struct Terminal: Codable {
      var working_directory: String?
      var hold: Bool?
      var command: [String]?
    }
    struct Identity: Codable {
      var title: String?
      var `class`: WindowClass?
    }
    var terminal_options: Terminal?
    var window_identity: Identity?
    var option: [String]?

    var specification: WindowSpecification {
      var window = WindowSpecification()
      window.command = terminal_options?.command ?? []
      window.workingDirectory = terminal_options?.working_directory
      window.hold = terminal_options?.hold ?? false
      window.title = window_identity?.title
      window.windowClass = window_identity?.class
      window.options = option ?? []
      return window
    }

    init(_ window: WindowSpecification) {
      terminal_options = Terminal(
        working_directory: window.workingDirectory, hold: window.hold, command: window.command)
      window_identity = Identity(title: window.title, class: window.windowClass)
      option = window.options
    }
  }

  /// Why a message is no request.
  package enum DecodingFailure: Error, Hashable, Sendable {
    /// It is another encoding than UTF-8.
    case notUTF8
    /// It has no key, or more than one.
    case notOneKey
    /// Its key is no request's name.
    case unknownName(String)
    /// It is one of Alacritty's, whose clients expect the end of the file and no error.
    case alacritty(String)
  }

  /// Reads a request.
  /// - Throws: ``DecodingFailure``, or the decoder's error for fields of a wrong type.
  package init(from decoder: any Decoder) throws {
    let keys = try decoder.container(keyedBy: AnyName.self).allKeys
    guard let key = keys.first, keys.count == 1 else { throw DecodingFailure.notOneKey }
    guard let name = Name(rawValue: key.stringValue) else { throw DecodingFailure.unknownName(key.stringValue) }
    let container = try decoder.container(keyedBy: Name.self)
    func body<Body: Decodable>(_ type: Body.Type) throws -> Body { try container.decode(type, forKey: name) }
    switch name {
    case .alacrittyCreateWindow, .alacrittyConfig, .alacrittyGetConfig:
      do {
        self = try Self.alacritty(name, in: container)
      } catch {
        throw DecodingFailure.alacritty("\(name.rawValue): \(error)")
      }
    case .createWindow: self = .createWindow(try body(WindowSpecification.self))
    case .listWindows: self = .listWindows
    case .closeWindow: self = .closeWindow(try body(WindowReference.self).id)
    case .resizeWindow:
      let resize = try body(Resize.self)
      self = .resizeWindow(resize.id, columns: resize.columns, rows: resize.rows)
    case .show: self = .show(try body(WindowReference.self).id)
    case .wait: self = .wait(try body(WindowReference.self).id)
    case .attach: self = .attach(try body(AttachRequest.self))
    case .resized: self = .resized
    case .detach: self = .detach
    case .config: self = .config(try body(ConfigurationChange.self))
    case .getConfig: self = .getConfig(window: try body(OptionalWindow.self).window)
    case .status: self = .status(listing: try body(StatusRequest?.self)?.descriptors ?? false)
    }
  }

  private static func alacritty(_ name: Name, in container: KeyedDecodingContainer<Name>) throws -> Request {
    switch name {
    case .alacrittyConfig: .alacrittyConfig(try container.decode(ConfigurationChange.self, forKey: name))
    case .alacrittyGetConfig:
      .alacrittyGetConfig(window: try container.decode(OptionalWindow.self, forKey: name).window)
    default: .alacrittyCreateWindow(try container.decode(AlacrittyWindow.self, forKey: name).specification)
    }
  }

  /// Writes the request as its clients do.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Name.self)
    switch self {
    case .alacrittyCreateWindow(let window):
      try container.encode(AlacrittyWindow(window), forKey: .alacrittyCreateWindow)
    case .alacrittyConfig(let change): try container.encode(change, forKey: .alacrittyConfig)
    case .alacrittyGetConfig(let window):
      try container.encode(OptionalWindow(window: window), forKey: .alacrittyGetConfig)
    case .createWindow(let window): try container.encode(window, forKey: .createWindow)
    case .listWindows: try container.encode(Empty(), forKey: .listWindows)
    case .closeWindow(let id): try container.encode(WindowReference(id: id), forKey: .closeWindow)
    case .resizeWindow(let id, let columns, let rows):
      try container.encode(Resize(id: id, columns: columns, rows: rows), forKey: .resizeWindow)
    case .show(let id): try container.encode(WindowReference(id: id), forKey: .show)
    case .wait(let id): try container.encode(WindowReference(id: id), forKey: .wait)
    case .attach(let request): try container.encode(request, forKey: .attach)
    case .resized: try container.encode(Empty(), forKey: .resized)
    case .detach: try container.encode(Empty(), forKey: .detach)
    case .config(let change): try container.encode(change, forKey: .config)
    case .getConfig(let window): try container.encode(OptionalWindow(window: window), forKey: .getConfig)
    case .status(let listing): try container.encode(StatusRequest(descriptors: listing ? true : nil), forKey: .status)
    }
  }
}
