// Which frame a descriptor belongs to, on a stream that knows only bytes.
//
// A read ends behind the bytes that descriptors were sent with, or among them where they are more than it has room for. So
// what it brought belongs to the frame that it ended in. The next read may bring the rest of that frame and, behind it,
// another with descriptors of its own: so it is kept for each read how far that went.

internal import Glibc

/// The descriptors of a stream that have arrived, until the frame after theirs is taken.
package final class FrameDescriptors: @unchecked Sendable {
  // Sendable, because a reader or a connection has one for itself, and nobody else knows it.

  /// What one read brought.
  private struct Batch {
    let count: Int
    /// How many of the unread bytes there are up to the end of that read.
    var distance: Int
  }

  /// How many there may be for a frame.
  private let limit: Int
  /// Where whoever takes them in was made.
  private let site: CallSite
  /// Of frames that have not been taken yet, in the order of their batches.
  private var coming = DescriptorList()
  private var batches: [Batch] = []
  /// Of the frame that was taken last.
  private var current = DescriptorList()
  /// Why nothing can be read any more, where that was not the system's fault alone: bytes or descriptors are lost.
  private(set) var failure: IPCError?

  init(limit: Int, at site: CallSite) { (self.limit, self.site) = (limit, site) }

  /// Receives bytes and descriptors into room behind `unread` bytes that wait already, which are the beginning of one
  /// frame: all complete ones are taken before more is read.
  /// - Returns: how many bytes came, or the negated errno, EPROTO for a ``failure``; and whether descriptors came with them,
  ///   so that more may have come than was read.
  @unsafe func receive(
    _ number: CInt, _ start: UnsafeMutableRawPointer, _ room: Int, unread: Int
  ) -> (count: Int64, broughtDescriptors: Bool) {
    do throws(IPCError) {
      let before = coming.count
      guard before <= limit else { throw .peer(.tooManyDescriptors(limit: limit)) }
      // The caller's room, of that size.
      let count = unsafe try FileDescriptor.receive(number, start, room, limit, at: site, &coming)
      guard coming.count > before else { return (count, false) }
      batches.append(Batch(count: coming.count - before, distance: unread + Int(count)))
      return (count, true)
    } catch {
      fail(error)
      return (-Int64(EPROTO), false)
    }
  }

  /// Looks at what came for a frame before somebody is given it.
  /// - Throws: ``failure``; ``PeerError/tooManyDescriptors(limit:)``, with all of them closed.
  func checkFrame(of count: Int) throws(IPCError) {
    if batches.count > 1, batchesReached(by: count).descriptors > limit {
      fail(.peer(.tooManyDescriptors(limit: limit)))
    }
    if let failure { throw failure }
  }

  /// A frame was taken: what came for the one before it is closed, unless somebody has taken it.
  func tookFrame(of count: Int) {
    // No bytes are no frame, to whoever asks for an exact number of them.
    guard count > 0 else { return }
    closeTaken()
    guard !batches.isEmpty else { return }
    let reached = batchesReached(by: count)
    for _ in 0..<reached.descriptors {
      if let descriptor = coming.popFirst() { current.append(descriptor) }
    }
    batches.removeFirst(reached.batches)
    for index in batches.indices { batches[index].distance -= count }
  }

  /// A frame was taken by somebody who has no use for descriptors: what came for it is closed.
  func droppedFrame(of count: Int) {
    tookFrame(of: count)
    closeTaken()
  }

  /// Before more is waited for: what came for the frame that was taken last, and that nobody has taken, is closed. It may
  /// be the peer's own end of this stream, which would keep the stream open when everybody else has let go of it.
  func closeTaken() {
    if !current.isEmpty { current = DescriptorList() }
  }

  /// What came for the frame that was taken last.
  package func take() -> DescriptorList {
    var taken = DescriptorList()
    swap(&taken, &current)
    return taken
  }

  /// What came for frames that were not taken.
  func takeUnread() -> DescriptorList {
    var taken = DescriptorList()
    swap(&taken, &coming)
    batches = []
    return taken
  }

  /// What belongs to a frame that the unread bytes begin with.
  private func batchesReached(by count: Int) -> (batches: Int, descriptors: Int) {
    let reached = batches.prefix { $0.distance <= count }
    return (reached.count, reached.reduce(0) { $0 + $1.count })
  }

  private func fail(_ error: IPCError) {
    failure = failure ?? error
    coming = DescriptorList()
    batches = []
  }
}
