// counter.c: what is added is taken, and a timer that is set expires.

import CIPCShim
import Glibc
import Testing

@Suite struct CounterTests {
  @Test(arguments: [0, 1] as [Int32]) func countsAddUp(isOneByOne: Int32) {
    let counter = ipc_eventfd(3, isOneByOne)
    #expect(ipc_is_close_on_exec(counter) == 1 && ipc_is_non_blocking(counter) == 1)
    var value: UInt64 = 0
    #expect(ipc_add_count(counter, 4) == 0)
    // The shim stores one number, here and below.
    #expect(unsafe ipc_take_count(counter, &value) == 1)
    #expect(value == (isOneByOne == 1 ? 1 : 7))
    #expect(unsafe ipc_take_count(counter, &value) == isOneByOne)
    #expect(ipc_add_count(counter, .max) == -EINVAL)
    #expect(ipc_add_count(1_000_000, 1) == -EBADF)
    close(counter)
  }

  @Test func timerExpires() {
    let timer = ipc_timerfd()
    #expect(ipc_is_close_on_exec(timer) == 1 && ipc_is_non_blocking(timer) == 1)
    var value: UInt64 = 0
    #expect(unsafe ipc_take_count(timer, &value) == 0)
    #expect(ipc_set_timerfd(timer, 1, 0) == 0)
    var question = pollfd(fd: timer, events: Int16(POLLIN), revents: 0)
    #expect(unsafe poll(&question, 1, 60_000) == 1)
    #expect(unsafe ipc_take_count(timer, &value) == 1 && value == 1)
    #expect(ipc_set_timerfd(timer, -1, 0) == -EINVAL)
    close(timer)
  }
}
