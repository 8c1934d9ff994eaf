// Where a link of /proc/PID/fd leads: a path, or a word of the kernel's for what has none.

/// The text of a link, and what it says by its form.
package struct DescriptorTarget {
  /// The bytes as text, but for a socket and a pipe; those that are not UTF-8 are U+FFFD.
  package let text: String
  package let form: Form

  package enum Form: Equatable {
    case path
    /// `/memfd:NAME (deleted)`
    case memory(name: String)
    /// `socket:[123]`
    case socket(inode: UInt64)
    /// `pipe:[123]`
    case pipe(inode: UInt64)
    /// `anon_inode:[eventpoll]`, or without brackets.
    case anonymous(String)
    /// `net:[4026531833]`, and what else has a word and an inode.
    case word(String, inode: UInt64)
    case unknown
  }

  package init(_ bytes: Span<UInt8>) {
    var scanner = TextScanner(line: bytes)
    if scanner.skip("socket:["), let inode = scanner.number() {
      (text, form) = ("", .socket(inode: inode))
      return
    }
    if scanner.skip("pipe:["), let inode = scanner.number() {
      (text, form) = ("", .pipe(inode: inode))
      return
    }
    // What looked like one of these is told from its beginning.
    scanner = TextScanner(line: bytes)
    text = scanner.rest()
    if text.hasPrefix(Self.memory), text.hasSuffix(Self.deleted) {
      form = .memory(name: String(text.dropFirst(Self.memory.count).dropLast(Self.deleted.count)))
    } else if text.hasPrefix("/dmabuf:") {
      form = .anonymous("dmabuf")
    } else if text == "/secretmem" + Self.deleted {
      form = .anonymous("secretmem")
    } else if scanner.skip("anon_inode:") {
      form = .anonymous(scanner.rest().trimmingBrackets)
    } else if scanner.skip("/") {
      form = .path
    } else {
      form = Self.word(text, &scanner)
    }
  }

  /// A path of which readlink(2) will not tell, because it has more than 4,095 bytes.
  static let tooLong = DescriptorTarget(text: "(path too long)", form: .path)

  private init(text: String, form: Form) { (self.text, self.form) = (text, form) }

  /// Whether there is a file system behind it to ask.
  var isPath: Bool { if case .memory = form { true } else { form == .path } }

  /// The inode that the link itself names.
  var inode: UInt64? {
    switch form {
    case .socket(let inode), .pipe(let inode), .word(_, let inode): inode
    case .path, .memory, .anonymous, .unknown: nil
    }
  }

  private static let memory = "/memfd:"
  private static let deleted = " (deleted)"

  private static func word(_ text: String, _ scanner: inout TextScanner) -> Form {
    guard scanner.skip(through: ":["), let inode = scanner.number(), scanner.skip("]"), scanner.isAtEnd else {
      return .unknown
    }
    return .word(String(text.prefix { $0 != ":" }), inode: inode)
  }
}

extension String {
  /// Without a bracket at its beginning and its end.
  fileprivate var trimmingBrackets: String {
    guard hasPrefix("["), hasSuffix("]") else { return self }
    return String(dropFirst().dropLast())
  }
}
