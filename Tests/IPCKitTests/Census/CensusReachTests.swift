// Where a census does not reach, and what it says then: other users' processes, other network namespaces, descriptors that
// come and go while they are counted.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct CensusReachTests {
  @Test(.enabled(if: getuid() == 0), .unlessLeaksAreLookedForAsRoot)
  func anotherUsersProcessIsRefused() async {
    await #expect(processExitsWith: .success) {
      // A process that has changed its user is nobody's to look into but root's, and this one is root no more.
      #expect(setgid(65534) == 0 && setuid(65534) == 0)
      #expect(systemFailure { _ = try DescriptorCensus(processID: 1) }?.errno == EACCES)
      let pipe = try Pipe()
      try pipe.writing.close()
      var census = try DescriptorCensus()
      census.findOtherEnds()
      let held = try found(pipe.reading)
      #expect(held.otherEnd == nil && census[held.number]?.otherEnd == .outOfSight)
      #expect((census.processesOutOfSight ?? 0) > 0)
    }
  }

  @Test func thereIsNoSuchProcess() {
    #expect(systemFailure { _ = try DescriptorCensus(processID: .max) }?.errno == ENOENT)
    #expect(systemFailure { _ = try DescriptorCensus(processID: -1) }?.errno == ENOENT)
  }

  @Test(.enabled(if: getuid() == 0))
  func socketsOfAnotherNetworkNamespaceAreKnownByItsOwnLists() throws {
    let held = try heldByPython(
      """
      import ctypes
      assert ctypes.CDLL(None).unshare(0x40000000) == 0
      l = socket.socket(socket.AF_UNIX)
      l.bind("\\0census-elsewhere"), l.listen(5)
      a, b = socket.socketpair()
      n = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
      n.bind((0, 0))
      told = [l.fileno(), a.fileno(), b.fileno(), n.fileno()]
      """)
    #expect(held[0].details == ["listening at @census-elsewhere"])
    // The lists do not tell who belongs to whom.
    #expect(held[1].details == ["connected"] && held[1].otherEnd == nil)
    #expect(held[3].kind.name == "netlink socket" && held[3].details.first?.hasPrefix("route:") == true)
  }

  @Test func whatComesAndGoesMeanwhileIsWholeOrMissed() async throws {
    let stop = Flag()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<2 {
        group.addTask {
          while !stop.isSet {
            _ = try? Pipe()
            _ = try? SocketPair()
            _ = try? EventCounter()
            await Task.yield()
          }
        }
      }
      group.addTask {
        defer { stop.set() }
        for _ in 0..<300 {
          guard let census = try? DescriptorCensus() else { continue }
          let numbers = census.descriptors.map(\.number)
          #expect(numbers == numbers.sorted() && Set(numbers).count == numbers.count)
          for held in census.descriptors {
            switch held.kind {
            case .socket, .pipe: #expect(held.inode != nil)
            default: #expect(!held.target.isEmpty)
            }
          }
        }
      }
    }
  }

  @Test func aRegistrationOutlivesItsNumber() throws {
    let held = try heldByPython(
      """
      import select
      a, b = socket.socketpair()
      e = select.epoll()
      e.register(a.fileno(), select.EPOLLIN)
      keep, number = os.dup(a.fileno()), a.fileno()
      a.close()
      assert os.open("/dev/null", os.O_RDONLY) == number
      told = [e.fileno(), number, keep]
      """)
    guard case .epoll(let targets) = held[0].kind else {
      Issue.record("\(held)")
      return
    }
    #expect(targets.map(\.number) == [held[1].number] && targets.first?.inode == held[2].inode)
    #expect(targets.first?.inode != held[1].inode)
  }
}
