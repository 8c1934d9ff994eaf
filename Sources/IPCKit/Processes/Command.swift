// A program to start, and everything that its process must be before the program begins.

internal import CIPCShim
internal import Glibc

/// What to run, where, and with which environment.
///
/// ```swift
/// func greet(on loop: EventLoop) async throws -> ExitStatus {
///   let command = Command(arguments: ["sh", "-c", "echo hello"], environment: .inherited, directories: ["/tmp"])
///   let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
///   let child = try await command.start(in: terminal, on: loop, deadline: .after(.seconds(10)))
///   return await child.exit()
/// }
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
}

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
