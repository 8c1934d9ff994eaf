// A line is stored in a value that goes anywhere: long after the reader's end it would still point into its buffer.
import IPCKit

struct Request {
  var line: RawSpan  // expect: stored property 'line' of 'Escapable'-conforming struct 'Request' has non-Escapable type
}
