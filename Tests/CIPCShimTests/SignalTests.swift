// signal.c: signals come out of their descriptor, and with them who sent them.

import CIPCShim
import Glibc
import Testing

@Suite struct SignalTests {
  @Test func signalsComeOutOfTheirDescriptor() async {
    await #expect(processExitsWith: .success) {
      var numbers = [SIGUSR1, SIGUSR2]
      // The array is valid for the length of the call.
      let descriptor = unsafe ipc_signalfd(&numbers, 2)
      #expect(ipc_is_close_on_exec(descriptor) == 1 && ipc_is_non_blocking(descriptor) == 1)
      var signal = ipc_signal()
      // The shim fills the structure, here and below.
      #expect(unsafe ipc_signalfd_read(descriptor, &signal) == 0)
      pthread_kill(pthread_self(), SIGUSR2)
      #expect(unsafe ipc_signalfd_read(descriptor, &signal) == 1)
      #expect(signal.number == SIGUSR2 && signal.pid == getpid() && signal.uid == getuid())
      #expect(unsafe ipc_signalfd_read(descriptor, &signal) == 0)
      var wrong: [Int32] = [SIGUSR1, 1000]
      #expect(unsafe ipc_signalfd(&wrong, 2) == -EINVAL)
      #expect(unsafe ipc_signalfd_read(1_000_000, &signal) == -EBADF)
    }
  }

  @Test func aFailureBlocksNothing() async {
    await #expect(processExitsWith: .success) {
      var mask = sigset_t()
      // The structures and the array are valid for the length of the calls, here and below.
      unsafe sigemptyset(&mask)
      unsafe sigaddset(&mask, SIGUSR1)
      // This thread is one of a pool's, and may have anything blocked.
      #expect(unsafe pthread_sigmask(SIG_UNBLOCK, &mask, nil) == 0)
      var limit = rlimit()
      // RLIMIT_NOFILE: there is no room.
      unsafe getrlimit(__rlimit_resource_t(7), &limit)
      let most = limit.rlim_cur
      limit.rlim_cur = 0
      unsafe setrlimit(__rlimit_resource_t(7), &limit)
      var numbers = [SIGUSR1]
      let result = unsafe ipc_signalfd(&numbers, 1)
      limit.rlim_cur = most
      unsafe setrlimit(__rlimit_resource_t(7), &limit)
      #expect(result == -EMFILE)
      #expect(unsafe pthread_sigmask(SIG_BLOCK, nil, &mask) == 0)
      #expect(unsafe sigismember(&mask, SIGUSR1) == 0)
    }
  }
}
