// A request for the shim's spawn, built for one call, and what came of it.

import CIPCShim
import Glibc
import Testing

/// The step that failed, and why.
struct Failed: Equatable {
  var step: Int32
  var error: Int32
}

/// What a child printed, how it ended ([signaled, code]), and what failed before.
struct Outcome {
  var text = ""
  var exit: [Int32] = []
  var failed: Failed?
  /// Whether its descriptors were on their way to it when it had been started.
  var wasHandedOver = false
}

/// Runs a program to its end. Without a terminal its output goes to a pipe.
/// - Parameter placed: what the child has beside that: the number of the parent's at each number of its own.
func run(
  _ arguments: [String], candidates: [String]? = nil, environment: [String] = ["PATH=/usr/bin:/bin"],
  directories: [String] = [], terminal: Int32 = -1, placed: [Int32: Int32] = [:], limits: (UInt64, UInt64)? = nil,
  way: Way? = nil
) throws -> Outcome {
  let (reading, writing) = try makePipe()
  let spawned = try start(
    arguments, candidates: candidates, environment: environment, directories: directories, terminal: terminal,
    output: writing, placed: placed, limits: limits, way: way)
  close(writing)
  var outcome = Outcome()
  outcome.wasHandedOver = way?.isTaken ?? false
  #expect(ipc_poll(spawned.status, IPC_READABLE, 20_000_000_000) > 0)
  let (result, failed) = spawned.look()
  if result == 0 {
    outcome.failed = failed
  } else {
    outcome.text = readAll(terminal >= 0 ? terminal : reading)
  }
  #expect(ipc_poll(spawned.pidfd, IPC_READABLE, 20_000_000_000) > 0)
  var ended = ipc_exit()
  #expect(unsafe ipc_reap(spawned.pidfd, &ended) == 1)
  outcome.exit = [ended.signaled, ended.code]
  close(reading)
  spawned.finish()
  return outcome
}

/// Starts a program.
/// - Throws: the errno when there is no child.
func start(
  _ arguments: [String], candidates: [String]? = nil, environment: [String] = ["PATH=/usr/bin:/bin"],
  directories: [String] = [], terminal: Int32 = -1, output: Int32 = 1, placed: [Int32: Int32] = [:],
  limits: (UInt64, UInt64)? = nil, way: Way? = nil
) throws -> Started {
  var (soft, hard): (UInt64, UInt64) = (0, 0)
  // The shim writes two integers.
  #expect(unsafe ipc_descriptor_limit(&soft, &hard) == 0)
  if let limits { (soft, hard) = limits }
  // Copies that live until they are freed below; the shim has its own by then.
  let candidates = unsafe Strings(candidates ?? [arguments[0]])
  let environment = unsafe Strings(environment)
  let directories = unsafe Strings(directories)
  let arguments = unsafe Strings(arguments, spare: true)
  defer {
    unsafe candidates.free()
    unsafe environment.free()
    unsafe directories.free()
    unsafe arguments.free()
  }
  let standard: [Int32: Int32] = terminal >= 0 ? [0: -1, 1: -1, 2: -1] : [0: 0, 1: output, 2: 2]
  var placements = standard.merging(placed) { $1 }.map { ipc_placement(number: $0.key, source: $0.value) }
  placements.sort { $0.number < $1.number }
  var spawned = unsafe ipc_spawned()
  // The array is valid for the length of the call, and is not empty.
  let result = unsafe placements.withUnsafeMutableBufferPointer { placements -> Int32 in
    guard let first = placements.baseAddress else { return -EINVAL }
    var request = unsafe ipc_spawn(
      candidates: candidates.constant, arguments: arguments.pointers, environment: environment.pointers,
      directories: directories.constant, terminal: terminal, placements: first,
      placement_count: Int32(placements.count), descriptor_limit: soft, descriptor_maximum: hard,
      handover: way?.handover)
    return unsafe ipc_spawn_start(&request, &spawned)
  }
  guard result == 0 else { throw NoChild(error: -result) }
  return unsafe Started(spawned)
}

/// There is no child.
struct NoChild: Error, Equatable {
  var error: Int32
}

/// A child that was started, and what it runs on until it executes its program.
@safe struct Started {
  let pid: Int32
  let pidfd: Int32
  let status: Int32
  private let spawned: ipc_spawned

  @unsafe init(_ spawned: ipc_spawned) {
    pid = unsafe spawned.pid
    pidfd = unsafe spawned.pidfd
    status = unsafe spawned.status
    unsafe self.spawned = spawned
  }

  /// Whether the child's descriptors are on their way to it.
  var isPending: Bool { unsafe ipc_spawn_is_pending(spawned.memory) != 0 }

  /// What is known of the child: 1 when the program runs, 0 and the failure.
  func look() -> (Int32, Failed) {
    var (spawned, failure) = unsafe (spawned, ipc_spawn_failure())
    // The shim stores at most one failure.
    let result = unsafe ipc_spawn_result(&spawned, &failure)
    return (result, Failed(step: failure.step, error: failure.error))
  }

  /// Closes what the start made. Only once the child has ended.
  func finish() {
    closeAll(pidfd, status)
    // The child has ended, as the caller promises.
    unsafe ipc_spawn_release(spawned.memory)
  }
}

/// C strings in an array that ends with a null pointer, to be freed.
@unsafe struct Strings {
  let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  private let count: Int

  init(_ texts: [String], spare: Bool = false) {
    let first = spare ? 1 : 0
    unsafe count = texts.count + first + 1
    unsafe pointers = .allocate(capacity: count)
    unsafe pointers.initialize(repeating: nil, count: count)
    for (index, text) in texts.enumerated() { unsafe pointers[first + index] = strdup(text) }
  }

  /// The same as pointers to constants.
  var constant: UnsafePointer<UnsafePointer<CChar>?> {
    unsafe UnsafeRawPointer(pointers).assumingMemoryBound(to: UnsafePointer<CChar>?.self)
  }

  func free() {
    for index in 0..<(unsafe count) { unsafe Glibc.free(pointers[index]) }
    unsafe pointers.deallocate()
  }
}
