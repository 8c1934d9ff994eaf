// Descriptors that another process holds, which this library did not make.

import Glibc
import IPCKit
import Testing

/// Runs a Python program that makes descriptors and puts their numbers into the list `told`, and looks at it while it waits.
func whilePythonHolds<Result>(
  _ program: String, _ body: (_ processID: Int32, _ numbers: [Int32]) throws -> Result
) throws -> Result {
  let pair = try socketPair()
  let waits = ["s.sendall((' '.join(map(str, [os.getpid(), *told])) + '\\n').encode())", "s.recv(1)"]
  let python = try PythonProcess(([program] + waits).joined(separator: "\n"), on: pair.right)
  let left = pair.left
  try pair.right.close()
  var reader = BufferedReader(left)
  let line = try reader.nextLine(as: String.self, deadline: .after(.seconds(60)))
  let numbers = (line ?? "").split(separator: " ").compactMap { Int32($0) }
  defer { _ = python.wait() }
  let result = Swift.Result { try body(try #require(numbers.first), Array(numbers.dropFirst())) }
  // It sees the end of its input, and ends.
  _ = reader.detach()
  return try result.get()
}

/// What a census says of the descriptors that a Python program has told of.
func heldByPython(_ program: String) throws -> [HeldDescriptor] {
  try whilePythonHolds(program) { processID, numbers in
    var census = try DescriptorCensus(processID: processID)
    census.findOtherEnds()
    return try numbers.map { try #require(census[$0]) }
  }
}
