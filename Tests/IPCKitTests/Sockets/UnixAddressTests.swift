// Addresses as values, and abstract names in use: no file, no lock, and a name that is free as soon as its socket ends.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct UnixAddressTests {
  private static let soon = Duration.seconds(60)

  /// A name that no other test and no other run has.
  private static func name(_ word: String = #function) -> UnixAddress { .abstract("ipckit/\(getpid())/\(word)") }

  @Test func literalIsAPath() {
    let address: UnixAddress = "/run/example.sock"
    #expect(address == .path("/run/example.sock"))
    #expect("\(address)" == "/run/example.sock")
    #expect(UnixAddress.abstract("a") == .abstract([0x61]))
    #expect(UnixAddress.abstract("a") != .path("a"))
    #expect("\(UnixAddress.abstract([0x61, 0, 0x62]))" == "@a@b")
  }

  @Test func abstractNameIsFoundAndHasNoFile() throws {
    let name = Self.name()
    let listener = try UnixListener(binding: name)
    #expect(try listener.address == name)
    #expect(try listener.path == nil)
    let stream = try UnixStream(connectingTo: name, trusting: .sameUser, deadline: .after(Self.soon))
    try stream.descriptor.writeAll("in\n")
    var reader = BufferedReader(try listener.accept(deadline: .after(Self.soon)))
    #expect(try reader.nextLine(as: String.self, deadline: .after(Self.soon)) == "in")
    #expect(mode(of: "\(name).lock") == nil)
  }

  @Test func abstractNameIsTakenAsLongAsItsSocketIsOpen() async {
    await #expect(processExitsWith: .success) {
      let name = UnixAddressTests.name("taken")
      let listener = try UnixListener(binding: name)
      let ended = systemFailure { _ = try UnixListener(binding: name) }
      #expect(ended == SystemError(errno: EADDRINUSE, operation: "bind", object: "\(name)"))
      try listener.close()
      try UnixListener(binding: name).close()
      let refused = systemFailure { _ = try UnixStream(connectingTo: name) }
      #expect(refused == SystemError(errno: ECONNREFUSED, operation: "connect", object: "\(name)"))
    }
  }

  @Test func abstractNameMayHaveAnyBytesUpTo107() throws {
    let own = Array("ipckit/\(getpid())/".utf8)
    let longest = UnixAddress.abstract(own + [0, 0xff] + [UInt8](repeating: 0, count: 105 - own.count))
    let listener = try UnixListener(binding: longest)
    #expect(try listener.address == longest)
    _ = try UnixStream(connectingTo: longest, deadline: .after(Self.soon))
    let tooLong = UnixAddress.abstract([UInt8](repeating: 0x61, count: 108))
    let ended = systemFailure { _ = try UnixStream(connectingTo: tooLong) }
    #expect(ended == SystemError(errno: ENAMETOOLONG, operation: "connect", object: "\(tooLong)"))
    #expect(systemFailure { _ = try UnixListener(binding: tooLong) }?.errno == ENAMETOOLONG)
  }

  @Test func emptyNamesAreRefused() {
    let nameless = systemFailure { _ = try UnixListener(binding: .abstract("")) }
    #expect(nameless == SystemError(errno: EINVAL, operation: "bind", object: "(empty name)"))
    let pathless = systemFailure { _ = try UnixListener(binding: "") }
    #expect(pathless == SystemError(errno: ENOENT, operation: "bind", object: "(empty path)"))
  }

  @Test func inheritedListenerTellsItsAddress() throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixListener(inheriting: boundSocket(directory("s"), backlog: 1))
    #expect(try listener.address == .path(directory("s")))
    #expect(try listener.path == directory("s"))
  }
}
