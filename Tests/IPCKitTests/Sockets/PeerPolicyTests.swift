// Who is let in, told by credentials that the kernel gave: of this user, and of another.

import Glibc
import IPCKit
import Testing

@Suite struct PeerPolicyTests {
  @Test func oneselfIsAdmittedByAllButAStrangersRule() throws {
    let pair = try socketPair()
    let me = try pair.left.peerCredentials()
    #expect(PeerPolicy.sameUser.admits(me))
    #expect(PeerPolicy.sameUserOrRoot.admits(me))
    #expect(PeerPolicy.sameUserRootOr(12345).admits(me))
    #expect(PeerPolicy.anyone.admits(me))
    #expect(!PeerPolicy { $0.userID != geteuid() }.admits(me))
  }

  @Test(.enabled(if: geteuid() == 0, "another user's credentials need root")) func anotherUser() async {
    await #expect(processExitsWith: .success) {
      // The kernel notes who makes the pair.
      #expect(seteuid(4321) == 0)
      let pair = try socketPair()
      #expect(seteuid(0) == 0)
      let stranger = try pair.left.peerCredentials()
      #expect(stranger.userID == 4321)
      #expect(!PeerPolicy.sameUser.admits(stranger))
      #expect(!PeerPolicy.sameUserOrRoot.admits(stranger))
      #expect(PeerPolicy.sameUserRootOr(4321).admits(stranger))
      #expect(!PeerPolicy.sameUserRootOr(4322).admits(stranger))
      #expect(PeerPolicy.anyone.admits(stranger))
    }
  }

  @Test(.enabled(if: geteuid() == 0, "to be another user needs root")) func rootSeenByAnotherUser() async {
    await #expect(processExitsWith: .success) {
      let pair = try socketPair()
      let root = try pair.left.peerCredentials()
      #expect(seteuid(4321) == 0)
      #expect(!PeerPolicy.sameUser.admits(root))
      #expect(PeerPolicy.sameUserOrRoot.admits(root))
      #expect(PeerPolicy.sameUserRootOr(99).admits(root))
      #expect(seteuid(0) == 0)
    }
  }
}
