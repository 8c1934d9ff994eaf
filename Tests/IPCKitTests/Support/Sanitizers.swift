// What `make sanitize` takes away from a test's ground: named here once, so that a test that is left out under a sanitizer
// says why, and none is left out without one.

import Glibc
import Testing

/// A sanitizer that this program may have been built with.
enum Sanitizer: String {
  case address = "__asan_init"
  case thread = "__tsan_init"

  /// Its run-time library is a part of the program then, and shows its names.
  var isOn: Bool { unsafe dlsym(nil, rawValue) != nil }
}

extension Trait where Self == ConditionTrait {
  /// For tests whose forked child runs a loop. In a child that was forked from several threads ThreadSanitizer watches
  /// nothing, and its epoll_pwait2 calls the real one twice there, so that the events of the first call are lost.
  static var unlessForkedLoopsAreDeaf: Self {
    .disabled(if: Sanitizer.thread.isOn, "ThreadSanitizer loses the events of a loop in a forked child")
  }

  /// For tests that give up root: the look for leaks at their process's end may not trace it then, and kills it.
  static var unlessLeaksAreLookedForAsRoot: Self {
    .disabled(if: Sanitizer.address.isOn, "LeakSanitizer cannot look into a process that has given up root")
  }

  /// For tests that measure this process's memory. AddressSanitizer keeps what was freed, to find who uses it still.
  static var unlessFreedMemoryIsKept: Self {
    .disabled(if: Sanitizer.address.isOn, "AddressSanitizer keeps what was freed")
  }
}
