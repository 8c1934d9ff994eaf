// event.c: what is registered comes back bit for bit.

import CIPCShim
import Glibc
import Testing

@Suite struct EventTests {
  @Test(arguments: [0, 1, 0xFFFF_FFFF, 0x1_0000_0000, 0x8000_0000_0000_0001, UInt64.max] as [UInt64])
  func dataComesBackAsItWent(data: UInt64) throws {
    let epoll = ipc_epoll_create()
    let (reading, writing) = try makePipe()
    #expect(ipc_epoll_add(epoll, reading, IPC_READABLE | IPC_EDGE_TRIGGERED, data) == 0)
    #expect(wait(epoll, 0) == [])
    #expect(write("x", to: writing) == 1)
    #expect(wait(epoll, -1) == [data])
    // By edge: once.
    #expect(wait(epoll, 0) == [])
    #expect(ipc_epoll_modify(epoll, reading, IPC_READABLE, ~data) == 0)
    #expect(wait(epoll, -1) == [~data])
    #expect(wait(epoll, -1) == [~data])
    #expect(ipc_epoll_remove(epoll, reading) == 0)
    #expect(wait(epoll, 0) == [])
    closeAll(epoll, reading, writing)
  }

  @Test func wrongRegistrationsAreErrors() throws {
    let epoll = ipc_epoll_create()
    let (reading, writing) = try makePipe()
    // A directory and a regular file are always ready, and cannot be watched.
    let directory = unsafe open("/", O_RDONLY | O_CLOEXEC)
    #expect(ipc_epoll_add(epoll, directory, IPC_READABLE, 0) == -EPERM)
    #expect(ipc_epoll_add(epoll, reading, IPC_READABLE, 0) == 0)
    #expect(ipc_epoll_add(epoll, reading, IPC_READABLE, 0) == -EEXIST)
    #expect(ipc_epoll_modify(epoll, writing, IPC_WRITABLE, 0) == -ENOENT)
    #expect(ipc_epoll_remove(epoll, writing) == -ENOENT)
    #expect(ipc_epoll_remove(epoll, 1_000_000) == -EBADF)
    #expect(ipc_epoll_add(epoll, epoll, IPC_READABLE, 0) == -EINVAL)
    closeAll(epoll, reading, writing, directory)
  }

  @Test func moreEventsThanRoomComeInTurns() throws {
    let epoll = ipc_epoll_create()
    var numbers: [Int32] = []
    for index in 0..<10 {
      let (reading, writing) = try makePipe()
      numbers += [reading, writing]
      #expect(ipc_epoll_add(epoll, reading, IPC_READABLE | IPC_EDGE_TRIGGERED, UInt64(index)) == 0)
      #expect(write("x", to: writing) == 1)
    }
    let events = wait(epoll, -1, room: 4) + wait(epoll, -1, room: 4) + wait(epoll, -1, room: 4)
    #expect(events.sorted() == Array(0..<10))
    for number in numbers { close(number) }
    close(epoll)
  }

  @Test func endOfTimeIsNoEvent() {
    let epoll = ipc_epoll_create()
    #expect(wait(epoll, 0) == [])
    #expect(wait(epoll, 1_500_000) == [])
    close(epoll)
  }

  /// The data of the events that come.
  private func wait(_ epoll: Int32, _ nanoseconds: Int64, room: Int = 16) -> [UInt64] {
    var events = [ipc_event](repeating: ipc_event(), count: room)
    // There is room for as many events as the shim is told.
    let count = unsafe events.withUnsafeMutableBufferPointer { buffer in
      unsafe buffer.baseAddress.map { unsafe ipc_epoll_wait(epoll, $0, Int32(room), nanoseconds) } ?? -1
    }
    return events.prefix(max(0, Int(count))).map { UInt64($0.data_high) << 32 | UInt64($0.data_low) }
  }
}
