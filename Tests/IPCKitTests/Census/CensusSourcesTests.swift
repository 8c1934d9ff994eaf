// The kernel's texts and messages, as they are and as they never should be: nothing is believed beyond its bytes.

import Glibc
import IPCKit
import Testing

@Suite struct CensusSourcesTests {
  @Test func informationOfEachKind() {
    let epoll = information(
      "pos:\t0\nflags:\t02000002\nmnt_id:\t17\nino:\t26\n"
        + "tfd:        3 events:       19 data:     7f5b00000003  pos:0 ino:ed81a6 sdev:9\n")
    #expect(epoll.flags == 0o2000002 && epoll.inode == 26)
    #expect(epoll.targets.map(\.number) == [3] && epoll.targets.first?.events == 0x19)
    #expect(epoll.targets.first?.inode == 0xed81a6)
    let timer = information(
      "flags:\t02\nclockid: 1\nticks: 0\nsettime flags: 01\nit_value: (1, 5)\nit_interval: (2, 0)\n")
    #expect(timer.clock == 1 && timer.interval == .seconds(2) && timer.remaining == .seconds(1) + .nanoseconds(5))
    let counter = information("flags:\t00\neventfd-count:              ff\neventfd-id: 4\neventfd-semaphore: 0\n")
    #expect(counter.count == 255 && counter.identity == 4)
    #expect(information("Pid:\t-1\n").processID == nil && information("Pid:\t0\n").processID == nil)
    #expect(information("Pid:\t42\nNSpid:\t42\t1\n").processID == 42)
    #expect(information("inotify wd:2 ino:1\ninotify wd:1 ino:2\n").watches == 2)
    #expect(information("tty-index:\t7\n").terminalIndex == 7)
    #expect(information("sigmask:\t0000000000010000\n").signals == 0x10000)
  }

  @Test(arguments: [
    "", "\n", ":", "flags:", "flags:\t", "flags:\t9", "flags:\t99999999999999999999999999", "pos:\t-5", "tfd:",
    "tfd: x",
    "tfd: 99999999999 events: 1", "it_value: (", "it_value: (1", "it_value: (1,", "Pid:", "inotify wd:", "sigmask: zz",
    "flags:\t0\0", "eventfd-count: 1ffffffffffffffff",
  ])
  func informationThatIsNone(_ text: String) {
    let found = information(text)
    #expect(found.flags == nil || found.flags == 0)
    #expect(found.targets.isEmpty && found.processID == nil && found.count == 0)
  }

  @Test func whatAStrangerWroteIsNotTheKernels() {
    // A registered file's name, as io_uring has printed it.
    let forged = information(
      "pos:\t0\nflags:\t02\nino:\t7\nUserFiles:\t1\n    0: x\nflags:\t020000000000\nino:\t9\npos:\t5\n")
    #expect(forged.flags == 2 && forged.inode == 7 && forged.offset == 0)
    let highest = information("flags:\t037777777777\n")
    #expect(highest.flags == .max)
  }

