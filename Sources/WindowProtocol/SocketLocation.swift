// Where windowd and windowctl meet when nobody says so.

internal import Glibc
package import IPCKit

/// The default path of windowd's socket.
package enum SocketLocation {
  /// `given`, else WINDOWD_SOCKET, else `windowd.sock` in XDG_RUNTIME_DIR, else in a directory of this user's in /tmp,
  /// which is made if need be and checked in any case: there another user could have been first. Always absolute, because
  /// children and daemons are elsewhere.
  /// - Throws: EPERM when the directory in /tmp is not ours; EILSEQ when a path is not UTF-8.
  package static func resolve(_ given: String?) throws(SystemError) -> String {
    if let given { return try absolute(given) }
    let environment = Environment.inherited
    if let path = try environment.text(of: "WINDOWD_SOCKET"), !path.isEmpty { return try absolute(path) }
    if let directory = try environment.text(of: "XDG_RUNTIME_DIR"), !directory.isEmpty {
      return try absolute(directory + "/windowd.sock")
    }
    let directory = "/tmp/windowd-\(geteuid())"
    try PrivateDirectory.ensure(directory)
    return directory + "/windowd.sock"
  }

  /// The path as seen from the root; an empty one stays empty, for whoever uses it to refuse.
  package static func absolute(_ path: String) throws(SystemError) -> String {
    guard !path.hasPrefix("/"), !path.isEmpty else { return path }
    // getcwd allocates what it answers, for the caller to free.
    guard let directory = unsafe getcwd(nil, 0) else { throw SystemError(errno: errno, operation: "getcwd") }
    defer { unsafe free(directory) }
    guard let text = unsafe String(validatingCString: directory) else {
      throw SystemError(errno: EILSEQ, operation: "getcwd")
    }
    return text + "/" + path
  }
}
