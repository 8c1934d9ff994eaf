// A descriptor in one line, for a person who looks for the one that was left.

extension HeldDescriptor: CustomStringConvertible {
  /// Number, kind, and what tells it from others of its kind; who holds the other end, and where it was made, if known:
  /// `8 unix stream socket, connected, other end 9, made at Example/Main.swift:12`.
  ///
  /// Paths and names are foreign text: control characters are in it as they are.
  public var description: String {
    var parts = ["\(number) \(kind.name)"] + details
    if let otherEnd { parts.append(otherEnd.description(for: processID)) }
    if number > 2, !isCloseOnExec { parts.append("no close-on-exec") }
    if let origin { parts.append("made at \(origin)") }
    return parts.joined(separator: ", ")
  }

  /// What is known beside number and kind, without the other end, in words for a person: `reading`, `/var/log/x`.
  public var details: [String] {
    switch kind {
    case .file, .deletedFile, .directory, .symbolicLink, .device, .other: [target]
    case .fifo: [target, access.rawValue]
    case .pipe: [access.rawValue]
    case .terminalMaster(let index): [index.map { "\(target) of /dev/pts/\($0)" } ?? target]
    case .terminalSlave: [target]
    case .socket(let socket): socket.details
    case .epoll(let targets): [Self.watching(targets.map(\.number))]
    case .eventfd(let count): ["counts \(count)"]
    case .timerfd(let timer): [timer.description]
    case .signalfd(let signals): ["signals \(signals.map(String.init).joined(separator: " "))"]
    case .inotify(let watches): ["\(watches) watches"]
    case .pidfd(let processID):
      [processID.map { "of process \($0)" } ?? "of a process that has gone or is out of sight"]
    case .memfd(let name): [name]
    case .namespace, .anonymous: []
    }
  }

  private static func watching(_ numbers: [Int32]) -> String {
    guard !numbers.isEmpty else { return "watches nothing" }
    let shown = numbers.sorted().prefix(8).map(String.init).joined(separator: " ")
    return numbers.count > 8 ? "watches \(shown) and \(numbers.count - 8) more" : "watches \(shown)"
  }
}

extension OtherEnd {
  /// In words for a person who looks at a descriptor of this process.
  public func description(for processID: Int32) -> String {
    switch self {
    case .held(let holders): "other end " + holders.map { $0.description(for: processID) }.joined(separator: " and ")
    case .gone: "other end gone"
    case .waitingForAccept: "not accepted yet"
    case .outOfSight: "other end out of sight"
    }
  }
}

extension DescriptorHolder {
  fileprivate func description(for processID: Int32) -> String {
    self.processID == processID ? "\(number)" : "\(number) of \(self.processID) (\(processName))"
  }
}

extension HeldSocket {
  /// State, addresses and queues in words.
  var details: [String] {
    var details: [String] = []
    if let state {
      switch (address, peerAddress) {
      case (let address?, nil): details.append("\(state.rawValue) at \(address)")
      case (nil, let peer?): details.append("\(state.rawValue) to \(peer)")
      case (let address?, let peer?): details.append("\(state.rawValue), \(address) to \(peer)")
      case (nil, nil): details.append(state.rawValue)
      }
    } else if let address {
      details.append(address)
    }
    if state == .listening {
      if let receiveQueue { details.append("\(receiveQueue) waiting") }
    } else {
      if let receiveQueue, receiveQueue > 0 { details.append("\(receiveQueue) bytes to read") }
      if let sendQueue, sendQueue > 0 { details.append("\(sendQueue) bytes not taken") }
    }
    return details
  }
}

extension HeldTimer: CustomStringConvertible {
  /// When it expires, and how often.
  public var description: String {
    guard remaining > .zero else { return "not armed" }
    return interval > .zero ? "expires in \(remaining), then each \(interval)" : "expires in \(remaining)"
  }
}
