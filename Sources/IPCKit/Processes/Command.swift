// A program to start, and everything that its process must be before the program begins.

internal import CIPCShim
internal import Glibc

/// What to run, where, and with which environment.
///
/// ```swift
/// let command = Command(arguments: ["sh", "-c", "echo hello"], environment: .inherited, directories: ["/tmp"])
/// let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
/// let child = try await command.start(in: terminal, on: loop, deadline: .after(.seconds(10)))
/// let ended = await child.exit()
/// ```
public struct Command: Sendable {
  /// The program and its arguments. Without a slash, the program is looked up in PATH of ``environment``.
  public var arguments: [String]
  /// All the variables that the program gets.
  public var environment: Environment
  /// Changed to before the program starts: the first that exists. Empty: this process's own.
  public var directories: [String]
  /// RLIMIT_NOFILE for the program; nil leaves it as it is.
  public var descriptorLimit: DescriptorLimit?

  /// A command from its parts.
  public init(arguments: [String], environment: Environment, directories: [String] = []) {
    self.arguments = arguments
    self.environment = environment
    self.directories = directories
  }

  /// Starts the program in its own session with `terminal` as its controlling one, as its descriptors 0, 1 and 2, and with
  /// no other descriptor. Signals are back to their defaults and none is blocked. clone(2), setsid(2), ioctl(2) with
  /// TIOCSCTTY, close_range(2), chdir(2), execve(2).
  ///
  /// Suspends until the program runs or it is known why not; a slow directory or binary holds up this task alone.
  /// - Parameter handover: what spares the child a copy of all that this process has open; nil copies.
  /// - Throws: ``IPCError/system(_:)`` with the step that failed, such as `execute /no/such/program: No such file or
  ///   directory`; ``IPCError/deadlineExceeded(operation:)``, ``IPCError/cancelled``. The child is reaped then.
  nonisolated(nonsending) public func start(
    in terminal: borrowing Terminal, on loop: EventLoop, through handover: Handover? = nil, deadline: Deadline = .never
  ) async throws(IPCError) -> ChildProcess {
    try check()
    let number = terminal.source.descriptor.number
    let spawned = unsafe try IPCError.wrap { () throws(SystemError) in
      unsafe try spawn(terminal: number, standard: (-1, -1, -1), through: handover)
    }
    // Below, the program runs or the child is reaped before this function ends: either way it is done with the memory
    // and with the handover.
    defer { withExtendedLifetime(handover) { unsafe ipc_spawn_release(spawned.memory) } }
    // The shim just made both descriptors, for us alone.
    let child = ChildProcess(
      processID: unsafe spawned.pid, pidfd: unsafe FileDescriptor(owning: spawned.pidfd), on: loop)
    let status = unsafe FileDescriptor(owning: spawned.status)
    do throws(IPCError) {
      unsafe try await confirm(spawned, status, on: loop, deadline)
    } catch {
      child.kill()
      _ = await child.exit()
      throw error
    }
    return child
  }

  /// Waits for the end of the status pipe, which comes with execve(2), or for the failure in it.
  ///
  /// The pipe ends with the child too, but not in the moment before the child has taken it over: until this is past, a
  /// death is looked for once a second. Unsafe because the child's numbers and memory must be good still.
  @unsafe nonisolated(nonsending) private func confirm(
    _ spawned: ipc_spawned, _ status: consuming FileDescriptor, on loop: EventLoop, _ deadline: Deadline
  ) async throws(IPCError) {
    let source: EventSource
    do throws(SystemError) { source = try EventSource(nonBlocking: status, on: loop) } catch { throw .system(error) }
    while unsafe try !hasStarted(spawned) {
      let isPending = unsafe ipc_spawn_is_pending(spawned.memory) != 0
      let moment = isPending ? min(deadline, .after(.seconds(1))) : deadline
      do throws(IPCError) { try await source.readable(deadline: moment) } catch {
        guard case .deadlineExceeded = error, !deadline.hasPassed else { throw error }
      }
    }
  }

  /// Looks at the status pipe: false while it is not known whether the program runs. Unsafe because the child's numbers
  /// and memory must be good still.
  @unsafe func hasStarted(_ spawned: ipc_spawned) throws(IPCError) -> Bool {
    var (spawned, failure) = unsafe (spawned, ipc_spawn_failure())
    // The shim stores at most one failure and keeps no pointer.
    switch unsafe ipc_spawn_result(&spawned, &failure) {
    case 1: return true
    case 0: throw .system(describe(failure))
    case -EAGAIN: return false
    case let failed: throw .system(SystemError(errno: -failed, operation: "read of the child's status"))
    }
  }

