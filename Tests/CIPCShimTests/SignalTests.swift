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
}