  @Test func targets() {
    let forms: [(String, DescriptorTarget.Form)] = [
      ("socket:[123]", .socket(inode: 123)), ("pipe:[7]", .pipe(inode: 7)),
      ("anon_inode:[eventfd]", .anonymous("eventfd")),
      ("anon_inode:inotify", .anonymous("inotify")), ("net:[4026531833]", .word("net", inode: 4_026_531_833)),
      ("/memfd:a b (deleted)", .memory(name: "a b")), ("/memfd: (deleted)", .memory(name: "")), ("/", .path),
      ("", .unknown),
      ("/home/a:[1]", .path), ("/memfd:x", .path),
      ("/dmabuf:camera", .anonymous("dmabuf")), ("/secretmem (deleted)", .anonymous("secretmem")),
      ("socket:[", .unknown), ("net:[1]x", .unknown), ("anon_inode:", .anonymous("")),
    ]
    for (text, form) in forms { #expect(DescriptorTarget(Array(text.utf8).span).form == form, "\(text)") }
    let broken = DescriptorTarget([UInt8(ascii: "/"), 0xFF].span)
    #expect(broken.text == "/\u{FFFD}" && broken.form == .path)
    // What only looks like a number's place is shown as it is.
    for text in ["pipe:[]", "socket:[x]"] { #expect(DescriptorTarget(Array(text.utf8).span).text == text) }
  }

  @Test func internetAddresses() {
    #expect(InternetAddress.text("0100007F:0050") == "127.0.0.1:80")
    #expect(InternetAddress.text("00000000000000000000000001000000:1F90") == "[::1]:8080")
    #expect(InternetAddress.text("00000000:0000") == nil && InternetAddress.text("00000000:0001") == "0.0.0.0:1")
    for text in [
      "", ":", "0100007F", "0100007F:10000", "0100007:50", "01:50", "0100007F0100007F:1", "0100007F:50:1",
      "0100007F::50", ":0100007F:50", "-0000000:0050", "+100007F:0050", "0100007F:+50",
    ] {
      #expect(InternetAddress.text(text) == nil, "\(text)")
    }
  }

  @Test func diagnosticsThatAreCutOffOrLie() throws {
    // One socket with a peer, and the end of the dump: as the kernel sends it.
    let peer: [UInt8] = [8, 0, 2, 0, 42, 0, 0, 0]
    let body: [UInt8] = [1, 1, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] + peer
    let message: [UInt8] = [UInt8(16 + body.count), 0, 0, 0, 20, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0] + body
    let done: [UInt8] = [20, 0, 0, 0, 3, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    #expect(try diagnosed(message + done).found[7]?.peerInode == 42)
    #expect(try diagnosed(message + done, isLast: true).found.count == 1)
    for count in 0..<(message.count + done.count) { _ = try? diagnosed(Array((message + done).prefix(count))) }
    // Each byte of all lengths and types, as any value that could lead astray.
    for index in (message + done).indices {
      for value: UInt8 in [0, 1, 3, 4, 15, 17, 127, 128, 255] {
        var bytes = message + done
        bytes[index] = value
        _ = try? diagnosed(bytes)
      }
    }
    let error: [UInt8] = [20, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xF3, 0xFF, 0xFF, 0xFF]
    #expect(systemFailure { _ = try diagnosed(error) }?.errno == EACCES)
  }

  @Test func theListsAgreeWithTheDiagnostics() throws {
    let pair = try SocketPair(.seqpacket)
    let listener = try UnixListener(binding: .abstract("lists-\(getpid())"))
    let inodes = try DescriptorCensus().descriptors.filter {
      if case .socket(let socket) = $0.kind { socket.protocolName.hasPrefix("unix") } else { false }
    }.compactMap(\.inode)
    let told = try UnixDiagnostics.records(of: Set(inodes))
    let listed = SocketLists(path: "/proc/self").unix(Set(inodes))
    let (left, right) = (try found(pair.left).inode ?? 0, try found(pair.right).inode ?? 0)
    #expect(told.found[left]?.peerInode == right && listed.found[left]?.peerInode == nil)
    for inode in [left, right] { #expect(listed.found[inode]?.socket.protocolName == "unix seqpacket") }
    let named = listed.found.values.first { $0.socket.address == "@lists-\(getpid())" }
    #expect(named?.socket.state == .listening && named?.socket.protocolName == "unix stream")
    try listener.close()
  }
}

private func information(_ text: String) -> DescriptorInformation {
  DescriptorInformation(parsing: Array(text.utf8).span)
}

private func diagnosed(_ bytes: [UInt8], isLast: Bool = false) throws -> SocketRecords {
  var diagnostics = UnixDiagnostics(wanted: [7])
  // Bytes seen as raw bytes: nothing is reinterpreted.
  let ended = try unsafe diagnostics.read(bytes.span.bytes)
  if isLast { #expect(ended) }
  return diagnostics.finished()
}
