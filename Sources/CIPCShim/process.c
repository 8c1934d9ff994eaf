// Children: a pseudo-terminal, a clone that hands out a pidfd at birth, and what happens between clone and exec.
//
// posix_spawn(3) holds its caller until exec, so one slow directory would stop a whole event loop, and it cannot set a
// descriptor limit. Here the parent goes on at once, and a close-on-exec pipe tells it later how the child fared.

#define _GNU_SOURCE
#include "CIPCShim.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

// Where the status pipe stands in the child: right above the standard streams, so that all above it can be closed.
enum { STATUS = 3 };

// MARK: in the child: async-signal-safe calls alone

_Noreturn static void fail(int status, int32_t step) {
  struct ipc_spawn_failure failure = {step, errno};
  while (write(status, &failure, sizeof failure) < 0 && errno == EINTR) {
  }
  _exit(127);
}

static void reset_signals(void) {
  struct sigaction standard = {.sa_handler = SIG_DFL};
  for (int number = 1; number < NSIG; number++) sigaction(number, &standard, NULL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static void place_descriptors(const struct ipc_spawn *spawn, int status) {
  int source[3] = {spawn->standard[0], spawn->standard[1], spawn->standard[2]};
  if (spawn->terminal >= 0) {
    int slave = ioctl(spawn->terminal, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    if (slave < 0 || ioctl(slave, TIOCSCTTY, 0) < 0) fail(status, IPC_SPAWN_TERMINAL);
    source[0] = source[1] = source[2] = slave;
  }
  // Lifted above what they are about to be copied onto, or a copy could overwrite the next one's source.
  for (int i = 0; i < 3; i++) {
    source[i] = fcntl(source[i], F_DUPFD_CLOEXEC, STATUS + 1);
    if (source[i] < 0) fail(status, IPC_SPAWN_DESCRIPTORS);
  }
  for (int i = 0; i < 3; i++)
    if (dup2(source[i], i) < 0) fail(status, IPC_SPAWN_DESCRIPTORS);
  if (status != STATUS && dup3(status, STATUS, O_CLOEXEC) < 0) fail(status, IPC_SPAWN_DESCRIPTORS);
  if (close_range(STATUS + 1, ~0u, 0) < 0) fail(STATUS, IPC_SPAWN_DESCRIPTORS);
}

static void enter_directory(const struct ipc_spawn *spawn) {
  int first = 0;
  for (const char *const *path = spawn->directories; *path; path++) {
    if (chdir(*path) == 0) return;
    if (first == 0) first = errno;
  }
  errno = first;
  if (first) fail(STATUS, IPC_SPAWN_DIRECTORY);
}

// execvp(3)'s rules: the next candidate after a missing one, a denied one remembered, a script without #! to the shell.
static void execute(const struct ipc_spawn *spawn) {
  char **arguments = spawn->arguments + 1;
  int denied = 0;
  errno = ENOENT;
  for (const char *const *path = spawn->candidates; *path; path++) {
    execve(*path, arguments, spawn->environment);
    if (errno == ENOEXEC) {
      spawn->arguments[0] = (char *)"sh";
      spawn->arguments[1] = (char *)*path;
      execve("/bin/sh", spawn->arguments, spawn->environment);
      break;
    }
    if (errno == EACCES) denied = 1;
    if (errno != EACCES && errno != ENOENT && errno != ENOTDIR && errno != ESTALE && errno != ELOOP) break;
  }
  if (denied && (errno == ENOENT || errno == ENOTDIR)) errno = EACCES;
  fail(STATUS, IPC_SPAWN_EXECUTE);
}

_Noreturn static void become(const struct ipc_spawn *spawn, int status) {
  reset_signals();
  if (setsid() < 0) fail(status, IPC_SPAWN_SESSION);
  place_descriptors(spawn, status);
  struct rlimit limit = {spawn->descriptor_limit, spawn->descriptor_maximum};
  if (setrlimit(RLIMIT_NOFILE, &limit) < 0) fail(STATUS, IPC_SPAWN_LIMITS);
  umask(spawn->mask);
  enter_directory(spawn);
  execute(spawn);
  _exit(127);
}

// MARK: in the parent

int ipc_spawn_start(const struct ipc_spawn *spawn, struct ipc_spawned *spawned) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return -errno;
  if (ends[1] < STATUS) {  // a process without its standard streams: its numbers are about to be copied onto
    int lifted = fcntl(ends[1], F_DUPFD_CLOEXEC, STATUS);
    int error = errno;
    close(ends[1]);
    ends[1] = lifted;
    if (lifted < 0) {
      close(ends[0]);
      return -error;
    }
  }
  // No handler of the parent's may run in the child: all signals wait until the child has reset them.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int pidfd = -1;
  long pid = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, &pidfd, NULL, NULL);
  int error = errno;
  if (pid == 0) become(spawn, ends[1]);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return -error;
  }
  spawned->pid = (int32_t)pid;
  spawned->pidfd = pidfd;
  spawned->status = ends[0];
  return 0;
}

int ipc_spawn_result(int status, struct ipc_spawn_failure *failure) {
  ssize_t got;
  do
    got = read(status, failure, sizeof *failure);
  while (got < 0 && errno == EINTR);
  if (got < 0) return -errno;
  return got == 0 ? 1 : 0;
}

int ipc_pidfd_open(int32_t pid) {
  long descriptor = syscall(SYS_pidfd_open, pid, 0);
  return descriptor < 0 ? -errno : (int)descriptor;
}

int ipc_pidfd_signal(int pidfd, int signal) {
  return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int ipc_signal_group(int32_t leader, int signal) { return kill(-leader, signal) < 0 ? -errno : 0; }

int ipc_reap(int pidfd, struct ipc_exit *exit) {
  siginfo_t info = {0};
  int result;
  do
    result = waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG);
  while (result < 0 && errno == EINTR);
  if (result < 0) return -errno;
  if (info.si_pid == 0) return 0;
  exit->signaled = info.si_code != CLD_EXITED;
  exit->code = info.si_status;
  return 1;
}

int ipc_open_terminal(uint16_t columns, uint16_t rows) {
  int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (master < 0) return -errno;
  int unlocked = 0;
  int wrong = ioctl(master, TIOCSPTLCK, &unlocked) < 0 ? -errno : ipc_set_terminal_size(master, columns, rows);
  if (wrong) {
    close(master);
    return wrong;
  }
  return master;
}

int ipc_set_terminal_size(int terminal, uint16_t columns, uint16_t rows) {
  struct winsize size = {.ws_row = rows, .ws_col = columns};
  return ioctl(terminal, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

int ipc_descriptor_limit(uint64_t *soft, uint64_t *hard) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
  *soft = limit.rlim_cur;
  *hard = limit.rlim_max;
  return 0;
}

int ipc_set_descriptor_limit(uint64_t soft, uint64_t hard) {
  struct rlimit limit = {soft, hard};
  return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

uint32_t ipc_umask(void) {
  mode_t mask = umask(077);
  umask(mask);
  return mask;
}
