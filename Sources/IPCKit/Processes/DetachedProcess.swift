// A program that outlives the one that starts it: a daemon, brought up by a client that needs it.

internal import CIPCShim
internal import Glibc

/// A child in a session of its own, without a terminal.
///
/// It lives on when this process ends. While this process lives, ``exit(deadline:)`` tells how the child ended.
///
/// ```swift
/// let pipe = try Pipe()
/// let command = Command(arguments: ["exampled"], environment: .inherited, directories: ["/"])
/// let daemon = try DetachedProcess(command, output: pipe.writing)
/// ```
public struct DetachedProcess: ~Copyable, Sendable {
  /// The number of the process, and of its session.
  public let processID: Int32
  private let process: ProcessHandle

  /// Starts the program: standard input is /dev/null, standard output and error are `output`, and it has no other
  /// descriptor. fcntl(2), and as ``init(_:with:deadline:fileID:line:)``.
  /// - Parameters:
  ///   - command: what to start.
  ///   - output: stays the caller's.
  ///   - deadline: until when it waits.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  public init(
    _ command: Command, output: borrowing FileDescriptor, deadline: Deadline = .never,
    fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(IPCError) {
    var descriptors = ChildDescriptors()
    do throws(SystemError) {
      descriptors.set(1, 2, to: try output.duplicate(fileID: fileID, line: line))
    } catch {
      throw .system(error)
    }
    try self.init(command, with: descriptors, deadline: deadline, fileID: fileID, line: line)
  }

  /// Starts the program with the descriptors that are listed, /dev/null as what is not listed of 0, 1 and 2, and nothing
  /// more. Blocks until the program runs or it is known why not. clone(2), setsid(2), dup3(2), close_range(2), chdir(2),
  /// execve(2).
  /// - Parameters:
  ///   - command: what to start.
  ///   - descriptors: closed here once the child has its copies, or when there is no child.
  ///   - deadline: until when it waits for that.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Throws: as ``Command/start(with:on:deadline:fileID:line:)``; a child that has not begun by the deadline is killed and
  ///   reaped.
  public init(
    _ command: Command, with descriptors: consuming ChildDescriptors, deadline: Deadline = .never,
    fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(IPCError) {
    try command.check()
    let spawned = unsafe try command.spawn(with: descriptors)
    // Below, the program runs or the child is reaped before this function ends: either way it is done with the memory.
    defer { unsafe ipc_spawn_release(spawned.memory) }
    let site = CallSite(fileID, line)
    // The shim just made both descriptors, for us alone.
    let process = ProcessHandle(unsafe FileDescriptor(owning: spawned.pidfd, at: site))
    let status = unsafe FileDescriptor(owning: spawned.status, at: site)
    do throws(IPCError) {
      // Both descriptors and the memory are ours until this function ends.
      while unsafe try !command.hasStarted(spawned) { try status.wait(for: IPC_READABLE, "start", deadline) }
    } catch {
      try? process.signal(SIGKILL)
      // The child may be at work in that memory until it is dead, whatever there is that cannot be waited for meanwhile.
      while process.reap() == nil { usleep(1_000) }
      throw error
    }
    processID = unsafe spawned.pid
    self.process = process
  }

  /// Waits for the child's end and reaps it. ppoll(2), waitid(2).
  /// - Throws: ``IPCError/deadlineExceeded(operation:)``.
  public borrowing func exit(deadline: Deadline = .never) throws(IPCError) -> ExitStatus {
    try process.reap(deadline: deadline)
  }
}
