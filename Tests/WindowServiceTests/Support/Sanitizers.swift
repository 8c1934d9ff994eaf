// What `make sanitize` takes away from a test's ground, and what it has to say to the programs that a test starts.

internal import Glibc
internal import IPCKit

/// A sanitizer that this program, and with it those that it starts, may have been built with.
enum Sanitizer: String {
  case address = "__asan_init"
  case thread = "__tsan_init"

  /// Its run-time library is a part of the program then, and shows its names.
  var isOn: Bool { unsafe dlsym(nil, rawValue) != nil }

  /// Variables that tell a program where to report; none in other runs. What a daemon's end leaves in memory is no leak:
  /// tasks that wait on its loop are never resumed.
  static let variables: [(name: String, value: String)] = ["ASAN_OPTIONS", "TSAN_OPTIONS"].compactMap { name in
    guard Sanitizer.address.isOn || Sanitizer.thread.isOn, let value = Environment.inherited[name] else { return nil }
    return (name, name == "ASAN_OPTIONS" ? value + ":detect_leaks=0" : value)
  }
}
