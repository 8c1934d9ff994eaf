// Makes descriptors and closes them, as often as each line of its standard input says, and answers `done`, for who counts
// meanwhile: ipckit-descriptors eventfd|timerfd|duplicate|adopted|pipe|socketpair.

internal import Glibc
internal import IPCKit

/// Says what is wrong and ends.
func fail(_ reason: String, status: Int32 = 1) -> Never {
  print("ipckit-descriptors: \(reason)")
  exit(status)
}

func make(_ kind: String, _ rounds: Int, beside pipe: borrowing Pipe) throws(SystemError) {
  switch kind {
  case "eventfd": for _ in 0..<rounds { _ = try EventCounter() }
  case "timerfd": for _ in 0..<rounds { _ = try KernelTimer() }
  case "duplicate": for _ in 0..<rounds { _ = try pipe.reading.duplicate() }
  // dup just handed each number out.
  case "adopted": for _ in 0..<rounds { _ = unsafe FileDescriptor(owning: dup(0)) }
  case "pipe": for _ in 0..<rounds { _ = try Pipe() }
  case "socketpair": for _ in 0..<rounds { _ = try SocketPair() }
  default: fail("no such kind: \(kind)", status: 64)
  }
}

guard CommandLine.arguments.count == 2 else {
  fail("usage: eventfd|timerfd|duplicate|adopted|pipe|socketpair", status: 64)
}

do throws(SystemError) {
  let pipe = try Pipe()
  while let line = readLine(), let rounds = Int(line) {
    try make(CommandLine.arguments[1], rounds, beside: pipe)
    print("done")
    // What is in the buffer reaches who waits for it.
    fflush(nil)
  }
} catch {
  fail("\(error)")
}
