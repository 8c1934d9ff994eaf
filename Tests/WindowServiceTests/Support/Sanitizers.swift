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
  static let variables: [(name: String, value: String)] = {
    guard Sanitizer.address.isOn || Sanitizer.thread.isOn else { return [] }
    let told = ["ASAN_OPTIONS", "TSAN_OPTIONS"].compactMap { name in
      Environment.inherited[name].map { (name, name == "ASAN_OPTIONS" ? $0 + ":detect_leaks=0" : $0) }
    }
    // ThreadSanitizer maps a file at every start, and a program with a limit of files would die of what is missing of it;
    // where there is no directory for it, it does without.
    return told + (Sanitizer.thread.isOn ? [("TMPDIR", "/nonexistent")] : [])
  }()
}
