// What a manager hands over, with variables of any content: as many descriptors as they say or an error, none closed twice,
// none left, and the variables gone.

import Glibc

@testable import IPCKit

private let first: CInt = 3
private let most = 5

/// What can be handed over, above the numbers of the protocol.
private enum Handed {
  static let all: [(number: CInt, kind: InheritedDescriptor.Kind)] = {
    do {
      let listener = try UnixListener(binding: .abstract("ipckit-fuzz-\(getpid())"))
      let (stream, packets, datagrams) = (try pair(.stream), try pair(.seqpacket), try pair(.datagram))
      let pipe = try Pipe()
      return [
        (high(listener.descriptor), .listening(.stream)), (stream, .connected(.stream)),
        (packets, .connected(.seqpacket)), (datagrams, .datagram), (high(pipe.reading), .fifo),
        (high(try MemoryFile(named: "handed").descriptor), .other),
      ]
    } catch {
      fail("nothing to hand over: \(error)")
    }
  }()

  /// One end; the other stays open for as long as the process runs.
  private static func pair(_ type: SocketType) throws(SystemError) -> CInt {
    let pair = try SocketPair(type)
    _ = high(pair.left)
    return high(pair.right)
  }

  static func high(_ descriptor: borrowing FileDescriptor) -> CInt {
    // A second number, which stays open.
    let number = unsafe descriptor.withUnsafeNumber { fcntl($0, F_DUPFD_CLOEXEC, 100) }
    if number < 0 { fail("F_DUPFD: \(errno)") }
    return number
  }
}

/// Whatever stands where descriptors are handed over, out of the way: libFuzzer has files of its own.
private struct Displaced {
  private let numbers: [(from: CInt, to: CInt)]

  init() {
    // One more than there may be, where all that may be taken for handed over ends.
    numbers = (first...first + CInt(most)).compactMap { number in
      let moved = fcntl(number, F_DUPFD_CLOEXEC, 200)
      guard moved >= 0 else { return nil }
      close(number)
      return (number, moved)
    }
  }

  func putBack() {
    for (from, to) in numbers {
      dup2(to, from)
      close(to)
    }
  }
}

private let variables = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"]

/// Sets a variable as far as its bytes can be one; none for what begins with a hyphen and is nothing else.
func setVariable(_ name: String, _ value: [UInt8]?) {
  guard let value, value != [UInt8(ascii: "-")] else {
    // A C string for the length of the call.
    _ = unsafe unsetenv(name)
    return
  }
  let text = value.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
  // Both are C strings, which are copied.
  _ = unsafe setenv(name, text, 1)
}

@Sendable func fuzzActivation(_ input: inout Input) throws {
  _ = Handed.all
  let displaced = Displaced()
  defer { displaced.putBack() }
  let handed = (0..<input.choice(most + 1)).map { _ in input.choice(7) }
  for (index, kind) in handed.enumerated() where kind < 6 { dup2(Handed.all[kind].number, first + CInt(index)) }
  let process = input.takeLine()
  setVariable("LISTEN_PID", process == [UInt8(ascii: "@")] ? Array("\(getpid())".utf8) : process)
  let (count, names) = (input.takeLine(), input.takeLine())
  setVariable("LISTEN_FDS", count)
  setVariable("LISTEN_FDNAMES", names)
  if input.choice(4) == 0 { setVariable("LISTEN_PIDFDID", input.takeLine()) }
  let expected = model(process == [UInt8(ascii: "@")], count, names, handed)
  let taken = take(handed, expected, &input) ?? lost(handed, count)
  for name in variables { expect(unsafe getenv(name) == nil, "\(name) is still set") }
  // What was given is closed by now; what was not is as it was.
  for (index, kind) in handed.enumerated() {
    let isOpen = fcntl(first + CInt(index), F_GETFD) >= 0
    expectEqual(
      isOpen, kind < 6 && index >= taken, "whether \(first + CInt(index)) of \(handed) is open, \(taken) taken")
    if isOpen { close(first + CInt(index)) }
  }
}

private enum Expected {
  case names([String])
  case failure
  /// What libsystemd makes of numbers that nobody writes is its own affair.
  case any
}

private func model(_ isOurs: Bool, _ count: [UInt8], _ names: [UInt8], _ handed: [Int]) -> Expected {
  let isNumber = (1...3).contains(count.count) && count.allSatisfy { (48...57).contains($0) } && count.first != 48
  guard isOurs, isNumber, let number = Int(String(decoding: count, as: UTF8.self)) else { return .any }
  guard number <= handed.count, !handed.prefix(number).contains(6) else { return .failure }
  if names == [UInt8(ascii: "-")] { return .names(Array(repeating: "unknown", count: number)) }
  guard !names.isEmpty, !names.contains(UInt8(ascii: "\\")), !names.contains(0) else { return .any }
  let parts = names.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
  return parts.count == number ? .names(parts.map { String(decoding: $0, as: UTF8.self) }) : .failure
}

/// How many are closed where none can be given: those that were promised, up to the first that is not there.
private func lost(_ handed: [Int], _ count: [UInt8]) -> Int {
  let text = count.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
  // A C string for the length of the call.
  let promised = unsafe strtol(text, nil, 10)
  return min(max(0, promised), handed.prefix { $0 < 6 }.count)
}

/// How many descriptors were given; nil when it failed.
private func take(_ handed: [Int], _ expected: Expected, _ input: inout Input) -> Int? {
  do throws(SystemError) {
    var activation = try SocketActivation.take()
    let given = activation.remaining
    switch expected {
    case .names(let names): expectEqual(given.map(\.name), names, "the names")
    case .failure: fail("\(given) out of \(handed)")
    case .any: expect(given.count <= handed.count, "\(given) out of \(handed)")
    }
    for (kind, one) in zip(handed, given) { expectEqual(one.kind, Handed.all[kind].kind, "what \(one.name) is") }
    for _ in 0..<input.choice(5) { takeSome(&activation, &input) }
    return given.count
  } catch {
    if case .names(let names) = expected { fail("\(error) where there are \(names)") }
    return nil
  }
}

private func takeSome(_ activation: inout SocketActivation, _ input: inout Input) {
  let before = activation.remaining
  let name = before.isEmpty ? "none" : before[input.choice(before.count)].name
  var expected = before
  switch input.choice(5) {
  case 0:
    expected.removeAll { $0.name == name }
    expectEqual(activation.takeDescriptors(named: name).count, before.count - expected.count, "all named \(name)")
  case 1:
    if let index = expected.firstIndex(where: { $0.name == name }) { expected.remove(at: index) }
    _ = activation.takeDescriptor(named: name)
  case 2: takeFirst(.listening(.stream), name, &expected) { _ = try activation.takeListener(named: name) }
  case 3: takeFirst(.fifo, name, &expected) { _ = try activation.takeFIFO(named: name) }
  default: takeFirst(.connected(.stream), name, &expected) { _ = try activation.takeConnection(named: name) }
  }
  expectEqual(activation.remaining, expected, "what remains")
}

private func takeFirst(
  _ kind: InheritedDescriptor.Kind, _ name: String, _ expected: inout [InheritedDescriptor], _ take: () throws -> Void
) {
  let index = expected.firstIndex { $0.name == name && $0.kind == kind }
  if let index { expected.remove(at: index) }
  let isRefused = (try? take()) == nil
  expectEqual(
    isRefused, index == nil && expected.contains { $0.name == name }, "whether \(kind) named \(name) is refused")
}
