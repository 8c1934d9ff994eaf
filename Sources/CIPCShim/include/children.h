// Processes: started, signalled and reaped; and the signals that this one gets.

#ifndef CIPCSHIM_CHILDREN_H
#define CIPCSHIM_CHILDREN_H

#include "base.h"

// How a child ended: `code` is its exit status, or the signal that killed it.
struct ipc_exit {
  int32_t signaled;
  int32_t code;
};

// A signal out of a signalfd.
struct ipc_signal {
  int32_t number;
  // Who sent it; of SIGCHLD, the child.
  int32_t pid;
  uint32_t uid;
  // Of SIGCHLD: whether the child has ended, and how.
  int32_t has_ended;
  struct ipc_exit exit;
};
// signalfd(2) for up to `count` signals, which are then blocked in the calling thread; after a failure they are as before.
int ipc_signalfd(const int *IPC_NONNULL signals, int count);
// The next signal: 1, or 0 when none waits.
int ipc_signalfd_read(int descriptor, struct ipc_signal *IPC_NONNULL signal);

// What spares a child a copy of its parent's table: handover.c says how. It must outlive the children that use it.
struct ipc_handover {
  // A connected pair of sockets that keep messages apart. The lower `receiving` is, the less is copied.
  int sending;
  int receiving;
  // The process that made the pair; another that has it through fork(2) does not use it.
  int32_t process;
  // Whose descriptors are on their way: a number for the child, 0 for nobody's. Zero at first, and then the shim's.
  uintptr_t claim;
};

// A descriptor of a child's: its number there, and which one of the parent's it is.
struct ipc_placement {
  int number;
  // Or IPC_TERMINAL_SIDE.
  int source;
};
// The slave of the pseudo-terminal that the child is started on.
#define IPC_TERMINAL_SIDE (-1)

// environ(7): an array of C strings that ends with NULL, or NULL after clearenv(3). The next change may move it.
char *IPC_NULLABLE const *IPC_NULLABLE ipc_environment(void);

// What a child is started with. Copied, so that it need not outlive the call.
struct ipc_spawn {
  // The files to try in order, as execvp(3) would.
  const char *IPC_NULLABLE const *IPC_NONNULL candidates;
  // The arguments with one spare entry in front, which a script without a #! line needs for its shell.
  char *IPC_NULLABLE *IPC_NONNULL arguments;
  char *IPC_NULLABLE const *IPC_NONNULL environment;
  // Changed to in order until one succeeds; the first one's error counts when none does.
  const char *IPC_NULLABLE const *IPC_NONNULL directories;
  // A pseudo-terminal's master whose slave becomes the controlling terminal; or -1.
  int terminal;
  // All that the child has, by ascending number, 0, 1 and 2 among them.
  struct ipc_placement *IPC_NONNULL placements;
  int placement_count;
  // RLIMIT_NOFILE for the child.
  uint64_t descriptor_limit;
  uint64_t descriptor_maximum;
  // For a child that has nothing but its terminal. Null: it begins with a copy of the table, as it does while another is on its way.
  struct ipc_handover *IPC_NULLABLE handover;
};

// What the child could not do.
enum ipc_spawn_step {
  IPC_SPAWN_SESSION = 1,
  IPC_SPAWN_TERMINAL,
  IPC_SPAWN_DESCRIPTORS,
  IPC_SPAWN_LIMITS,
  IPC_SPAWN_DIRECTORY,
  IPC_SPAWN_EXECUTE,
};

struct ipc_spawned {
  int32_t pid;
  int pidfd;
  // Ends empty when the program runs; holds one ipc_spawn_failure when a step failed. Readable when either is so, unless
  // the child ended while ipc_spawn_is_pending.
  int status;
  // What the child runs on until then: for ipc_spawn_release, once `status` has ended or the child was reaped.
  void *IPC_NULLABLE memory;
};

struct ipc_spawn_failure {
  int32_t step;
  int32_t error;
};

// clone(2) with CLONE_VM and a pidfd, then in the child: a table of its own, signals, setsid, the terminal, close_range,
// limits, directory, execve. Returns at once; `status` tells how it went. The parent's mask and dispositions are unchanged.
int ipc_spawn_start(const struct ipc_spawn *IPC_NONNULL spawn, struct ipc_spawned *IPC_NONNULL spawned);
// Reads `status` once: 1 when the program runs, 0 when a failure was stored, -EAGAIN while neither is known.
int ipc_spawn_result(const struct ipc_spawned *IPC_NONNULL spawned, struct ipc_spawn_failure *IPC_NONNULL failure);
// Whether the child's descriptors are on their way to it. The copies there are not closed by its death, so `status` would
// not end: look again now and then.
int ipc_spawn_is_pending(const void *IPC_NULLABLE memory);
// Frees what the child no longer uses, and takes back what it never took.
void ipc_spawn_release(void *IPC_NULLABLE memory);
// pidfd_open(PIDFD_NONBLOCK).
int ipc_pidfd_open(int32_t pid);
// pidfd_send_signal(2).
int ipc_pidfd_signal(int pidfd, int signal);
// The same with PIDFD_SIGNAL_PROCESS_GROUP, where the kernel knows it: to the process group that `leader`, which the pidfd is
// of, has its number from. Else kill(2), unless it has ended.
int ipc_pidfd_signal_group(int pidfd, int32_t leader, int signal);
// ioctl(PIDFD_GET_INFO) with PIDFD_INFO_EXIT, of any process: 1 when the end was stored, 0 while it lives or its parent has
// not reaped it; negative where the kernel does not tell.
int ipc_pidfd_exit(int pidfd, struct ipc_exit *IPC_NONNULL exit);
// kill(2) of the process group.
int ipc_signal_group(int32_t leader, int signal);
// waitid(P_PIDFD, WEXITED | WNOHANG): 1 when the child was reaped, 0 while it lives.
int ipc_reap(int pidfd, struct ipc_exit *IPC_NONNULL exit);
// prctl(PR_SET_CHILD_SUBREAPER): descendants whose parents end become children of this process.
int ipc_adopt_orphans(void);
// prctl(PR_SET_PDEATHSIG): `signal` comes when the thread that has started this process ends.
int ipc_die_with_parent(int signal);
// RLIMIT_NOFILE.
int ipc_descriptor_limit(uint64_t *IPC_NONNULL soft, uint64_t *IPC_NONNULL hard);
int ipc_set_descriptor_limit(uint64_t soft, uint64_t hard);

#endif