  private func describe(_ failure: ipc_spawn_failure) -> SystemError {
    let (operation, object): (String, String?) =
      switch ipc_spawn_step(rawValue: UInt32(failure.step)) {
      case IPC_SPAWN_SESSION: ("setsid", nil)
      case IPC_SPAWN_TERMINAL: ("take the controlling terminal", nil)
      case IPC_SPAWN_DESCRIPTORS: ("place descriptors", nil)
      case IPC_SPAWN_LIMITS: ("setrlimit", nil)
      case IPC_SPAWN_DIRECTORY: ("change directory to", directories.first)
      default: ("execute", arguments.first)
      }
    return SystemError(errno: failure.error, operation: operation, object: object)
  }
}

// MARK: - Preparing

extension Command {
  /// Refuses what no program can be started with.
  func check() throws(IPCError) {
    guard let program = arguments.first, !program.isEmpty else {
      throw .system(SystemError(errno: ENOENT, operation: "execute", object: "(no program)"))
    }
    guard !(arguments + directories).contains(where: { $0.utf8.contains(0) }) else {
      throw .system(SystemError(errno: EINVAL, operation: "execute", object: "(argument with NUL)"))
    }
    guard !environment.entries.contains(where: { $0.contains(0) }) else {
      throw .system(SystemError(errno: EINVAL, operation: "execute", object: "(variable with NUL)"))
    }
  }

  /// Starts the child: on a terminal, or with three descriptors as its standard streams. Unsafe because the answer holds
  /// bare numbers, and memory that the child uses until it runs its program or is reaped.
  @unsafe func spawn(
    terminal: CInt, standard: (CInt, CInt, CInt), through handover: Handover? = nil
  ) throws(SystemError) -> ipc_spawned {
    var candidates = CStringArray()
    for path in self.candidates { candidates.append(path.utf8) }
    var arguments = CStringArray()
    arguments.appendSpare()
    for argument in self.arguments { arguments.append(argument.utf8) }
    var environment = CStringArray()
    for entry in self.environment.entries { environment.append(entry) }
    var directories = CStringArray()
    for directory in self.directories { directories.append(directory.utf8) }
    let limit: DescriptorLimit = if let descriptorLimit { descriptorLimit } else { try .current() }

    var spawned = unsafe ipc_spawned()
    // Every pointer below is valid until the outermost call returns, and the child has a copy of it all.
    let result = unsafe candidates.withPointers { candidates in
      unsafe arguments.withPointers { arguments in
        unsafe environment.withPointers { environment in
          unsafe directories.withPointers { directories in
            var request = unsafe ipc_spawn(
              candidates: UnsafeRawPointer(candidates).assumingMemoryBound(to: UnsafePointer<CChar>?.self),
              arguments: arguments, environment: UnsafePointer(environment),
              directories: UnsafeRawPointer(directories).assumingMemoryBound(to: UnsafePointer<CChar>?.self),
              terminal: terminal, standard: standard,
              descriptor_limit: limit.soft, descriptor_maximum: limit.hard,
              handover: handover?.address)
            return unsafe ipc_spawn_start(&request, &spawned)
          }
        }
      }
    }
    _ = try SystemError.check(result, "clone", self.arguments.first)
    return unsafe spawned
  }

  /// The files to try in order, as execvp(3) does; found by the child, because a file system may be slow.
  private var candidates: [String] {
    guard let program = arguments.first, !program.utf8.contains(UInt8(ascii: "/")) else {
      return Array(arguments.prefix(1))
    }
    let path = environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
    // Among the bytes: a directory's name may begin with a mark that combines with the colon.
    return path.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
      .map { $0.isEmpty ? "./\(program)" : "\(Substring($0))/\(program)" }
  }
}

/// RLIMIT_NOFILE: how many descriptors a process may have.
public struct DescriptorLimit: Hashable, Sendable {
  /// What counts now.
  public var soft: UInt64
  /// What it may be raised to.
  public var hard: UInt64

  /// A limit from its parts; `soft` is at most `hard`.
  public init(soft: UInt64, hard: UInt64) {
    self.soft = soft
    self.hard = hard
  }

  /// This process's. getrlimit(2).
  public static func current() throws(SystemError) -> DescriptorLimit {
    var (soft, hard): (UInt64, UInt64) = (0, 0)
    // The shim writes two integers and keeps no pointer.
    _ = try SystemError.check(unsafe ipc_descriptor_limit(&soft, &hard), "getrlimit")
    return DescriptorLimit(soft: soft, hard: hard)
  }

  /// Makes it this process's. setrlimit(2).
  public func apply() throws(SystemError) {
    _ = try SystemError.check(ipc_set_descriptor_limit(soft, hard), "setrlimit")
  }
}
