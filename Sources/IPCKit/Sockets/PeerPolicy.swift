// Who is let in, and to whom we speak: one rule for both ends, applied to the kernel's word.

internal import Glibc

/// Which peers are trusted.
///
/// A server applies it before it reads the first byte, a client before it sends one. What it takes to know is asked of the
/// kernel only where the rule depends on it.
///
/// ```swift
/// let stream = try UnixStream(connectingTo: "/run/example.sock", trusting: .sameUserOrRoot)
/// let operators = PeerPolicy.root.or(.groups([27]))
/// ```
public struct PeerPolicy: Sendable {
  fileprivate enum Rule: Sendable {
    case anyone
    /// One of two, which may be the same: what most servers ask, for every client.
    case user(UInt32, or: UInt32)
    case users([UInt32])
    case groups([UInt32])
    case custom(@Sendable (Peer) throws(SystemError) -> Bool)
    indirect case either(Rule, Rule)
    indirect case both(Rule, Rule)
  }

  private let rule: Rule

  private init(rule: Rule) { self.rule = rule }

  /// A rule of your own. What it throws is reported like any other failure, and the peer is not trusted.
  public init(_ rule: @escaping @Sendable (Peer) throws(SystemError) -> Bool) { self.rule = .custom(rule) }

  /// Everyone whom the socket's mode lets in.
  public static let anyone = PeerPolicy(rule: .anyone)

  /// Root alone.
  public static let root = PeerPolicy(rule: .user(0, or: 0))

  /// This process's effective user, as it is when the policy is made, alone: root not included. geteuid(2).
  public static var sameUser: PeerPolicy { PeerPolicy(rule: .user(geteuid(), or: geteuid())) }

  /// This process's effective user, as it is when the policy is made, and root. geteuid(2).
  public static var sameUserOrRoot: PeerPolicy { PeerPolicy(rule: .user(geteuid(), or: 0)) }

  /// Whoever has one of these effective user ids.
  public static func users(_ userIDs: [UInt32]) -> PeerPolicy { PeerPolicy(rule: .users(userIDs)) }

  /// Whoever is in one of these groups, by the effective group id or a supplementary one. getsockopt(2) with SO_PEERGROUPS,
  /// where the former does not tell.
  public static func groups(_ groupIDs: [UInt32]) -> PeerPolicy { PeerPolicy(rule: .groups(groupIDs)) }

  /// Whoever this policy or, when it does not, `other` trusts.
  public func or(_ other: PeerPolicy) -> PeerPolicy {
    asksForPeer && other.asksForPeer ? PeerPolicy(rule: .either(rule, other.rule)) : .anyone
  }

  /// Whoever this policy and, when it does, `other` trusts too.
  public func and(_ other: PeerPolicy) -> PeerPolicy {
    guard asksForPeer else { return other }
    return other.asksForPeer ? PeerPolicy(rule: .both(rule, other.rule)) : self
  }

  /// Whether it matters who the peer is.
  var asksForPeer: Bool {
    if case .anyone = rule { false } else { true }
  }

  /// Whether the peer is trusted.
  /// - Throws: what the kernel says when it does not tell what the rule depends on.
  public func admits(_ peer: Peer) throws(SystemError) -> Bool { try rule.admits(peer) }
}

extension PeerPolicy.Rule {
  fileprivate func admits(_ peer: Peer) throws(SystemError) -> Bool {
    switch self {
    case .anyone: return true
    case .user(let first, let second): return peer.credentials.userID == first || peer.credentials.userID == second
    case .users(let users): return users.contains(peer.credentials.userID)
    case .groups(let groups):
      if groups.contains(peer.credentials.groupID) { return true }
      return try peer.groups.contains(where: groups.contains)
    case .custom(let rule): return try rule(peer)
    case .either(let first, let second):
      if try first.admits(peer) { return true }
      return try second.admits(peer)
    case .both(let first, let second):
      guard try first.admits(peer) else { return false }
      return try second.admits(peer)
    }
  }
}
