// activation.c and notification.c: nothing is loaded, taken or sent unless the variables say so; taking and sending
// themselves are the library's tests'.

import CIPCShim
import Glibc
import Testing

@Suite struct ActivationTests {
  @Test func withoutVariablesThereIsNothing() async {
    await #expect(processExitsWith: .success) {
      // The names are C strings for the length of the call, here and below.
      unsafe _ = unsetenv("LISTEN_FDS")
      let (count, named) = take()
      #expect(count == 0 && !named)
    }
  }

  @Test func anothersVariablesAreNothing() async {
    await #expect(processExitsWith: .success) {
      unsafe _ = setenv("LISTEN_FDS", "1", 1)
      unsafe _ = setenv("LISTEN_PID", "1", 1)
      let (count, named) = take()
      #expect(count == 0 && !named)
    }
  }

  @Test func zeroDescriptorsOfOursAreNothingAndTheVariablesGo() async {
    await #expect(processExitsWith: .success) {
      unsafe _ = setenv("LISTEN_FDS", "0", 1)
      unsafe _ = setenv("LISTEN_PID", "\(getpid())", 1)
      let (count, _) = take()
      #expect(count <= 0)
      let isLeft = unsafe getenv("LISTEN_FDS") != nil
      #expect(!isLeft)
    }
  }

  @Test func withoutAManagerNothingIsSent() async {
    await #expect(processExitsWith: .success) {
      unsafe _ = unsetenv("NOTIFY_SOCKET")
      #expect(unsafe ipc_notify("READY=1", nil, 0) == 0)
      unsafe _ = setenv("NOTIFY_SOCKET", "", 1)
      #expect(unsafe ipc_notify("READY=1", nil, 0) == 0)
      unsafe _ = setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1)
      #expect(unsafe ipc_notify("READY=1", nil, 0) == -ENOENT)
    }
  }

  @Test func onlyAConnectedSocketHasAPeer() throws {
    var ends: [CInt] = [-1, -1]
    // The shim stores two numbers, which are ours.
    #expect(unsafe ipc_socket_pair(IPC_STREAM, 0, &ends) == 0)
    #expect(ipc_has_peer(ends[0]) == 1)
    #expect(ipc_close(ends[1]) == 0)
    // It has gone, and was there.
    #expect(ipc_has_peer(ends[0]) == 1)
    #expect(ipc_close(ends[0]) == 0)
    let lonely = ipc_unix_socket(IPC_STREAM, 0)
    #expect(ipc_has_peer(lonely) == 0)
    #expect(ipc_close(lonely) == 0)
    #expect(ipc_has_peer(-1) == -EBADF)
    let null = ipc_open_null()
    #expect(ipc_has_peer(null) == -ENOTSOCK)
    #expect(ipc_close(null) == 0)
  }

  @Test func namesOfNobodyAreFreed() {
    // Freeing nothing is nothing.
    ipc_free_names(nil, 3)
  }
}

/// Takes what there is: how many, and whether there are names, which are freed.
private func take() -> (Int32, Bool) {
  var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
  // The shim stores an array of as many strings as it answers.
  let count = unsafe ipc_listen_descriptors(&names)
  let named = unsafe names != nil
  unsafe ipc_free_names(names, max(0, count))
  return (count, named)
}
