// Each kind of descriptor that this process can make, and what a census says of it.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct DescriptorKindTests {
  @Test func regularFiles() throws {
    let directory = try TemporaryDirectory()
    let path = directory("a file")
    let file = try openFile(path, O_RDWR | O_CREAT | O_APPEND)
    try file.writeAll("hello")
    let held = try found(file)
    #expect(held.kind == .file && held.target == path && held.access == .both && held.offset == 5)
    #expect(held.details == [path])
    let reading = try found(openFile(path, O_RDONLY | O_NONBLOCK))
    #expect(reading.access == .reading && reading.isNonBlocking && reading.inode == held.inode)
    #expect(reading.device == held.device && reading.device != nil)
    let writing = try found(openFile(path, O_WRONLY))
    #expect(writing.access == .writing)
    let name = try found(openFile(path, pathOnly))
    #expect(name.access == .neither && name.kind == .file)
    // The path is a C string for the length of the call.
    unsafe _ = unlink(path)
    let deleted = try found(file)
    #expect(deleted.kind == .deletedFile && deleted.target == "\(path) (deleted)")
    let other = try found(openFile("/", O_RDONLY))
    #expect(deleted.isSameFile(as: held) && !deleted.isSameFile(as: other))
  }

  @Test func aFileThatIsCalledDeletedIsNot() throws {
    let directory = try TemporaryDirectory()
    let held = try found(openFile(directory("x (deleted)"), O_RDWR | O_CREAT))
    #expect(held.kind == .file)
  }

  @Test func directoriesLinksAndDevices() throws {
    let directory = try TemporaryDirectory()
    let (path, link) = (directory.path, directory("link"))
    // The paths are C strings for the length of the call.
    unsafe _ = symlink("/nowhere", link)
    let held = [
      try found(openFile(path, O_RDONLY)), try found(openFile(link, pathOnly | O_NOFOLLOW)),
      try found(openFile("/dev/null", O_RDWR)), try found(openFile("/proc/self/ns/net", O_RDONLY)),
    ]
    #expect(held.map(\.kind) == [.directory, .symbolicLink, .device, .namespace("net")])
    #expect(held.map(\.kind.name) == ["directory", "symbolic link", "device", "net namespace"])
  }

  @Test func pseudoTerminals() throws {
    let held = try heldByPython(
      """
      told = [*os.openpty()]
      os.close(os.openpty()[1])
      lone, gone = os.openpty()
      os.close(gone)
      told += [lone]
      """)
    guard case .terminalMaster(let index?) = held[0].kind else {
      Issue.record("\(held)")
      return
    }
    #expect(held[1].kind == .terminalSlave(index: index) && held[0].details == ["/dev/ptmx of /dev/pts/\(index)"])
    let process = held[0].processID
    #expect(held[0].otherEnd?.description(for: process) == "other end \(held[1].number)")
    #expect(held[1].otherEnd?.description(for: process) == "other end \(held[0].number)")
    #expect(held[2].kind.name == "terminal master" && [.gone, .outOfSight].contains(held[2].otherEnd))
  }

  @Test func pipesAndFIFOs() throws {
    let pipe = try Pipe()
    let (reading, writer) = (try found(pipe.reading), try holder(of: pipe.writing))
    #expect(reading.kind == .pipe && reading.access == .reading && reading.details == ["reading"])
    #expect(reading.target == target(of: pipe.reading))
    #expect(reading.otherEnd == .held([writer]))
    let directory = try TemporaryDirectory()
    let path = directory("fifo")
    // The path is a C string for the length of the call.
    unsafe _ = mkfifo(path, 0o600)
    let both = try openFile(path, O_RDWR)
    let end = try openFile(path, O_RDONLY)
    let (held, alone) = (try found(both), try found(end))
    #expect(held.kind == .fifo && held.kind.name == "FIFO" && held.otherEnd == nil)
    // One that is opened for both is at each other's end, and at its own.
    let middle = try holder(of: both)
    #expect(alone.details == [path, "reading"] && alone.otherEnd == .held([middle]))
    let last = try openFile(path, O_WRONLY)
    let (paired, other) = (try found(end), try holder(of: last))
    // By number: the later one may have got a lower one, that another test has freed.
    #expect(paired.otherEnd == .held([middle, other].sorted { $0.number < $1.number }))
  }

  @Test func whatTheKernelMakesForOnePurpose() throws {
    let counter = try EventCounter(initial: 300)
    let signals = try SignalQueue([SIGUSR1, 64])
    let file = try MemoryFile(named: "a name")
    let process = try ProcessHandle(processID: getpid())
    let timer = try KernelTimer()
    let held = [
      try found(counter.descriptor), try found(signals.descriptor), try found(file.descriptor),
      try found(process.descriptor), try found(timer.descriptor),
    ]
    #expect(
      held.prefix(4).map(\.kind) == [
        .eventfd(count: 300), .signalfd([SIGUSR1, 64]), .memfd(name: "a name"), .pidfd(processID: getpid()),
      ])
    #expect(held[4].details == ["not armed"])
    try timer.repeat(every: .milliseconds(3_600_500))
    guard case .timerfd(let state) = try found(timer.descriptor).kind else {
      Issue.record("no timer")
      return
    }
    #expect(state.interval == .milliseconds(3_600_500) && state.clock == CLOCK_MONOTONIC)
    #expect(state.remaining > .seconds(3000) && state.remaining <= .seconds(3601))
  }

  @Test func inotifyAndEpoll() throws {
    // By Python, since Swift's Glibc has no inotify.
    let held = try heldByPython(
      """
      import ctypes, select
      c = ctypes.CDLL(None)
      i = c.inotify_init()
      c.inotify_add_watch(i, b"/", 2), c.inotify_add_watch(i, b"/tmp", 2)
      e = select.epoll()
      e.register(i, select.EPOLLIN)
      told = [i, e.fileno()]
      """)
    #expect(held.first?.kind == .inotify(watches: 2))
    guard case .epoll(let targets) = held.last?.kind, let target = targets.first else {
      Issue.record("\(held)")
      return
    }
    #expect(targets.count == 1 && target.number == held.first?.number && target.events & 1 == 1)
  }

  @Test func flagsOfADescriptor() throws {
    let pipe = try Pipe(nonBlocking: true)
    let held = try found(pipe.reading)
    #expect(held.isNonBlocking && held.isCloseOnExec)
    try pipe.reading.setCloseOnExec(false)
    try pipe.reading.setNonBlocking(false)
    let now = try found(pipe.reading)
    #expect(!now.isNonBlocking && !now.isCloseOnExec && now.description.contains("no close-on-exec"))
  }
}

/// O_PATH, which Swift's Glibc lacks.
private let pathOnly: Int32 = 0o10000000

/// What a census of this process says of a descriptor.
func found(_ descriptor: borrowing FileDescriptor) throws -> HeldDescriptor {
  // The number is used while the owner is borrowed.
  let number = unsafe descriptor.withUnsafeNumber { $0 }
  return try #require(try DescriptorCensus()[number])
}

/// A descriptor of this process as the holder of another one's other end.
func holder(of descriptor: borrowing FileDescriptor) throws -> DescriptorHolder {
  let name = try contents(of: "/proc/self/comm").filter { $0 != "\n" }
  // The number is used while the owner is borrowed.
  return DescriptorHolder(processID: getpid(), processName: name, number: unsafe descriptor.withUnsafeNumber { $0 })
}
