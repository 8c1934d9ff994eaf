// What can be fuzzed, by name, and what holds for every input of every target: no descriptor is left.

import Glibc

/// Takes an input apart, and ends the process where an oracle is not satisfied.
typealias FuzzBody = @Sendable (inout Input) throws -> Void

enum Target {
  static let all: [String: FuzzBody] = [
    "activation": fuzzActivation,
    "ancillary": fuzzAncillary,
    "configuration": fuzzConfiguration,
    "descriptor-text": fuzzDescriptorText,
    "detach-key": fuzzDetachKey,
    "framing": fuzzFraming,
    "journal": fuzzJournal,
    "netlink": fuzzNetlink,
    "notification": fuzzNotification,
    "output-ring": fuzzOutputRing,
    "protocol": fuzzProtocol,
    "replay": fuzzReplay,
    "server-framing": fuzzServerFraming,
    "socket-lists": fuzzSocketLists,
    "text-scanner": fuzzTextScanner,
    "window-state": fuzzWindowState,
  ]

  static let chosen: FuzzBody = {
    guard let body = all[name] else { fail("IPCKIT_FUZZ_TARGET names no target; --list lists them") }
    // What comes with the first input, and stays: libraries that are loaded, files and threads of the target's own.
    var nothing = Input([])
    try? body(&nothing)
    return body
  }()

  /// Those of code that never sees a descriptor: half of their time would go into counting none.
  private static let isPure: Bool = {
    let pure = [
      "configuration", "descriptor-text", "detach-key", "netlink", "output-ring", "protocol", "replay", "text-scanner",
    ]
    return pure.contains(name)
  }()

  // Copied at once.
  private static let name = unsafe getenv("IPCKIT_FUZZ_TARGET").map { unsafe String(cString: $0) } ?? ""

  static func run(_ bytes: [UInt8]) {
    var input = Input(bytes)
    // What the code under test throws at nonsense is what it should.
    if isPure {
      try? chosen(&input)
      return
    }
    let before = OpenDescriptors.count
    try? chosen(&input)
    let after = OpenDescriptors.count
    expect(after == before, "\(before) descriptors were open before, after it \(after): \(OpenDescriptors())")
  }
}
