// A process that holds one descriptor of every kind, and what lsof and ss say of it.

import Glibc
import IPCKit
import Testing

/// One descriptor as the process itself told of it: its kind, and words such as `peer=19`.
struct ZooDescriptor {
  let number: Int32
  let kind: String
  let facts: [String: String]
}

/// What lsof says of a descriptor: its fields t and n.
struct LsofEntry {
  var type = ""
  var name = ""
}

/// What ss says of a socket.
struct SsEntry {
  let netid: String
  let state: String
  let receiveQueue: String
  /// Local address and port, peer address and port; for a Unix socket the inodes stand where the ports would.
  let local: String
  let peer: String
}

/// The running process, its census, and the other two's words, all of one moment.
struct Zoo {
  let processID: Int32
  let descriptors: [ZooDescriptor]
  /// What the kernel refused, and why.
  let refused: [String]
  let census: DescriptorCensus
  let lsof: [Int32: LsofEntry]
  /// By the socket's inode.
  let ss: [UInt64: SsEntry]

  init() throws {
    let directory = try TemporaryDirectory()
    let program = directory("zoo")
    let sources = ["zoo.c", "zoo-files.c", "zoo-sockets.c", "zoo-objects.c"].map { "\(Self.place)/\($0)" }
    let said = try run(
      Command(arguments: ["gcc", "-std=gnu11", "-Wall", "-o", program] + sources, environment: .inherited))
    guard said.isEmpty else { throw SystemError(errno: EINVAL, operation: "gcc", object: said) }
    let input = try Pipe()
    let output = try Pipe()
    var placed = ChildDescriptors()
    placed.set(0, to: input.reading)
    placed.set(1, to: output.writing)
    let command = Command(arguments: [program], environment: .inherited)
    let process = try DetachedProcess(command, with: placed, deadline: .after(.seconds(60)))
    var reader = BufferedReader(output.reading)
    var lines: [[String]] = []
    while lines.last?.first != "ready", let line = try reader.nextLine(as: String.self, deadline: .after(.seconds(60)))
    {
      lines.append(line.split(separator: " ").map(String.init))
    }
    processID = process.processID
    descriptors = lines.compactMap { words in
      Int32(words[0]).map { ZooDescriptor(number: $0, kind: words[1], facts: Self.facts(words.dropFirst(2))) }
    }
    refused = lines.filter { $0[0] == "-" }.map { $0.dropFirst().joined(separator: " ") }
    var census = try DescriptorCensus(processID: processID)
    census.findOtherEnds()
    self.census = census
    lsof = try Self.lsof(processID)
    ss = try Self.ss()
    try input.writing.close()
    _ = try process.exit(deadline: .after(.seconds(60)))
  }

  /// Where the program's sources are: beside this file.
  private static let place = String(#filePath.prefix(upTo: #filePath.lastIndex(of: "/") ?? #filePath.endIndex))

  private static func facts(_ words: ArraySlice<String>) -> [String: String] {
    var facts: [String: String] = [:]
    for word in words {
      guard let sign = word.firstIndex(of: "=") else { continue }
      facts[String(word[..<sign])] = String(word[word.index(after: sign)...])
    }
    return facts
  }

  /// `lsof -F`: a line for each field, of which p and f say whose the following are.
  private static func lsof(_ processID: Int32) throws -> [Int32: LsofEntry] {
    let command = Command(arguments: ["lsof", "-p", "\(processID)", "-nP", "+E", "-F", "ftn"], environment: .inherited)
    var entries: [Int32: LsofEntry] = [:]
    var (isOurs, number) = (false, Int32?.none)
    for line in try run(command).split(separator: "\n") {
      let value = String(line.dropFirst())
      switch line.first {
      case "p": isOurs = value == "\(processID)"
      case "f": number = Int32(value)
      case "t" where isOurs: number.map { entries[$0, default: LsofEntry()].type = value }
      case "n" where isOurs: number.map { entries[$0, default: LsofEntry()].name = value }
      default: break
      }
    }
    return entries
  }

  private static func ss() throws -> [UInt64: SsEntry] {
    var entries: [UInt64: SsEntry] = [:]
    for line in try run(Command(arguments: ["ss", "-xanpeH"], environment: .inherited)).split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      guard words.count > 7, let inode = UInt64(words[5]) else { continue }
      entries[inode] = SsEntry(
        netid: words[0], state: words[1], receiveQueue: words[2], local: words[4], peer: words[7])
    }
    for line in try run(Command(arguments: ["ss", "-tuanpeH"], environment: .inherited)).split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      guard words.count > 5, let word = words.first(where: { $0.hasPrefix("ino:") }),
        let inode = UInt64(word.dropFirst(4))
      else { continue }
      entries[inode] = SsEntry(
        netid: words[0], state: words[1], receiveQueue: words[2], local: words[4], peer: words[5])
    }
    return entries
  }
}
