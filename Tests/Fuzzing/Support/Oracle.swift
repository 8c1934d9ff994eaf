// How a target says that something is wrong, and what it looks at for that.

import Glibc

/// Ends the process by a signal that libFuzzer takes for a find.
func fail(_ what: @autoclosure () -> String) -> Never {
  let text = "\nfuzz: " + what() + "\n"
  _ = unsafe write(2, text, text.utf8.count)
  abort()
}

func expect(_ condition: Bool, _ what: @autoclosure () -> String) {
  if !condition { fail(what()) }
}

func expectEqual<Value: Equatable>(_ found: Value, _ expected: Value, _ what: @autoclosure () -> String) {
  if found != expected { fail("\(what()): \(found) instead of \(expected)") }
}

/// Which descriptors are open, among the numbers that any target reaches: by one call of poll(2), which tells of those that
/// are not.
struct OpenDescriptors: CustomStringConvertible {
  private var words = [UInt64](repeating: 0, count: 12)

  static let most = 12 * 64

  init() {
    var questions = (0..<Self.most).map { pollfd(fd: CInt($0), events: 0, revents: 0) }
    // As many as there are, for the length of the call.
    guard unsafe poll(&questions, nfds_t(questions.count), 0) >= 0 else { fail("poll: \(errno)") }
    for (number, question) in questions.enumerated() where question.revents & Int16(POLLNVAL) == 0 {
      words[number / 64] |= 1 << UInt64(number % 64)
    }
  }

  /// How many there are in all: what Linux says is the size of their directory, at a hundredth of the cost of asking for each,
  /// or, before 6.2, as many of these numbers as are open.
  static var count: Int {
    var status = stat()
    // Where the answer goes, for the length of the call.
    guard unsafe stat("/proc/self/fd", &status) == 0, status.st_size > 0 else { return OpenDescriptors().numbers.count }
    return Int(status.st_size)
  }

  var numbers: [Int] { (0..<Self.most).filter { words[$0 / 64] >> UInt64($0 % 64) & 1 == 1 } }

  var description: String { "\(numbers)" }
}
