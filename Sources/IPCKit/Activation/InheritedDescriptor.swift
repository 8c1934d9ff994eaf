// What a descriptor is that came from elsewhere: a name is only what the other side calls it.

internal import CIPCShim
internal import Glibc

/// A descriptor that was handed over, described without touching it.
public struct InheritedDescriptor: Sendable, Hashable {
  /// What the manager calls it: FileDescriptorName= of a socket unit, or the unit's name; `connection` for a socket
  /// unit with Accept=yes; the name under which it was stored; `unknown` where nobody gave one.
  public let name: String
  /// What it is.
  public let kind: Kind

  /// What can be done with it.
  public enum Kind: Sendable, Hashable {
    /// A Unix socket that accepts connections: ListenStream= or ListenSequentialPacket=.
    case listening(SocketType)
    /// A Unix socket with a peer, who may have gone: what Accept=yes hands over.
    case connected(SocketType)
    /// A Unix socket for messages without a connection: ListenDatagram=.
    case datagram
    /// A FIFO, or the end of a pipe: ListenFIFO=.
    case fifo
    /// Anything else: a file, a terminal, a socket of another family.
    case other
  }
}

extension InheritedDescriptor.Kind: CustomStringConvertible {
  /// A few words for a log.
  public var description: String {
    switch self {
    case .listening(let type): "a listening \(type) socket"
    case .connected(let type): "a connected \(type) socket"
    case .datagram: "a datagram socket"
    case .fifo: "a FIFO"
    case .other: "something else"
    }
  }
}

extension InheritedDescriptor.Kind {
  /// Looks. fstat(2), getsockopt(2) with SO_DOMAIN, SO_TYPE and SO_ACCEPTCONN, getpeername(2). What cannot be told is
  /// something else.
  init(of descriptor: borrowing FileDescriptor) {
    var status = ipc_file_status()
    // The shim fills the structure and keeps no pointer.
    _ = unsafe ipc_status(descriptor.number, &status)
    switch status.mode & S_IFMT {
    case S_IFIFO: self = .fifo
    case S_IFSOCK: self.init(ofSocket: descriptor)
    default: self = .other
    }
  }

  private init(ofSocket socket: borrowing FileDescriptor) {
    var (family, number, listening): (CInt, CInt, CInt) = (0, 0, 0)
    // The shim writes three integers and keeps no pointer.
    _ = unsafe ipc_socket_kind(socket.number, &family, &number, &listening)
    let type = SocketType.allCases.first { family == IPC_FAMILY_UNIX && $0.number == number }
    switch type {
    case .none: self = .other
    case .datagram: self = .datagram
    case .some(let type) where listening != 0: self = .listening(type)
    case .some(let type): self = ipc_has_peer(socket.number) == 1 ? .connected(type) : .other
    }
  }
}
