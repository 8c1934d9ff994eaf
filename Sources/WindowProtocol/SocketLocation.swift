// Where windowd and windowctl meet when nobody says so.

internal import Glibc
package import IPCKit

/// The default path of windowd's socket.
package enum SocketLocation {
  /// `given`, else WINDOWD_SOCKET, else `windowd.sock` in XDG_RUNTIME_DIR, else in a directory of this user's in /tmp,
  /// which is made if need be and checked in any case: there another user could have been first.
  /// - Throws: EPERM when the directory in /tmp is not ours.
  package static func resolve(_ given: String?) throws(SystemError) -> String {
    if let given { return given }
    let environment = Environment.inherited
    if let path = environment["WINDOWD_SOCKET"], !path.isEmpty { return path }
    if let directory = environment["XDG_RUNTIME_DIR"], !directory.isEmpty { return directory + "/windowd.sock" }
    let directory = "/tmp/windowd-\(geteuid())"
    try PrivateDirectory.ensure(directory)
    return directory + "/windowd.sock"
  }
}
