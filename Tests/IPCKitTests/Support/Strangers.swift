// Being somebody else, and somewhere else: for a forked child, which never has to come back. Only root may.

import Glibc
import IPCKit
import Testing

extension Trait where Self == ConditionTrait {
  /// For tests with a process of another user.
  static var asRoot: Self { .enabled(if: geteuid() == 0, "to be another user needs root") }
}

/// A user that nobody is, and groups that nobody has.
let strangerID: UInt32 = 4321

/// Makes this process another user's for good, in no groups but these.
func becomeStranger(user: UInt32 = strangerID, group: UInt32 = strangerID, groups: [UInt32] = []) throws {
  typealias SetGroups = @convention(c) (Int, UnsafePointer<UInt32>?) -> Int32
  // The symbols are setgroups(2)'s and unshare(2)'s, whose types these are; Swift does not know the functions.
  guard let symbol = unsafe dlsym(nil, "setgroups") else { fatalError("no setgroups") }
  let setGroups = unsafe unsafeBitCast(symbol, to: SetGroups.self)
  guard unsafe setGroups(groups.count, groups) == 0, setgid(group) == 0, setuid(user) == 0 else {
    throw SystemError(errno: errno, operation: "become", object: "user \(user)")
  }
}

/// Gives the children that this process forks from now on a pid namespace of their own.
func leavePIDNamespace() throws {
  typealias Unshare = @convention(c) (Int32) -> Int32
  guard let symbol = unsafe dlsym(nil, "unshare") else { fatalError("no unshare") }
  // CLONE_NEWPID.
  guard unsafe unsafeBitCast(symbol, to: Unshare.self)(0x2000_0000) == 0 else {
    throw SystemError(errno: errno, operation: "unshare")
  }
}
