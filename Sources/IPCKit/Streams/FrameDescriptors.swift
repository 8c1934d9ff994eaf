// Which frame a descriptor belongs to, on a stream that knows only bytes.
//
// A read ends behind the bytes that descriptors were sent with, so they belong to the frame that the read ended in. Frames
// are taken out before more is read: whatever waits when descriptors come is then one frame, or its beginning, after the
// complete ones.

internal import Glibc

/// The descriptors of a stream that have arrived, until the frame after theirs is taken.
package final class FrameDescriptors: @unchecked Sendable {
  // Sendable, because a reader or a connection has one for itself, and nobody else knows it.

  /// How many there may be for a frame.
  private let limit: Int
  /// Of a frame that has not been taken yet.
  private var coming = DescriptorList()
  /// How many of the unread bytes there are up to the end of the read that brought the last of them.
  private var distance = 0
  /// Of the frame that was taken last.
  private var current = DescriptorList()
  /// Why a read failed, where that was not the system's fault.
  private(set) var failure: IPCError?

  package init(limit: Int) { self.limit = limit }

  /// Receives bytes and descriptors into room behind `unread` bytes that wait already.
  /// - Returns: how many bytes came, or the negated errno, EPROTO for a ``failure``; and whether descriptors came with them,
  ///   so that more may have come than was read.
  @unsafe func receive(
    _ number: CInt, _ start: UnsafeMutableRawPointer, _ room: Int, unread: Int
  ) -> (count: Int64, broughtDescriptors: Bool) {
    do throws(IPCError) {
      let before = coming.count
      // The caller's room, of that size.
      let count = unsafe try FileDescriptor.receive(number, start, room, limit, &coming)
      guard coming.count > before else { return (count, false) }
      guard coming.count <= limit else { throw .peer(.tooManyDescriptors(limit: limit)) }
      distance = unread + Int(count)
      return (count, true)
    } catch {
      coming = DescriptorList()
      failure = error
      return (-Int64(EPROTO), false)
    }
  }

  /// A frame was taken: what came for the one before it is closed, unless somebody has taken it.
  func tookFrame(of count: Int) {
    if !current.isEmpty { current = DescriptorList() }
    guard !coming.isEmpty else { return }
    distance -= count
    if distance <= 0 { current = take(&coming) }
  }

  /// What came for the frame that was taken last.
  package func take() -> DescriptorList { take(&current) }

  private func take(_ list: inout DescriptorList) -> DescriptorList {
    var taken = DescriptorList()
    swap(&taken, &list)
    return taken
  }
}
