// From a command to a child: the request to the shim, and the wait until the program runs or it is known why not.

internal import CIPCShim
internal import Glibc

extension Command {
  /// Starts the program in its own session with `terminal` as its controlling one. It has the terminal as its descriptors
  /// 0, 1 and 2, unless `descriptors` lists others there, what else is listed, and nothing more. Signals are back to their
  /// defaults and none is blocked. clone(2), setsid(2), ioctl(2) with TIOCSCTTY, dup3(2), close_range(2), chdir(2),
  /// execve(2).
  ///
  /// Suspends until the program runs or it is known why not; a slow directory or binary holds up this task alone.
  /// - Parameters:
  ///   - terminal: what it gets; it stays the caller's.
  ///   - descriptors: closed here once the child has its copies, or when there is no child.
  ///   - loop: where its end is awaited.
  ///   - handover: what spares the child a copy of all that this process has open; nil copies. A child that has more than
  ///     its terminal copies too.
  ///   - deadline: until when the program must run.
  ///   - fileID: with `line`, the ``DescriptorOrigin`` of the child's pidfd.
  ///   - line: as `fileID`.
  /// - Throws: ``IPCError/system(_:)`` with the step that failed, such as `execute /no/such/program: No such file or
  ///   directory`, or `place descriptors: Bad file descriptor` for a number that is not below this process's limit;
  ///   ``IPCError/deadlineExceeded(operation:)``, ``IPCError/cancelled``. The child is reaped then.
  nonisolated(nonsending) public func start(
    in terminal: borrowing Terminal, with descriptors: consuming ChildDescriptors = ChildDescriptors(),
    on loop: EventLoop, through handover: Handover? = nil, deadline: Deadline = .never,
    fileID: StaticString = #fileID, line: UInt32 = #line
  ) async throws(IPCError) -> ChildProcess {
    try check()
    let number = terminal.source.descriptor.number
    let spawned = unsafe try spawn(with: descriptors, terminal: number, through: handover)
    // Below, the program runs or the child is reaped before this function ends: either way it is done with the memory
    // and with the handover.
    defer { withExtendedLifetime(handover) { unsafe ipc_spawn_release(spawned.memory) } }
    return unsafe try await confirmed(spawned, on: loop, deadline, at: CallSite(fileID, line))
  }

  /// Starts the program in its own session without a terminal. It has the descriptors that are listed, /dev/null as what is
  /// not listed of 0, 1 and 2, and nothing more. Otherwise as ``start(in:with:on:through:deadline:fileID:line:)``.
  nonisolated(nonsending) public func start(
    with descriptors: consuming ChildDescriptors, on loop: EventLoop, deadline: Deadline = .never,
    fileID: StaticString = #fileID, line: UInt32 = #line
  ) async throws(IPCError) -> ChildProcess {
    try check()
    let spawned = unsafe try spawn(with: descriptors)
    // As above.
    defer { unsafe ipc_spawn_release(spawned.memory) }
    return unsafe try await confirmed(spawned, on: loop, deadline, at: CallSite(fileID, line))
  }

  /// The child once its program runs; killed and reaped when it does not get that far. Unsafe because the child's numbers
  /// must be nobody else's, and its memory good still.
  @unsafe nonisolated(nonsending) private func confirmed(
    _ spawned: ipc_spawned, on loop: EventLoop, _ deadline: Deadline, at site: CallSite
  ) async throws(IPCError) -> ChildProcess {
    // The shim just made both descriptors, for us alone.
    let process = ProcessHandle(unsafe FileDescriptor(owning: spawned.pidfd, at: site))
    let child = ChildProcess(processID: unsafe spawned.pid, process, on: loop)
    let status = unsafe FileDescriptor(owning: spawned.status, at: site)
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

// MARK: - The request

extension Command {
  /// Starts the child, on a terminal if there is one. The descriptors are closed here: the child has its own by then, and
  /// who reads from another end waits for the end of the child's alone. Unsafe because the answer holds bare numbers, and
  /// memory that the child uses until it runs its program or is reaped.
  @unsafe func spawn(
    with descriptors: consuming ChildDescriptors, terminal: CInt? = nil, through handover: Handover? = nil
  ) throws(IPCError) -> ipc_spawned {
    do throws(SystemError) {
      try descriptors.addStandardStreams(areTerminal: terminal != nil)
      let limit: DescriptorLimit = if let descriptorLimit { descriptorLimit } else { try .current() }
      let placements = descriptors.placements
      // Whose numbers are in the request must not be closed before the child has been made.
      return unsafe try withExtendedLifetime(descriptors) { () throws(SystemError) in
        unsafe try request(placements, terminal, limit, handover)
      }
    } catch {
      throw .system(error)
    }
  }

  @unsafe private func request(
    _ placements: [ipc_placement], _ terminal: CInt?, _ limit: DescriptorLimit, _ handover: Handover?
  ) throws(SystemError) -> ipc_spawned {
    var (placements, spawned) = unsafe (placements, ipc_spawned())
    // Every pointer in the request is valid until the call returns, and the child has a copy of it all.
    let result = unsafe placements.withUnsafeMutableBufferPointer { placements -> CInt in
      guard let start = placements.baseAddress else { return -EINVAL }
      return unsafe withStrings { candidates, arguments, environment, directories in
        var request = unsafe ipc_spawn(
          candidates: candidates, arguments: arguments, environment: environment, directories: directories,
          terminal: terminal ?? -1, placements: start, placement_count: CInt(placements.count),
          descriptor_limit: limit.soft, descriptor_maximum: limit.hard, handover: handover?.address)
        return unsafe ipc_spawn_start(&request, &spawned)
      }
    }
    _ = try SystemError.check(result, "clone", arguments.first)
    return unsafe spawned
  }

  private typealias Strings = UnsafePointer<UnsafePointer<CChar>?>

  /// Lends what execve(2) takes, and where to look for it, as C's arrays, for the length of the call.
  private func withStrings(
    _ body: (
      _ candidates: Strings, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>,
      _ environment: UnsafePointer<UnsafeMutablePointer<CChar>?>, _ directories: Strings
    ) -> CInt
  ) -> CInt {
    var candidates = CStringArray()
    for path in self.candidates { candidates.append(path.utf8) }
    var arguments = CStringArray()
    arguments.appendSpare()
    for argument in self.arguments { arguments.append(argument.utf8) }
    var environment = CStringArray()
    for entry in self.environment.entries { environment.append(entry) }
    var directories = CStringArray()
    for directory in self.directories { directories.append(directory.utf8) }
    // A pointer to a constant is a pointer.
    return unsafe candidates.withPointers { candidates in
      unsafe arguments.withPointers { arguments in
        unsafe environment.withPointers { environment in
          unsafe directories.withPointers { directories in
            unsafe body(
              UnsafeRawPointer(candidates).assumingMemoryBound(to: UnsafePointer<CChar>?.self), arguments,
              UnsafePointer(environment),
              UnsafeRawPointer(directories).assumingMemoryBound(to: UnsafePointer<CChar>?.self))
          }
        }
      }
    }
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
