// Values that replies are made of and that JSON has no form for: bytes that are not text, and how a process ends.

internal import FoundationEssentials
package import IPCKit

/// Bytes in JSON: `{"utf8":"…"}` when they are UTF-8, else `{"base64":"…"}`.
package struct Bytes: Codable, Hashable, Sendable {
  /// The bytes.
  package var bytes: [UInt8]

  /// Bytes to be written.
  package init(_ bytes: [UInt8]) { self.bytes = bytes }

  private enum CodingKeys: String, CodingKey { case utf8, base64 }

  /// Reads either form.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    if let text = try container.decodeIfPresent(String.self, forKey: .utf8) {
      bytes = Array(text.utf8)
    } else {
      bytes = Array(try container.decode(Data.self, forKey: .base64))
    }
  }

  /// Writes text where it is text.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    if let text = String(validating: bytes, as: UTF8.self) {
      try container.encode(text, forKey: .utf8)
    } else {
      try container.encode(Data(bytes), forKey: .base64)
    }
  }
}

/// How a child ended, in JSON: `{"status":0}`, `{"signal":9}` or, when nobody can tell, `{}`.
package struct ChildExit: Codable, Hashable, Sendable {
  /// Its exit status.
  package var status: Int32?
  /// The signal that killed it.
  package var signal: Int32?

  /// What the library says of it.
  package init(_ status: ExitStatus) {
    switch status {
    case .exited(let code): self.status = code
    case .signaled(let number): signal = number
    case .unknown: break
    }
  }

  /// As the library says it.
  package var exitStatus: ExitStatus { status.map { .exited($0) } ?? signal.map { .signaled($0) } ?? .unknown }

  /// As a shell tells it: its status, or 128 and the signal; 125 when nobody can tell.
  package var shellStatus: Int32 { status ?? signal.map { 128 &+ $0 } ?? 125 }

  /// In words.
  package var description: String {
    if let status { return "exited with status \(status)" }
    if let signal { return "killed by signal \(signal)" }
    return "ended in an unknown way"
  }
}
