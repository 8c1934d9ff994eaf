// The lists of /proc/net, each read as every kind of list: lines that are right must be found, the others passed.

import Glibc

@testable import IPCKit

/// A directory with all lists, which are one file.
private enum Lists {
  static let path: String = {
    let path = scratchDirectory()
    // Names in a directory of our own.
    _ = unsafe mkdir(path + "/net", 0o700)
    for name in ["unix", "netlink"] { _ = unsafe symlink("tcp", "\(path)/net/\(name)") }
    return path
  }()
  static let file = ScratchFile(path + "/net/tcp")
}

@Sendable func fuzzSocketLists(_ input: inout Input) throws {
  let kind = input.choice(3)
  let bytes = input.rest()
  Lists.file.write(bytes)
  let lines = bytes.split(separator: 10).map {
    $0.split { $0 == 32 || $0 == 9 }.map { String(decoding: $0, as: UTF8.self) }
  }
  let wanted = Set(lines.joined().compactMap { UInt64($0) })
  let lists = SocketLists(path: Lists.path)
  switch kind {
  case 0: unix(lists.unix(wanted), lines)
  case 1: internet(lists.internet(["tcp"], wanted), lines)
  default: netlink(lists.netlink(wanted), lines)
  }
}

private func isHex(_ field: String) -> Bool {
  (1...16).contains(field.utf8.count) && field.allSatisfy { $0.isASCII && $0.isHexDigit }
}

private func inode(_ field: String) -> UInt64? {
  field.utf8.allSatisfy { (48...57).contains($0) } ? UInt64(field) : nil
}

private func unix(_ records: SocketRecords, _ lines: [[String]]) {
  var times: [UInt64: Int] = [:]
  for fields in lines where fields.count >= 7 {
    guard fields[3...5].allSatisfy(isHex), let inode = inode(fields[6]) else { continue }
    times[inode, default: 0] += 1
    let found = records.found[inode]
    expect(found != nil, "no socket \(inode)")
    guard times[inode] == 1, lines.joined().filter({ $0.hasPrefix("\(inode)") || $0.hasPrefix("0") }).count == 1,
      let type = UInt64(fields[4], radix: 16)
    else { continue }
    expectEqual(found?.socket.protocolName, HeldSocket.unixName(type: type), "the type of \(inode)")
    expectEqual(found?.socket.address == nil, fields.count == 7, "whether \(inode) has a name")
  }
  // Two that claim one inode are not believed.
  for (inode, count) in times where count > 1 {
    expect(records.found[inode]?.socket.state == nil, "\(inode) is believed")
  }
}

private func internet(_ records: SocketRecords, _ lines: [[String]]) {
  for fields in lines where fields.count >= 10 {
    let queues = fields[4].split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard isHex(fields[3]), queues.count == 2, queues.allSatisfy(isHex), let inode = inode(fields[9]), inode != 0 else {
      continue
    }
    expect(records.found[inode] != nil, "no socket \(inode)")
  }
}

private func netlink(_ records: SocketRecords, _ lines: [[String]]) {
  for fields in lines where fields.count >= 10 {
    let numbers = [1, 2, 4, 5].map { fields[$0] }
    guard numbers.allSatisfy({ $0.utf8.count < 18 && inode($0) != nil }), let inode = inode(fields[9]) else { continue }
    expect(records.found[inode]?.socket.protocolName == "netlink", "no socket \(inode)")
  }
}
