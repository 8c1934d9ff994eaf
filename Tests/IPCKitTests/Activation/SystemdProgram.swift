// What this library is compared with: a C program that calls libsystemd itself.

import Glibc
import IPCKit

/// A C program, linked with libsystemd, which does what its arguments say.
struct SystemdProgram: ~Copyable {
  private let directory: TemporaryDirectory
  let path: String

  init() throws {
    let place = try TemporaryDirectory()
    let (program, source) = (place("program"), place("program.c"))
    try writeFile(source, Self.source)
    // By its name at run time: the development files of libsystemd need not be there.
    let arguments = ["gcc", "-Wall", "-Werror", "-o", program, source, "-l:libsystemd.so.0"]
    let said = try run(Command(arguments: arguments, environment: .inherited))
    guard said.isEmpty else { throw SystemError(errno: EINVAL, operation: "gcc", object: said) }
    directory = place
    path = program
  }

  /// Runs it to its end: what it printed.
  func callAsFunction(
    _ arguments: String..., environment: [String: String],
    lending descriptors: borrowing DescriptorList = DescriptorList()
  ) throws -> String {
    try run(command(arguments, environment), with: try Self.placements(descriptors))
  }

  func command(_ arguments: [String], _ environment: [String: String]) -> Command {
    var variables = Environment.inherited
    for (name, value) in environment { variables[name] = value }
    return Command(arguments: [path] + arguments, environment: variables)
  }

  /// From number 3 on.
  private static func placements(_ descriptors: borrowing DescriptorList) throws -> ChildDescriptors {
    var placed = ChildDescriptors()
    for position in 0..<descriptors.count {
      placed.set(3 + Int32(position), to: try descriptors[position].duplicate())
    }
    return placed
  }

  private static let source = #"""
    #include <inttypes.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/types.h>
    #include <unistd.h>

    int sd_listen_fds_with_names(int unset_environment, char ***names);
    int sd_notify(int unset_environment, const char *state);
    int sd_notify_barrier(int unset_environment, uint64_t timeout);
    int sd_pid_notify_with_fds(pid_t, int unset_environment, const char *state, const int *fds, unsigned count);
    int sd_watchdog_enabled(int unset_environment, uint64_t *usec);

    static int listen_fds(const char *process) {
      char own[16], **names = NULL;
      snprintf(own, sizeof own, "%d", getpid());
      if (*process) setenv("LISTEN_PID", strcmp(process, "own") ? process : own, 1);
      int result = sd_listen_fds_with_names(1, &names);
      printf("%d", result);
      for (int i = 0; i < result; i++) printf(" %s", names[i]);
      puts(getenv("LISTEN_PID") || getenv("LISTEN_FDS") || getenv("LISTEN_FDNAMES") ? " left" : "");
      return 0;
    }

    int main(int count, char **arguments) {
      const char *what = count > 1 ? arguments[1] : "";
      if (!strcmp(what, "listen")) return listen_fds(arguments[2]);
      int result = -1;
      uint64_t usec = 0;
      if (!strcmp(what, "notify")) result = sd_notify(0, arguments[2]);
      if (!strcmp(what, "barrier")) result = sd_notify_barrier(0, UINT64_MAX);
      if (!strcmp(what, "watchdog")) result = sd_watchdog_enabled(0, &usec);
      if (!strcmp(what, "store")) {
        int descriptors[253];
        for (int i = 0; i < 253; i++) descriptors[i] = 3 + i;
        result = sd_pid_notify_with_fds(0, 0, arguments[2], descriptors, atoi(arguments[3]));
      }
      printf("%d %" PRIu64 "\n", result, usec);
    }
    """#
}

/// Runs a command to its end: what it printed. An end in failure is an error.
func run(_ command: Command, with descriptors: consuming ChildDescriptors = ChildDescriptors()) throws -> String {
  var placed = descriptors
  let output = try Pipe()
  placed.set(1, 2, to: output.writing)
  let child = try DetachedProcess(command, with: placed, deadline: .after(.seconds(60)))
  var reader = BufferedReader(output.reading)
  var lines: [String] = []
  while let line = try reader.nextLine(as: String.self, deadline: .after(.seconds(60))) { lines.append(line) }
  let status = try child.exit(deadline: .after(.seconds(60)))
  let said = lines.joined(separator: "\n")
  guard status == .exited(0) else { throw SystemError(errno: EPROTO, operation: "run", object: "\(status): \(said)") }
  return said
}
