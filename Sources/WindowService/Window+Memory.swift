// Where a window's properties and output are: in a state that outlives this process, where a service manager keeps it, and
// in this process's own memory otherwise, which is cheaper.

internal import IPCKit

extension Window {
  /// How many bytes it printed in all.
  var printed: UInt64 {
    switch state {
    case .some(let state): state.printed
    case .none: ring.total
    }
  }

  /// What is kept of them, the last ones.
  var output: [UInt8] {
    switch state {
    case .some(let state): state.output
    case .none: ring.bytes
    }
  }

  /// Keeps what was printed.
  func keep(_ bytes: ArraySlice<UInt8>) {
    if state != nil { state?.keep(bytes) } else { ring.append(bytes) }
    if !attachments.isEmpty { recent.append(bytes) }
  }

  /// Keeps as many bytes from now on.
  func keepOutput(of capacity: Int) {
    if state != nil { state?.keepOutput(of: capacity) } else { ring.resize(to: capacity) }
  }

  func setSize(_ size: Terminal.Size) {
    self.size = size
    state?.setSize(size)
  }

  /// - Throws: when they cannot be written down; they hold all the same.
  func setSettings(_ settings: [Setting]) throws(SystemError) {
    self.settings = settings
    try state?.setSettings(settings)
  }

  /// After the last of the output.
  func writeDownExit() { if let exit { state?.setExit(exit) } }
}
