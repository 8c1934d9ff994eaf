// activation.c: nothing is loaded and nothing taken unless the variables say so; taking itself is the library's tests'.

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
