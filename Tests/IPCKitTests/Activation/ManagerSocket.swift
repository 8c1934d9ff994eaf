// A service manager's end of NOTIFY_SOCKET.

import Glibc
import IPCKit

/// Receives what services tell.
final class ManagerSocket: Sendable {
  private let directory: TemporaryDirectory
  private let socket: UnixDatagram
  /// NOTIFY_SOCKET for those who shall tell something.
  let address: String

  init(isAbstract: Bool = false) throws {
    directory = try TemporaryDirectory()
    let path = directory("notify")
    socket = try UnixDatagram(binding: isAbstract ? .abstract(path) : .path(path))
    address = isAbstract ? "@\(path)" : path
  }

  /// The next message: its text, and what its descriptors lead to.
  func next() throws -> Received { try receive(socket.descriptor) }

  /// The next message, as text that can be compared; its descriptors are closed.
  func summary() throws -> String { try next().summary }

  /// Whether a message waits.
  func hasMessage() throws -> Bool {
    do throws(IPCError) {
      _ = try receive(socket.descriptor, deadline: .after(.zero))
      return true
    } catch .deadlineExceeded {
      return false
    }
  }
}
