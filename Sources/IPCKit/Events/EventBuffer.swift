// Room for what one epoll_wait(2) answers, in memory that is made once.

internal import CIPCShim

/// The events of a turn.
@safe struct EventBuffer: ~Copyable {
  static let capacity = 128
  private let base: UnsafeMutablePointer<ipc_event>

  init() { unsafe base = .allocate(capacity: Self.capacity) }

  deinit { unsafe base.deallocate() }

  /// epoll_pwait2(2): how many events came, or the negated errno. `nanoseconds` below 0: for ever.
  func poll(_ epoll: CInt, nanoseconds: Int64) -> CInt {
    // As much room as the shim is told.
    unsafe ipc_epoll_wait(epoll, base, CInt(Self.capacity), nanoseconds)
  }

  /// One of those that the last poll stored.
  subscript(_ position: Int) -> ipc_event {
    assert(position < Self.capacity)
    return unsafe base[position]
  }
}
