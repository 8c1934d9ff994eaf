// Who is let in, and to whom we speak: one rule for both ends, applied to the kernel's word.

internal import Glibc

/// Which peers are trusted, by their credentials.
///
/// A server applies it before it reads the first byte, a client before it sends one.
///
/// ```swift
/// let stream = try UnixStream(connectingTo: "/run/example.sock", trusting: .sameUserOrRoot)
/// ```
public struct PeerPolicy: Sendable {
  private enum Rule {
    case anyone
    case only(@Sendable (PeerCredentials) -> Bool)
  }

  private let rule: Rule

  private init(rule: Rule) { self.rule = rule }

  /// A rule of your own.
  public init(_ rule: @escaping @Sendable (PeerCredentials) -> Bool) { self.rule = .only(rule) }

  /// This process's effective user, as it is when the policy is made, and root. geteuid(2).
  public static var sameUserOrRoot: PeerPolicy {
    let user = geteuid()
    return PeerPolicy { $0.userID == user || $0.userID == 0 }
  }

  /// This process's effective user, as it is when the policy is made, alone: root not included. geteuid(2).
  public static var sameUser: PeerPolicy {
    let user = geteuid()
    return PeerPolicy { $0.userID == user }
  }

  /// This process's effective user, as it is when the policy is made, root, and one more. geteuid(2).
  public static func sameUserRootOr(_ userID: UInt32) -> PeerPolicy {
    let user = geteuid()
    return PeerPolicy { $0.userID == userID || $0.userID == user || $0.userID == 0 }
  }

  /// Everyone whom the socket's mode lets in.
  public static let anyone = PeerPolicy(rule: .anyone)

  /// Whether the credentials matter at all.
  var asksForPeer: Bool {
    switch rule {
    case .anyone: false
    case .only: true
    }
  }

  /// Whether the peer is trusted.
  public func admits(_ peer: PeerCredentials) -> Bool {
    switch rule {
    case .anyone: true
    case .only(let rule): rule(peer)
    }
  }
}
