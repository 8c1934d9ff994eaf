// What keeps the price of a child from growing with the descriptors of the process that starts it.

internal import CIPCShim
internal import Glibc

/// A way for children to get their descriptors without a copy of everything that this process has open.
///
/// A child's table begins as a copy of its parent's, and what is in it must be closed again: with a thousand connections
/// that is a tenth of the whole price of a child. With a handover the child copies the low numbers alone. So make it early,
/// before there are many descriptors, and give it to every
/// ``Command/start(in:with:on:through:deadline:fileID:line:)``. It costs two.
///
/// One child uses it at a time, for the tenth of a millisecond until it has what it needs; another that starts meanwhile
/// begins with a copy. Any thread may use it.
///
/// ```swift
/// func startAll(_ commands: [Command], in terminal: borrowing Terminal, on loop: EventLoop) async throws {
///   let handover = try Handover()
///   for command in commands {
///     _ = try await command.start(in: terminal, on: loop, through: handover).exit()
///   }
/// }
/// ```
@safe public final class Handover: @unchecked Sendable {
  private let sending: FileDescriptor
  private let receiving: FileDescriptor
  /// What children share with this process: written by the shim alone, and atomically where two may meet.
  private let shared: UnsafeMutablePointer<ipc_handover>

  /// Makes the way. socketpair(2).
  /// - Parameters:
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Throws: EMFILE, ENFILE.
  public init(fileID: StaticString = #fileID, line: UInt32 = #line) throws(SystemError) {
    let pair = try SocketPair(.seqpacket, nonBlocking: true, fileID: fileID, line: line)
    let leftIsLower = pair.left.number < pair.right.number
    // The lower one is for the children.
    if leftIsLower {
      receiving = pair.left
      sending = pair.right
    } else {
      receiving = pair.right
      sending = pair.left
    }
    unsafe shared = .allocate(capacity: 1)
    unsafe shared.initialize(
      to: ipc_handover(sending: sending.number, receiving: receiving.number, process: getpid(), claim: 0))
  }

  deinit {
    // Whoever starts a child holds the handover until the child has what it needs, or has ended.
    unsafe shared.deallocate()
  }

  /// For a request to the shim, while the caller holds the handover.
  @unsafe var address: UnsafeMutablePointer<ipc_handover> { unsafe shared }
}
