// Arguments as they were given: Swift hands them out as text, in which bytes that are not UTF-8 are replaced without a
// word, and none at all where /proc is missing, which it reads them from. A program that acts on another path than it was
// told must not exist, so it says so and ends.

/// A look at the arguments' bytes.
package enum CommandLineCheck {
  /// What is wrong with the arguments; nil when nothing is.
  package static var problem: String? {
    // The program's own name is one of them.
    guard CommandLine.argc > 0 else { return "the arguments cannot be read: is /proc there?" }
    return firstNotUTF8.map { "argument \($0) is not UTF-8" }
  }

  private static var firstNotUTF8: Int? {
    (1..<Int(CommandLine.argc)).first { index in
      // argv has argc entries, each a C string.
      guard let argument = unsafe CommandLine.unsafeArgv[index] else { return false }
      return unsafe String(validatingCString: argument) == nil
    }
  }
}
