// A reader is used after it gave up its descriptor: it would take bytes away from the descriptor's new owner.
import IPCKit

func secondLine(_ reader: consuming BufferedReader) throws -> String? {  // expect: 'reader' used after consume
  let detached = reader.detach()  // expect-note: consumed here
  let line = try reader.nextLine(as: String.self)  // expect-note: used here
  try detached.descriptor.close()
  return line
}
