// What a service tells its manager: a message that the manager can read arrives as it was meant, any other is refused before
// anything is sent. And what the manager has told by variables of any content.

import Glibc

@testable import IPCKit

/// The manager's end.
private enum Manager {
  static let name = "ipckit-fuzz-manager-\(getpid())"
  static let socket: CInt = {
    guard let socket = try? UnixDatagram(binding: .abstract(name)) else { fail("no manager") }
    // Open for as long as the process runs.
    return unsafe socket.descriptor.withUnsafeNumber { fcntl($0, F_DUPFD_CLOEXEC, 100) }
  }()

  /// The message that waits, and how many descriptors came with it; nil when none does.
  static func next() -> (text: [UInt8], descriptors: Int)? {
    // A second number of the socket, closed where it ends.
    let socket = unsafe FileDescriptor(owning: fcntl(Manager.socket, F_DUPFD_CLOEXEC, 100))
    var buffer = [UInt8](repeating: 0, count: 8192)
    var span = buffer.mutableSpan
    // Bytes seen as raw bytes: nothing is reinterpreted.
    var raw = unsafe span.mutableBytes
    guard let message = try? socket.receive(into: &raw, deadline: .after(.zero)) else { return nil }
    let (count, descriptors) = (message.count, message.descriptors.count)
    return (Array(buffer[..<count]), descriptors)
  }
}

@Sendable func fuzzNotification(_ input: inout Input) throws {
  _ = Manager.socket
  let isListening = input.choice(4) > 0
  setVariable("NOTIFY_SOCKET", isListening ? Array("@\(Manager.name)".utf8) : input.takeLine())
  let watchdog = (input.takeLine(), input.takeLine())
  setVariable("WATCHDOG_USEC", watchdog.0)
  setVariable("WATCHDOG_PID", watchdog.1 == [UInt8(ascii: "@")] ? Array("\(getpid())".utf8) : watchdog.1)
  let capacity = input.takeLine()
  setVariable("FDSTORE", capacity)
  let manager = ServiceManager()
  if isListening { expect(manager.isPresent, "there is a manager") }
  told(manager, watchdog, capacity)
  if input.choice() { try store(manager, isListening, &input) } else { try notify(manager, isListening, &input) }
  expect(Manager.next() == nil, "the manager was told more")
}

/// A number as managers write one.
private func number(_ text: [UInt8]) -> Int64? {
  let isPlain = (1...18).contains(text.count) && text.allSatisfy { (48...57).contains($0) }
  return isPlain ? Int64(String(decoding: text, as: UTF8.self)) : nil
}

private func told(_ manager: ServiceManager, _ watchdog: ([UInt8], [UInt8]), _ capacity: [UInt8]) {
  if let interval = number(watchdog.0) {
    let isOurs = [[UInt8(ascii: "@")], [UInt8(ascii: "-")], Array("\(getpid())".utf8)].contains(watchdog.1)
    if isOurs { expectEqual(manager.watchdogInterval, interval > 0 ? .microseconds(interval) : nil, "the watchdog") }
    if !isOurs, let other = number(watchdog.1), other != Int64(getpid()) {
      expectEqual(manager.watchdogInterval, nil, "another's watchdog")
    }
  }
  if let interval = manager.watchdogInterval { expect(interval > .zero, "a watchdog of \(interval)") }
  if let room = number(capacity), manager.isPresent {
    expectEqual(manager.storeCapacity, room > 0 ? Int(room) : nil, "the store")
  }
}

private func notify(_ manager: ServiceManager, _ isListening: Bool, _ input: inout Input) throws {
  var (states, lines, isRight): ([ServiceState], [String], Bool) = ([], [], true)
  for _ in 0..<input.choice(4) {
    let name = String(decoding: input.take(input.choice(12)), as: UTF8.self)
    let value = String(decoding: input.take(input.choice(40)), as: UTF8.self)
    let isStatus = input.choice()
    states.append(isStatus ? .status(value) : .variable(name, value))
    let key = isStatus ? "STATUS" : name
    lines.append("\(key)=\(value)")
    isRight = isRight && !key.isEmpty && !key.utf8.contains(61) && !lines.joined().utf8.contains { $0 == 0 || $0 == 10 }
  }
  do throws(SystemError) {
    try manager.notify(states)
    expect(isRight, "\(lines) was taken")
    guard isListening, !states.isEmpty else { return }
    guard let message = Manager.next() else { fail("the manager was told nothing of \(lines)") }
    expectEqual(message.text, Array(lines.joined(separator: "\n").utf8), "what the manager was told")
  } catch {
    expect(!isListening || !isRight, "\(error) for \(lines)")
  }
}

private func store(_ manager: ServiceManager, _ isListening: Bool, _ input: inout Input) throws {
  let count = input.choice(16) == 0 ? input.choice(255) : input.choice(4)
  let isPolled = input.choice()
  let name = String(decoding: input.rest(), as: UTF8.self)
  let isRight = (1...255).contains(name.utf8.count) && name.utf8.allSatisfy { $0 >= 32 && $0 < 127 && $0 != 58 }
  let pipe = try Pipe()
  var descriptors = DescriptorList()
  for _ in 0..<count { descriptors.append(try pipe.reading.duplicate()) }
  do throws(SystemError) {
    try manager.store(descriptors, named: name, isPolled: isPolled)
    expect(isRight && (1...253).contains(count), "\(count) descriptors named \(name.debugDescription) were taken")
    guard isListening else { return }
    guard let message = Manager.next() else { fail("the manager was given nothing") }
    let text = "FDSTORE=1\nFDNAME=\(name)" + (isPolled ? "" : "\nFDPOLL=0")
    expectEqual(String(decoding: message.text, as: UTF8.self), text, "what the manager was told")
    expectEqual(message.descriptors, count, "how many it was given")
    _ = try manager.removeStored(named: name)
    expectEqual(Manager.next()?.text, Array("FDSTOREREMOVE=1\nFDNAME=\(name)".utf8), "what it is to remove")
  } catch {
    expect(!isListening || !isRight || !(1...253).contains(count), "\(error) for \(count) of \(name.debugDescription)")
  }
}
