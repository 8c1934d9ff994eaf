// What windowd tells the program that started it, other than over the socket.

/// windowd's exit status, and the line it is ready with.
package enum DaemonStatus {
  /// The exit status when the socket is another daemon's already: EX_TEMPFAIL of sysexits(3).
  package static let alreadyServed: Int32 = 75
  /// What `windowd --detached` writes to standard output once clients may come.
  package static let readyLine = "ready"
}
