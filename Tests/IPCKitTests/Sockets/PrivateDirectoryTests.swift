// A private directory is ours, closed to others and no link, or it is refused.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct PrivateDirectoryTests {
  @Test func missingOneIsMade() throws {
    let directory = try TemporaryDirectory()
    try PrivateDirectory.ensure(directory("d"))
    #expect(mode(of: directory("d")) == S_IFDIR | 0o700)
    // And found there the next time.
    try PrivateDirectory.ensure(directory("d"))
  }

  @Test(arguments: [0o710, 0o701, 0o777] as [mode_t]) func openToOthersIsRefused(mode: mode_t) throws {
    let directory = try TemporaryDirectory()
    try makeDirectory(directory("d"))
    try changeMode(directory("d"), mode)
    let ended = systemFailure { try PrivateDirectory.ensure(directory("d")) }
    #expect(ended == SystemError(errno: EPERM, operation: "use as a private directory", object: directory("d")))
  }

  @Test func linkIsNotFollowed() throws {
    let directory = try TemporaryDirectory()
    try makeDirectory(directory("real"))
    try makeLink(at: directory("d"), to: "real")
    let errno = systemFailure { try PrivateDirectory.ensure(directory("d")) }?.errno
    #expect(errno == ELOOP || errno == ENOTDIR)
  }

  @Test func danglingLinkIsNotFollowed() throws {
    let directory = try TemporaryDirectory()
    try makeLink(at: directory("d"), to: "nowhere")
    #expect(systemFailure { try PrivateDirectory.ensure(directory("d")) } != nil)
    #expect(entries(of: directory.path) == ["d"])
  }

  @Test func fileIsNoDirectory() throws {
    let directory = try TemporaryDirectory()
    try writeFile(directory("d"), "")
    #expect(systemFailure { try PrivateDirectory.ensure(directory("d")) }?.errno == ENOTDIR)
  }

  @Test func fifoDoesNotBlock() throws {
    let directory = try TemporaryDirectory()
    try makeFIFO(directory("d"))
    #expect(systemFailure { try PrivateDirectory.ensure(directory("d")) }?.errno == ENOTDIR)
  }

  @Test func missingParentIsAnError() throws {
    let directory = try TemporaryDirectory()
    #expect(systemFailure { try PrivateDirectory.ensure(directory("a/b")) }?.errno == ENOENT)
  }

  @Test(.enabled(if: geteuid() == 0, "to give a directory away needs root")) func anothersIsRefused() throws {
    let directory = try TemporaryDirectory()
    try makeDirectory(directory("d"))
    try changeOwner(directory("d"), 4321)
    #expect(systemFailure { try PrivateDirectory.ensure(directory("d")) }?.errno == EPERM)
  }

  @Test func nothingIsLeftOpen() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        try quiet.expectNothingLeftOpen(needing: 1) { try PrivateDirectory.ensure(directory("d")) }
        try changeMode(directory("d"), 0o777)
        try quiet.expectNothingLeftOpen {
          quiet.expect(systemFailure { try PrivateDirectory.ensure(directory("d")) }?.errno == EPERM)
        }
      }
    }
  }
}
