// A program without privileges that is given an open file, and believes nothing of it that it has not checked: who gives
// it, that it is one, and what it is. Then it prints what is in it. giver/main.swift says how to try both.

import Glibc
import IPCKit

/// Why a descriptor was not taken.
struct Refusal: Error, CustomStringConvertible {
  let description: String
}

/// The file that the giver at this socket gives.
func take(from socket: String, trusting user: UInt32) throws -> FileDescriptor {
  let deadline = Deadline.after(.seconds(5))
  // Whoever can bind the path could give us anything: it must be this user who listens.
  let stream = try UnixStream(connectingTo: .path(socket), trusting: .users([user]), deadline: deadline)
  // More than one is an error, and closed: nobody can fill our table.
  var reader = BufferedReader(stream.descriptor, limit: 4096, descriptorLimit: 1)
  guard let line = try reader.nextLine(as: String.self, deadline: deadline) else { throw IPCError.endOfFile }
  // What came with the line. Each way out of here closes it, but for the last.
  var descriptors = reader.takeDescriptors()
  guard let file = descriptors.popFirst() else { throw Refusal(description: "no descriptor, but '\(line)'") }
  // Reading from a pipe could take for ever, and a terminal or a socket could be somebody who writes what we read.
  guard try file.isRegularFile else { throw Refusal(description: "what was given is no regular file") }
  return file
}

let arguments = CommandLine.arguments
guard arguments.count == 3, let user = UInt32(arguments[2]) else {
  print("usage: taker SOCKET USER-ID")
  exit(64)
}
do {
  // The reader has the file for its own, and closes it where it ends.
  var lines = BufferedReader(try take(from: arguments[1], trusting: user))
  while let line = try lines.nextLine(as: String.self) { print(line) }
} catch {
  print("taker: \(error)")
  exit(1)
}
