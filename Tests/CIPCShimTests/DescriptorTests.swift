// descriptor.c: every descriptor is born close-on-exec, every failure is a negated errno, and no write raises SIGPIPE.

import CIPCShim
import Glibc
import Testing

@Suite struct DescriptorTests {
  @Test(arguments: [false, true]) func bornCloseOnExec(nonBlocking: Bool) throws {
    let pipe = try makePipe(nonBlocking: nonBlocking)
    let sockets = try makeSocketPair(nonBlocking: nonBlocking)
    let numbers = [
      pipe.0, pipe.1, sockets.0, sockets.1, ipc_unix_socket(IPC_STREAM, nonBlocking ? 1 : 0), ipc_duplicate(pipe.0, 0),
    ]
    for number in numbers {
      #expect(ipc_is_close_on_exec(number) == 1)
      #expect(ipc_is_non_blocking(number) == (nonBlocking ? 1 : 0))
      close(number)
    }
    let others = [
      ipc_eventfd(0, 0), ipc_open_null(), ipc_epoll_create(), ipc_pidfd_open(getpid()), ipc_open_terminal(80, 24),
      ipc_timerfd(), unsafe ipc_memory_file("x"),
    ]
    for number in others {
      #expect(number >= 0)
      #expect(ipc_is_close_on_exec(number) == 1)
      close(number)
    }
  }

  @Test func unknownNumberIsEBADFEverywhere() {
    let bad: Int32 = 1_000_000
    #expect(ipc_close(bad) == -EBADF)
    #expect(ipc_duplicate(bad, 0) == -EBADF)
    #expect(ipc_redirect(bad, 0) == -EBADF)
    #expect(readText(bad).0 == -Int64(EBADF))
    #expect(write("x", to: bad) == -Int64(EBADF))
    #expect(ipc_is_close_on_exec(bad) == -EBADF)
    #expect(ipc_set_close_on_exec(bad, 1) == -EBADF)
    #expect(ipc_is_non_blocking(bad) == -EBADF)
    #expect(ipc_set_non_blocking(bad, 1) == -EBADF)
    #expect(ipc_is_socket(bad) == -EBADF)
    #expect(ipc_shutdown_sending(bad) == -EBADF)
    #expect(ipc_accept(bad) == -EBADF)
    #expect(ipc_listen(bad, 1) == -EBADF)
    #expect(ipc_set_terminal_size(bad, 1, 1) == -EBADF)
  }

  @Test func duplicateHasAtLeastTheMinimum() throws {
    let (reading, writing) = try makePipe()
    let copy = ipc_duplicate(reading, 500)
    #expect(copy >= 500)
    closeAll(reading, writing, copy)
  }

  @Test func redirectingLeavesTheNumberOpenForAChild() async {
    await #expect(processExitsWith: .success) {
      let null = ipc_open_null()
      #expect(ipc_redirect(null, 100) == 0)
      #expect(ipc_is_close_on_exec(100) == 0)
    }
  }

  @Test func flagsAreSetAndCleared() throws {
    let (reading, writing) = try makePipe()
    for on in [1, 0, 1, 1, 0, 0] as [Int32] {
      #expect(ipc_set_non_blocking(reading, on) == 0 && ipc_is_non_blocking(reading) == on)
      #expect(ipc_set_close_on_exec(reading, on) == 0 && ipc_is_close_on_exec(reading) == on)
    }
    closeAll(reading, writing)
  }

  @Test func writeToAClosedPeerIsEPIPEAndNoSignal() async {
    await #expect(processExitsWith: .success) {
      signal(SIGPIPE, SIG_DFL)
      let (reading, writing) = try makePipe()
      close(reading)
      #expect(write("x", to: writing) == -Int64(EPIPE))
      #expect(!isPending(SIGPIPE))
      let (left, right) = try makeSocketPair()
      close(right)
      #expect(write("x", to: left) == -Int64(EPIPE))
      #expect(!isPending(SIGPIPE))
    }
  }

  @Test func signalOfAnotherIsNotSwallowed() async {
    await #expect(processExitsWith: .success) {
      block(SIGPIPE)
      let (reading, writing) = try makePipe()
      close(reading)
      #expect(write("x", to: writing) == -Int64(EPIPE))
      #expect(!isPending(SIGPIPE))
      pthread_kill(pthread_self(), SIGPIPE)
      #expect(write("x", to: writing) == -Int64(EPIPE))
      #expect(isPending(SIGPIPE))
    }
  }

  @Test func maskIsAsBeforeAfterAWrite() async {
    await #expect(processExitsWith: .success) {
      signal(SIGPIPE, SIG_DFL)
      let (reading, writing) = try makePipe()
      close(reading)
      _ = write("x", to: writing)
      var now = sigset_t()
      // Each fills or reads the set alone.
      let blocked = unsafe pthread_sigmask(SIG_BLOCK, nil, &now) == 0 && sigismember(&now, SIGPIPE) == 1
      #expect(!blocked)
    }
  }

  @Test func pollTellsReadinessHangUpAndTheEndOfTime() throws {
    let (reading, writing) = try makePipe()
    #expect(ipc_poll(reading, IPC_READABLE, 0) == 0)
    #expect(ipc_poll(reading, IPC_READABLE, 1_000_000) == 0)
    #expect(ipc_poll(writing, IPC_WRITABLE, -1) == Int32(IPC_WRITABLE))
    #expect(write("x", to: writing) == 1)
    #expect(ipc_poll(reading, IPC_READABLE, -1) == Int32(IPC_READABLE))
    close(writing)
    #expect(ipc_poll(reading, IPC_READABLE, -1) & Int32(IPC_HANGUP) != 0 || readText(reading).0 == 1)
    closeAll(reading)
  }

  @Test func clockDoesNotGoBack() {
    var last = ipc_monotonic_now()
    for _ in 0..<1000 {
      let now = ipc_monotonic_now()
      #expect(now >= last)
      last = now
    }
  }

  @Test func withoutRoomEveryCallIsEMFILE() async {
    await #expect(processExitsWith: .success) {
      let (reading, writing) = try makePipe()
      var (soft, hard): (UInt64, UInt64) = (0, 0)
      // The shim writes two integers.
      #expect(unsafe ipc_descriptor_limit(&soft, &hard) == 0)
      #expect(ipc_set_descriptor_limit(0, hard) == 0)
      let results = [
        ipc_eventfd(0, 0), ipc_open_null(), ipc_epoll_create(), ipc_pidfd_open(getpid()), ipc_open_terminal(80, 24),
        ipc_unix_socket(IPC_STREAM, 0), ipc_timerfd(), unsafe ipc_memory_file("x"),
      ]
      let duplicate = ipc_duplicate(reading, 0)
      // Each call fills two numbers.
      let noPipe = unsafe pair { unsafe ipc_pipe($0, 0) } == nil
      let noPair = unsafe pair { unsafe ipc_socket_pair(1, 0, $0) } == nil
      #expect(ipc_set_descriptor_limit(soft, hard) == 0)
      #expect(results == Array(repeating: -EMFILE, count: results.count))
      // Not even number 0 is below the limit.
      #expect(duplicate == -EINVAL)
      #expect(noPipe && noPair)
      closeAll(reading, writing)
    }
  }
}
