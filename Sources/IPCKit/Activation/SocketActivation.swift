// Sockets that systemd made before this process began, by name.

internal import CIPCShim
internal import Glibc

/// The descriptors that the service manager handed to this process, each under its name.
///
/// They can be taken once: taking unsets LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, so that no child mistakes them for
/// its own, and makes each descriptor close-on-exec. What nobody asks for is closed where the value ends.
///
/// Ask by name: the order of the units' sockets is not the same in all versions of systemd (252 was tested here, and
/// 254 and later were not), and what was stored comes behind them in any order. And a name says nothing of what a
/// descriptor is, so that is looked at: varlinkctl hands over a connection under the name by which a socket unit hands
/// over a listener.
///
/// ```swift
/// var activation = try SocketActivation.take()
/// let listener = try activation.takeListener(named: "control") ?? UnixListener(binding: "/run/example.sock")
/// for rest in activation.remaining { print("not mine: \(rest.name), \(rest.kind)") }
/// ```
public struct SocketActivation: ~Copyable {
  /// An array cannot hold a noncopyable value, a class can. Taken once, so that each descriptor has one owner.
  private final class Inherited {
    let description: InheritedDescriptor
    var descriptor: FileDescriptor?
    init(name: String, descriptor: consuming FileDescriptor) {
      description = InheritedDescriptor(name: name, kind: InheritedDescriptor.Kind(of: descriptor))
      self.descriptor = consume descriptor
    }

    /// Hands it out to the caller on that line.
    func take(at site: CallSite) -> FileDescriptor? {
      guard let taken = descriptor.take() else { return nil }
      _ = site.recorded(taken.number)
      return taken
    }

    /// For an error.
    var place: String {
      switch descriptor {
      case .none: "what was taken"
      case .some(let descriptor): "descriptor \(descriptor.number)"
      }
    }
  }

  private let inherited: [Inherited]

  /// Takes what was handed to this process. sd_listen_fds_with_names(3), through libsystemd, which is loaded only when
  /// LISTEN_FDS is set.
  ///
  /// None without LISTEN_FDS, or with a LISTEN_PID that is not ours.
  /// - Parameters:
  ///   - fileID: with `line`, the ``DescriptorOrigin`` of what is not taken by name.
  ///   - line: as `fileID`.
  /// - Throws: ENOPKG when libsystemd.so.0 cannot be loaded; EBADF when a descriptor that was promised is closed;
  ///   EINVAL when the variables contradict each other. But for ENOPKG, what was handed over up
  ///   to the first that is not there is closed then.
  public static func take(
    fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) -> SocketActivation {
    let site = CallSite(fileID, line)
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
        return unsafe Inherited(name: name, descriptor: FileDescriptor(owning: first + index, at: site))
      })
  }

  /// What has not been taken yet, in the manager's order.
  public var remaining: [InheritedDescriptor] { inherited.filter { $0.descriptor != nil }.map(\.description) }

  /// The names of ``remaining``.
  public var names: [String] { remaining.map(\.name) }
}

// MARK: - Sockets and FIFOs

// Each of these finds the first descriptor of a name that is what is asked for, so that several of one name come one
// after the other. What is of that name and something else stays where it is.
extension SocketActivation {
  /// Hands out the first listening Unix socket of that name and type, close-on-exec and non-blocking. Its path is the
  /// manager's, and never removed.
  /// - Parameters:
  ///   - name: FileDescriptorName= of the socket unit; nil for the first listening socket of the type, whatever its
  ///     name.
  ///   - type: `stream` for ListenStream=, `seqpacket` for ListenSequentialPacket=.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Returns: nil when nothing that remains has the name.
  /// - Throws: EINVAL when what has the name is no such socket; it remains.
  public mutating func takeListener(
    named name: String? = nil, type: SocketType = .stream, fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) -> UnixListener? {
    guard let descriptor = try take(.listening(type), named: name, at: CallSite(fileID, line)) else { return nil }
    return try UnixListener(inheriting: descriptor, type: type)
  }

