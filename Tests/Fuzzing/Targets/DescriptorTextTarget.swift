// What /proc tells of one descriptor and of one process, by texts in which strangers have a say: names, paths, addresses.

import Glibc

@testable import IPCKit

@Sendable func fuzzDescriptorText(_ input: inout Input) throws {
  let kind = input.choice(4)
  let bytes = input.rest()
  switch kind {
  case 0: information(bytes)
  case 1: target(bytes)
  case 2: status(bytes)
  default: address(bytes)
  }
}

// MARK: /proc/PID/fdinfo

private func information(_ bytes: [UInt8]) {
  let found = DescriptorInformation(parsing: bytes.span)
  let lines = bytes.split(separator: 10)
  func values(_ name: String) -> [ArraySlice<UInt8>] {
    lines.filter { $0.starts(with: name.utf8) }.map { $0.dropFirst(name.utf8.count) }
  }
  func number(_ text: ArraySlice<UInt8>, _ radix: Int = 10) -> UInt64? {
    let digits = text.drop { $0 == 32 || $0 == 9 }.prefix { byte in
      byte < 128 && Character(UnicodeScalar(byte)).hexDigitValue.map { $0 < radix } ?? false
    }
    return UInt64(String(decoding: digits, as: UTF8.self), radix: radix)
  }
  // The first that is a number is the kernel's own.
  let flags = values("flags:").lazy.compactMap { number($0, 8) }.first
  expectEqual(found.flags, flags.map { UInt32(truncatingIfNeeded: $0) }, "flags")
  expectEqual(found.watches, values("inotify wd:").count, "watches")
  expectEqual(found.inode, values("ino:").lazy.compactMap { number($0) }.first, "inode")
  expectEqual(found.signals, values("sigmask:").last.map { number($0, 16) ?? 0 } ?? 0, "signals")
  expectEqual(found.count, values("eventfd-count:").last.map { number($0, 16) ?? 0 } ?? 0, "count")
  let processID = values("Pid:").last.flatMap { number($0) }.flatMap { Int32(exactly: $0) }
  expectEqual(found.processID, processID == 0 ? nil : processID, "process")
  for target in found.targets { expect(target.number >= 0, "a target of number \(target.number)") }
  for name in ["eventpoll", "eventfd", "[timerfd]", "[signalfd]", "inotify", "[pidfd]", ""] {
    let target = DescriptorTarget(Array("anon_inode:\(name)".utf8).span)
    _ = "\(DescriptorKind(target, found, nil))"
  }
}

// MARK: /proc/PID/fd

private func target(_ bytes: [UInt8]) {
  let found = DescriptorTarget(bytes.span)
  let text = String(decoding: bytes, as: UTF8.self)
  switch found.form {
  case .socket(let inode): expect(canonical(text, "socket:[", inode), "\(text.debugDescription) as socket \(inode)")
  case .pipe(let inode): expect(canonical(text, "pipe:[", inode), "\(text.debugDescription) as pipe \(inode)")
  case .word(let word, let inode):
    expect(text.hasPrefix(word + ":") && canonical(text, ":[", inode), "\(text.debugDescription) as \(word) \(inode)")
  case .path: expectEqual(bytes.first, UInt8(ascii: "/"), "the beginning of a path")
  case .memory(let name): expectEqual("/memfd:" + name + " (deleted)", text, "a memory file")
  case .anonymous, .unknown: break
  }
  if found.inode == nil || !found.text.isEmpty { expectEqual(Array(found.text.utf8), Array(text.utf8), "the text") }
  expectEqual(found.isPath, bytes.first == UInt8(ascii: "/") && !isAnonymous(found), "whether it is a path")
}

private func isAnonymous(_ target: DescriptorTarget) -> Bool {
  if case .anonymous = target.form { true } else { false }
}

/// Whether the number stands behind the prefix, whatever follows; zeros and blanks before it are the kernel's affair.
private func canonical(_ text: String, _ prefix: String, _ inode: UInt64) -> Bool {
  let bytes = Array(text.utf8)
  return bytes.indices.contains { start in
    guard bytes[start...].starts(with: prefix.utf8) else { return false }
    return bytes[start...].dropFirst(prefix.utf8.count).drop { [32, 9, 48].contains($0) }
      .starts(with: inode == 0 ? "".utf8 : "\(inode)".utf8)
  }
}

// MARK: /proc/PID/stat

private func status(_ bytes: [UInt8]) {
  let end = bytes.lastIndex(of: UInt8(ascii: ")"))
  let fields = end.map { bytes[($0 + 1)...].split(separator: 32).map { String(decoding: $0, as: UTF8.self) } } ?? []
  for field in [0, 1, 2, 3, 4, 9, 22, 53] {
    let expected = field >= 3 && field - 3 < fields.count ? fields[field - 3] : nil
    expectEqual(ProcessStatus.text(field, in: bytes), expected, "field \(field)")
    expectEqual(ProcessStatus.number(field, in: bytes), expected.flatMap { UInt64($0) }, "number \(field)")
  }
  expectEqual(ProcessStatus.startTime(in: bytes), ProcessStatus.number(22, in: bytes), "the start time")
}

// MARK: /proc/net/tcp

private func address(_ bytes: [UInt8]) {
  let field = String(decoding: bytes, as: UTF8.self)
  guard let text = InternetAddress.text(field) else {
    // What the kernel writes is told, but for no address at all.
    let digits = field.utf8.filter { ($0 >= 48 && $0 <= 57) || ($0 >= 65 && $0 <= 70) }.count
    let isKernels =
      [13, 37].contains(field.utf8.count) && digits == field.utf8.count - 1
      && Array(field.utf8)[field.utf8.count - 5] == UInt8(ascii: ":")
    return expect(!isKernels || field.allSatisfy { "0:".contains($0) }, "\(field) is not told")
  }
  guard let colon = text.lastIndex(of: ":"), let sign = field.firstIndex(of: ":") else {
    fail("\(field) told as \(text)")
  }
  let port = String(text[text.index(after: colon)...])
  expectEqual(UInt16(port), UInt16(field[field.index(after: sign)...], radix: 16), "the port of \(field)")
  let host = text[..<colon].filter { $0 != "[" && $0 != "]" }
  var parsed = [UInt8](repeating: 0, count: 16)
  let family = host.contains(":") ? AF_INET6 : AF_INET
  // There is room for the longer one.
  expectEqual(unsafe inet_pton(family, host, &parsed), 1, "\(field) told as \(text)")
  var digits = ""
  for word in 0..<(family == AF_INET ? 1 : 4) {
    for byte in parsed[word * 4..<word * 4 + 4].reversed() {
      digits += (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }
  }
  // A sign is no digit, but no kernel writes one.
  if !field.contains("+") { expectEqual(String(field[..<sign]).uppercased(), digits, "the address \(text)") }
}
