// The value holds a copy.
import IPCKit

struct Request {
  var line: [UInt8]
}
