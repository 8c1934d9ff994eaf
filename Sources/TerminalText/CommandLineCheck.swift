// Arguments as they were given: Swift hands them out as text, in which bytes that are not UTF-8 are replaced without a
// word. A program that acts on another path than it was told must not exist, so such arguments are refused.

/// A look at the arguments' bytes.
package enum CommandLineCheck {
  /// The number of the first argument that is not UTF-8.
  package static var firstNotUTF8: Int? {
    (1..<Int(max(CommandLine.argc, 1))).first { index in
      // argv has argc entries, each a C string.
      guard let argument = unsafe CommandLine.unsafeArgv[index] else { return false }
      return unsafe String(validatingCString: argument) == nil
    }
  }
}