  /// Hands out the first connected Unix socket of that name and type, close-on-exec and non-blocking. It is the
  /// caller's from now on, and nobody has looked who the peer is: see ``Peer``.
  /// - Parameters:
  ///   - name: `connection` for a socket unit with Accept=yes; nil for the first connected socket of the type.
  ///   - type: `stream` or `seqpacket`.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Returns: nil when nothing that remains has the name.
  /// - Throws: EINVAL when what has the name is no such socket; it remains.
  public mutating func takeConnection(
    named name: String? = nil, type: SocketType = .stream, fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) -> FileDescriptor? {
    guard let descriptor = try take(.connected(type), named: name, at: CallSite(fileID, line)) else { return nil }
    try descriptor.setNonBlocking(true)
    return descriptor
  }

  /// Hands out the first Unix datagram socket of that name, close-on-exec and non-blocking. Its path is the manager's,
  /// and never removed.
  /// - Parameters:
  ///   - name: FileDescriptorName= of the socket unit with ListenDatagram=; nil for the first one.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Returns: nil when nothing that remains has the name.
  /// - Throws: EINVAL when what has the name is no such socket; it remains.
  public mutating func takeDatagram(
    named name: String? = nil, fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) -> UnixDatagram? {
    guard let descriptor = try take(.datagram, named: name, at: CallSite(fileID, line)) else { return nil }
    return try UnixDatagram(inheriting: descriptor)
  }

  /// Hands out the first FIFO of that name, close-on-exec, the caller's from now on; systemd opens its own for reading
  /// and writing, and non-blocking. The end of a pipe, which may have been stored, counts as one.
  /// - Parameters:
  ///   - name: FileDescriptorName= of the socket unit with ListenFIFO=; nil for the first one.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Returns: nil when nothing that remains has the name.
  /// - Throws: EINVAL when what has the name is no FIFO; it remains.
  public mutating func takeFIFO(
    named name: String? = nil, fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) -> FileDescriptor? {
    try take(.fifo, named: name, at: CallSite(fileID, line))
  }

  private func take(
    _ kind: InheritedDescriptor.Kind, named name: String?, at site: CallSite
  ) throws(SystemError) -> FileDescriptor? {
    let candidates = inherited.filter { $0.descriptor != nil && (name == nil || $0.description.name == name) }
    if let found = candidates.first(where: { $0.description.kind == kind }) { return found.take(at: site) }
    guard let name, let other = candidates.first else { return nil }
    let object = "\(name) as \(kind), but \(other.place) is \(other.description.kind)"
    throw SystemError(errno: EINVAL, operation: "take", object: object)
  }
}

// MARK: - Anything

extension SocketActivation {
  /// Hands out the first descriptor of that name, whatever it is; nil when there is none. Close-on-exec, otherwise as
  /// it came, and the caller's from now on.
  /// - Parameters:
  ///   - name: what the manager calls it.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  public mutating func takeDescriptor(
    named name: String, fileID: StaticString = #fileID, line: UInt32 = #line
  ) -> FileDescriptor? {
    inherited.first { $0.descriptor != nil && $0.description.name == name }?.take(at: CallSite(fileID, line))
  }

  /// Hands out all that have the name, in the manager's order: what
  /// ``ServiceManager/store(_:named:isPolled:)-(DescriptorList,_,_)`` has stored, which is in no order. Close-on-exec,
  /// otherwise as they came, and the caller's from now on.
  /// - Parameters:
  ///   - name: what the manager calls them.
  ///   - fileID: with `line`, the ``DescriptorOrigin`` of each.
  ///   - line: as `fileID`.
  public mutating func takeDescriptors(
    named name: String, fileID: StaticString = #fileID, line: UInt32 = #line
  ) -> DescriptorList {
    var taken = DescriptorList()
    while let descriptor = takeDescriptor(named: name, fileID: fileID, line: line) { taken.append(descriptor) }
    return taken
  }
}
