// Internet addresses as /proc writes them, and as everybody else does.

internal import Glibc

/// An address and a port in /proc/net/tcp: the address's words in hexadecimal as the machine has them, a colon, the port.
package enum InternetAddress {
  /// `0100007F:0050` as `127.0.0.1:80`, or an IPv6 address in brackets; nil for no address and no port, and for what is none.
  package static func text(_ field: String) -> String? {
    // A number may have a sign elsewhere.
    guard field.utf8.allSatisfy({ $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "+") }) else { return nil }
    let parts = field.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let port = UInt16(parts[1], radix: 16), let words = words(parts[0]) else { return nil }
    guard port != 0 || words.contains(where: { $0 != 0 }) else { return nil }
    switch words.count {
    case 1: return text(words, AF_INET).map { "\($0):\(port)" }
    case 4: return text(words, AF_INET6).map { "[\($0)]:\(port)" }
    default: return nil
    }
  }

  /// The same for an IPv4 address and for the IPv6 address that stands for it, by which a socket for both calls it.
  static func key(_ field: String) -> String {
    let mapped = "0000000000000000FFFF0000"
    return field.hasPrefix(mapped) ? String(field.dropFirst(mapped.count)) : field
  }

  private static func words(_ digits: Substring) -> [UInt32]? {
    guard digits.utf8.count % 8 == 0 else { return nil }
    var words: [UInt32] = []
    var rest = digits
    while !rest.isEmpty {
      guard let word = UInt32(rest.prefix(8), radix: 16) else { return nil }
      words.append(word)
      rest = rest.dropFirst(8)
    }
    return words
  }

  private static func text(_ words: [UInt32], _ family: Int32) -> String? {
    var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    // The words are the address in memory, and inet_ntop stores at most as many bytes as it is told.
    guard unsafe inet_ntop(family, words, &buffer, socklen_t(buffer.count)) != nil else { return nil }
    return String(decoding: buffer.prefix { $0 != 0 }.lazy.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
