// What windowd tells the program that started it, other than over the socket.

/// windowd's version, its exit status, and the line it is ready with.
package enum DaemonStatus {
  /// The version of both programs.
  package static let version = "0.1.0"
  /// The exit status when the socket is another daemon's already: EX_TEMPFAIL of sysexits(3).
  package static let alreadyServed: Int32 = 75
  /// What `windowd --detached` writes to standard output once clients may come.
  package static let readyLine = "ready"
}
