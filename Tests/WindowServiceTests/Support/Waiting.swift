// Waiting for what nothing tells of, such as another process's table of descriptors: looked at until it is so.

internal import Glibc
internal import IPCKit

/// How long anything in a test may take before the test says that it does not come. Far more than it takes.
let patience = Duration.seconds(60)

/// A moment that is far enough away.
var patientDeadline: Deadline { .after(patience) }

/// What a test could not go on after.
struct TestFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Looks every few milliseconds until `condition` holds; false when it does not in time.
func eventually(within limit: Duration = patience, _ condition: () throws -> Bool) rethrows -> Bool {
  let deadline = Deadline.after(limit)
  while true {
    if try condition() { return true }
    if deadline.hasPassed { return false }
    usleep(3000)
  }
}

/// How long `body` takes.
func duration(of body: () throws -> Void) rethrows -> Duration { try ContinuousClock().measure(body) }
