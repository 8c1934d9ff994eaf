// The other way of the conversation that activation begins: what the service tells the manager that started it.

internal import CIPCShim
internal import Glibc

/// The service manager that started this process, where it wants to hear of it. sd_notify(3), through libsystemd, which
/// is loaded with the first message.
///
/// All calls do nothing when NOTIFY_SOCKET is unset or empty, but for the checks of what they are given: a program that
/// says how it is doing runs as well without a manager. They block while the manager has too much unread, for as long
/// as that takes; on a loop, use ``ServiceNotifier``.
///
/// ```swift
/// let manager = ServiceManager()
/// try manager.notify(.ready, .status("serving"))
/// ```
public struct ServiceManager: Sendable {
  /// Whether a manager listens: NOTIFY_SOCKET was set, and not empty.
  public let isPresent: Bool
  /// How often it must hear ``ServiceState/watchdog``, which is best said at half of that; nil when it does not ask
  /// this process to. WATCHDOG_USEC, where WATCHDOG_PID is unset or this process's, as sd_watchdog_enabled(3) has it.
  public let watchdogInterval: Duration?
  /// How many descriptors it stores, nil for none. FDSTORE: systemd sets it from 254 on, which is not tested here; the
  /// unit of an older one sets it itself, by Environment= beside FileDescriptorStoreMax=.
  public let storeCapacity: Int?

  /// Looks at the environment, once, and leaves it as it is. getenv(3).
  ///
  /// Children inherit NOTIFY_SOCKET unless it is kept from them: remove it from a ``Command``'s environment.
  public init() {
    // What getenv answers is a C string, copied at once.
    self.init { name in unsafe getenv(name).map { unsafe String(cString: $0) } }
  }

  init(variable: (String) -> String?) {
    isPresent = variable("NOTIFY_SOCKET")?.isEmpty == false
    let isOurs = variable("WATCHDOG_PID").map { Int32($0) == getpid() } ?? true
    let interval = variable("WATCHDOG_USEC").flatMap { Int64($0) } ?? 0
    watchdogInterval = isOurs && interval > 0 ? .microseconds(interval) : nil
    let capacity = variable("FDSTORE").flatMap { Int($0) } ?? 0
    storeCapacity = isPresent && capacity > 0 ? capacity : nil
  }
}

// MARK: - States

extension ServiceManager {
  /// Tells the manager all of these in one message. As ``notify(_:)-([ServiceState])``.
  public func notify(_ states: ServiceState...) throws(SystemError) { try notify(states) }

  /// Tells the manager all of these in one message. sd_pid_notify_with_fds(3).
  /// - Throws: EINVAL, before anything is sent, when a value has a line break or a NUL, or a name is empty or has a
  ///   `=`; EMSGSIZE when it is more than 4096 bytes, which the manager would not read; ENOPKG when libsystemd.so.0
  ///   cannot be loaded; ECONNREFUSED, ENOENT when the manager has gone.
  public func notify(_ states: [ServiceState]) throws(SystemError) {
    let message = try ServiceMessage(states)
    if isPresent, !states.isEmpty { try message.send() }
  }

  /// Waits until the manager has worked through everything that was sent before: until it closes the end of a pipe that
  /// goes with BARRIER=1, alone. pipe2(2), sd_pid_notify_with_fds(3), ppoll(2).
  ///
  /// A process that ends at once after it told something should wait, because the manager may not know any more whose
  /// message it was.
  /// - Parameter deadline: ends the waiting, not the sending.
  /// - Throws: ``IPCError/deadlineExceeded(operation:)``; ``IPCError/system(_:)`` with EMFILE, or as
  ///   ``notify(_:)-([ServiceState])``.
  public func barrier(deadline: Deadline = .never) throws(IPCError) {
    guard isPresent else { return }
    let reading = try IPCError.wrap(sendBarrier)
    // A hang-up needs no asking for.
    try reading.wait(for: 0, "barrier", deadline)
  }

  /// The end of the pipe that hangs up.
  private func sendBarrier() throws(SystemError) -> FileDescriptor {
    let pipe = try Pipe()
    let writing = pipe.writing
    try ServiceMessage.barrier.send(lending: writing)
    try writing.close()
    return pipe.reading
  }
}

// MARK: - The descriptor store

extension ServiceManager {
  /// Gives the manager a copy of a descriptor to keep, which the next process of this service inherits under that name:
  /// see ``SocketActivation``. As ``store(_:named:isPolled:)-(DescriptorList,_,_)``.
  public func store(
    _ descriptor: borrowing FileDescriptor, named name: String, isPolled: Bool = true
  ) throws(SystemError) {
    let message = try ServiceMessage(storing: 1, named: name, isPolled: isPolled)
    if isPresent { try message.send(lending: descriptor) }
  }

  /// Gives the manager copies of descriptors to keep, which the next process of this service inherits under that name.
  /// FDSTORE=1, FDNAME=, FDPOLL=0; sd_pid_notify_with_fds(3).
  ///
  /// The descriptors stay the caller's: storing lends. From now on both lead to the same open files, which live until
  /// both have closed them. So an ``EventSource`` that watches one of them must end, or be detached, before its
  /// descriptor is closed like any other: the kernel goes on watching an open file that somebody has, and nobody could
  /// stop it then.
  ///
  /// The manager keeps up to FileDescriptorStoreMax=, 0 unless the unit says otherwise, and drops what is beyond it
  /// without a word. It compares what it is given with what it has, and keeps an open file once, under its first name.
  /// - Parameters:
  ///   - descriptors: 1 to 253, which go in one message.
  ///   - name: 1 to 255 printable ASCII characters without `:`. Several descriptors may share one.
  ///   - isPolled: whether the manager drops them when they hang up (EPOLLHUP), as a connection or a terminal does
  ///     whose other side has gone.
  /// - Throws: EINVAL, before anything is sent, for another number or such a name; otherwise as
  ///   ``notify(_:)-([ServiceState])``.
  public func store(
    _ descriptors: borrowing DescriptorList, named name: String, isPolled: Bool = true
  ) throws(SystemError) {
    let message = try ServiceMessage(storing: descriptors.count, named: name, isPolled: isPolled)
    if isPresent { try message.send(lending: descriptors) }
  }

  /// Has the manager close all that it keeps under that name. FDSTOREREMOVE=1, FDNAME=; sd_pid_notify_with_fds(3).
  /// - Throws: as ``store(_:named:isPolled:)-(DescriptorList,_,_)``.
  public func removeStored(named name: String) throws(SystemError) {
    let message = try ServiceMessage(removing: name)
    if isPresent { try message.send() }
  }
}
