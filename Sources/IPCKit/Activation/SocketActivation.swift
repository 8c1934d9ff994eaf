// Sockets that systemd made before this process began, by name.

internal import CIPCShim
internal import Glibc

/// The descriptors that the service manager handed to this process, each under its name.
///
/// They can be taken once: taking unsets LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, so that no child mistakes them for its
/// own, and makes each descriptor close-on-exec. What nobody asks for is closed where the value ends.
///
/// ```swift
/// var activation = try SocketActivation.take()
/// let listener = try activation.takeListener(named: "control") ?? UnixListener(binding: "/run/example.sock")
/// ```
public struct SocketActivation: ~Copyable {
  /// An array cannot hold a noncopyable value, a class can. Taken once, so that each descriptor has one owner.
  private final class Inherited {
    let name: String
    var descriptor: FileDescriptor?
    init(name: String, descriptor: consuming FileDescriptor) {
      self.name = name
      self.descriptor = consume descriptor
    }
  }

  private let inherited: [Inherited]

  /// Takes what was handed to this process. sd_listen_fds_with_names(3), through libsystemd, which is loaded only when
  /// LISTEN_FDS is set.
  ///
  /// None without LISTEN_FDS, or with a LISTEN_PID that is not ours.
  /// - Throws: ENOPKG when libsystemd.so.0 cannot be loaded; EBADF when a descriptor that was promised is closed; EINVAL
  ///   when the variables contradict each other.
  public static func take() throws(SystemError) -> SocketActivation {
    var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    // The shim stores an array of as many C strings as it answers, ours to free.
    let count = try unsafe SystemError.check(ipc_listen_descriptors(&names), "sd_listen_fds_with_names")
    defer { unsafe ipc_free_names(names, count) }
    let first: CInt = 3
    return SocketActivation(
      inherited: (0..<count).map { index in
        // libsystemd promises an entry for each descriptor.
        let name = unsafe names?[Int(index)].map { unsafe String(cString: $0) } ?? "unknown"
        // Handed to this process by the manager, whose protocol makes us the owner.
        return unsafe Inherited(name: name, descriptor: FileDescriptor(owning: first + index))
      })
  }

  /// The names of what has not been taken yet, in the manager's order.
  public var names: [String] { inherited.filter { $0.descriptor != nil }.map(\.name) }

  /// Hands out the first descriptor of that name, checked to be a listening Unix socket of this type; nil when there is
  /// none.
  /// - Parameters:
  ///   - name: FileDescriptorName= of the socket unit; nil takes the first descriptor, whatever its name.
  ///   - type: `stream` for ListenStream=, `seqpacket` for ListenSequentialPacket=.
  /// - Throws: as ``UnixListener/init(inheriting:type:)``.
  public mutating func takeListener(
    named name: String? = nil, type: SocketType = .stream
  ) throws(SystemError) -> UnixListener? {
    let matching = inherited.first { $0.descriptor != nil && (name == nil || $0.name == name) }
    guard let descriptor = matching?.descriptor.take() else { return nil }
    return try UnixListener(inheriting: descriptor, type: type)
  }
}
