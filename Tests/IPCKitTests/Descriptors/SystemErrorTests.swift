// Errors read as sentences, and compare as values.

import Glibc
import IPCKit
import Testing

@Suite struct SystemErrorTests {
  @Test func namesOperationObjectAndReason() {
    let error = SystemError(errno: EADDRINUSE, operation: "bind", object: "/run/x.sock")
    #expect(error.description == "bind /run/x.sock: Address already in use")
  }

  @Test func leavesOutAMissingObject() {
    #expect(SystemError(errno: EMFILE, operation: "pipe2").description == "pipe2: Too many open files")
  }

  @Test func unknownNumberHasWordsToo() {
    #expect(SystemError(errno: 4095, operation: "x").description == "x: Unknown error 4095")
  }

  @Test func namedNumbersAreTheKernels() {
    #expect(SystemError.addressInUse == EADDRINUSE)
    #expect(SystemError.connectionRefused == ECONNREFUSED)
    #expect(SystemError.noSuchFile == ENOENT)
    #expect(SystemError.brokenPipe == EPIPE)
    #expect(SystemError.tooManyDescriptors == EMFILE)
  }

  @Test(arguments: [-1, -110, Int(CInt.min) + 1]) func negatedNumberBecomesTheError(result: Int) {
    let ended = systemFailure { _ = try SystemError.check(result, "call", "object") }
    #expect(ended == SystemError(errno: CInt(-result), operation: "call", object: "object"))
  }

  @Test(arguments: [0, 1, Int.max]) func resultPasses(result: Int) throws {
    #expect(try SystemError.check(result, "call") == result)
  }
}
