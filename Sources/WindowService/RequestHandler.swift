// From a request to the bytes of its reply: what each request means, in one place.

internal import Glibc
internal import IPCKit
internal import WindowProtocol

/// Answers requests for a table of windows.
struct RequestHandler: Sendable {
  let windows: WindowTable
  let counters: Counters

  /// The reply's bytes; nil where the protocol has none.
  /// - Throws: the refusal, as the client is to read it.
  func reply(to request: Request) async throws(Reply.Failure) -> [UInt8]? {
    switch request {
    case .alacrittyCreateWindow(let specification):
      _ = try await windows.open(specification)
      return nil
    case .alacrittyConfig(let change):
      try await windows.change(change)
      return nil
    case .alacrittyGetConfig(let window):
      return try encode(AlacrittyConfiguration(GetConfig: text(of: try await windows.configuration(of: window))))
        .dropLast()
    case .createWindow(let specification):
      return try encode(Reply.Created(id: try await windows.open(specification)))
    case .listWindows:
      return try encode(Reply.Windows(windows: await windows.list))
    case .closeWindow(let id):
      try await windows.close(id)
      return try encode(Reply.Done())
    case .resizeWindow(let id, let columns, let rows):
      try await windows.resize(id, to: Terminal.Size(columns: columns, rows: rows))
      return try encode(Reply.Done())
    case .show(let id):
      return try encode(try await windows.show(id))
    case .wait(let id):
      guard let status = try await windows.wait(for: id), let known = UInt64(exactly: id) else { return nil }
      return try encode(Reply.Ended(id: known, exit: ChildExit(status)))
    case .attach, .resized, .detach:
      throw Reply.Failure(.notAttached, "no window is attached on this connection")
    case .config(let change):
      try await windows.change(change)
      return try encode(Reply.Done())
    case .getConfig(let window):
      return try encode(["config": try await windows.configuration(of: window)])
    case .status(let listing):
      return try encode(await status(listing: listing))
    }
  }

  /// Alacritty's reply: its configuration as a string of JSON within JSON.
  private struct AlacrittyConfiguration: Encodable {
    let GetConfig: String
  }

  private func text(of configuration: Configuration) throws(Reply.Failure) -> String {
    String(decoding: try encode(configuration).dropLast(), as: UTF8.self)
  }

  private func status(listing: Bool) async -> Reply.Status {
    let uptime = (ContinuousClock.now - counters.start).components
    // A look at thousands of descriptors takes a while, in which other clients are served.
    let census = (try? await windows.loop.blocking { try? DescriptorCensus() }) ?? nil
    return Reply.Status(
      pid: getpid(), uptime: Double(uptime.seconds) + Double(uptime.attoseconds) / 1e18, windows: await windows.count,
      connections: counters.connections,
      descriptors: census?.kinds ?? [:], list: listing ? census?.descriptors.map(Reply.Descriptor.init) ?? [] : nil)
  }

  private func encode(_ message: some Encodable) throws(Reply.Failure) -> [UInt8] {
    do {
      return try WireFormat.line(message)
    } catch {
      throw Reply.Failure(.invalidValue, "the reply cannot be written as JSON: \(error)")
    }
  }
}

extension Reply.Descriptor {
  /// What a census found, in words.
  fileprivate init(_ held: HeldDescriptor) {
    let end = held.otherEnd.map { [$0.description(for: held.processID)] } ?? []
    self.init(
      number: held.number, kind: held.kind.name, details: (held.details + end).joined(separator: ", "),
      origin: held.origin?.description)
  }
}
