// Children, from the parent's side: a clone that hands out a pidfd at birth, signals and the end.
//
// posix_spawn(3) holds its caller until exec, so one slow directory would stop a whole event loop, and it cannot set a
// descriptor limit. Here the parent goes on at once, and a close-on-exec pipe tells it later how the child fared.

#define _GNU_SOURCE
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
// ThreadSanitizer's own clone takes every child for one with a copy of the memory, and has it write to records that this
// one shares with the parent, which dies of it. The C library's second name for the same function leads past it.
int __clone(int (*function)(void *), void *stack, int flags, void *argument, ...);
#define clone __clone
#endif
#endif

// What the child runs on until it executes its program; it needs a tenth of it.
enum { STACK = 32768 };

// An array's bytes: its pointers, the final null, and the strings. Null entries are spare ones.
static size_t array_size(char *const *array, size_t count) {
  size_t size = (count + 1) * sizeof *array;
  for (size_t i = 0; i < count; i++)
    if (array[i]) size += strlen(array[i]) + 1;
  return size;
}

static size_t array_count(char *const *array) {
  size_t count = 0;
  while (array[count]) count++;
  return count;
}

// Copies the array to `place` and moves `place` behind it, aligned for the next one.
static char **copy_array(char **place, char *const *array, size_t count) {
  char **copy = (char **)*place;
  char *text = *place + (count + 1) * sizeof *array;
  for (size_t i = 0; i < count; i++) {
    copy[i] = array[i] ? text : NULL;
    if (array[i]) text = stpcpy(text, array[i]) + 1;
  }
  copy[count] = NULL;
  *place = (char *)(((uintptr_t)text + 15) & ~(uintptr_t)15);
  return copy;
}

// The child's part of the block below.
static struct ipc_child *child_in(void *memory) { return (struct ipc_child *)((char *)memory + STACK); }

// One block: the stack, then the child's copy of the request.
static struct ipc_child *copy_request(const struct ipc_spawn *spawn, int status, void **memory) {
  char *const *arrays[4] = {(char *const *)spawn->candidates, spawn->arguments + 1, spawn->environment,
                            (char *const *)spawn->directories};
  size_t placements = (size_t)spawn->placement_count * sizeof *spawn->placements;
  size_t counts[4], size = STACK + sizeof(struct ipc_child) + placements + 32;
  for (int i = 0; i < 4; i++) {
    counts[i] = array_count(arrays[i]);
    size += array_size(arrays[i], counts[i]) + 32;
  }
  if (posix_memalign(memory, 16, size)) return NULL;
  struct ipc_child *child = child_in(*memory);
  char *place = (char *)(((uintptr_t)(child + 1) + 15) & ~(uintptr_t)15);
  child->spawn = *spawn;
  child->status = status;
  child->failure.step = 0;
  child->spawn.candidates = (const char *const *)copy_array(&place, arrays[0], counts[0]);
  // With the spare entry in front.
  child->spawn.arguments = copy_array(&place, spawn->arguments, counts[1] + 1);
  child->spawn.environment = copy_array(&place, arrays[2], counts[2]);
  child->spawn.directories = (const char *const *)copy_array(&place, arrays[3], counts[3]);
  child->spawn.placements = memcpy(place, spawn->placements, placements);
  return child;
}

int ipc_spawn_start(const struct ipc_spawn *spawn, struct ipc_spawned *spawned) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return -errno;
  void *memory = NULL;
  struct ipc_child *child = copy_request(spawn, ends[1], &memory);
  int pidfd = -1, pid = -1, error = ENOMEM;
  if (child) {
    int flags = CLONE_VM | CLONE_PIDFD | SIGCHLD;
    // The table is shared until the child has made one of its own; without a handover it begins with a copy.
    if (ipc_handover_send(child))
      flags |= CLONE_FILES;
    else
      child->spawn.handover = NULL;
    // No handler of the parent's may run in the child: all signals wait until the child has reset them.
    sigset_t all, before;
    sigfillset(&all);
    // A mask that was not read is not set: this thread would take every signal then.
    error = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (error == 0) {
      pid = clone(ipc_child_main, (char *)memory + STACK, flags, child, &pidfd);
      error = errno;
      pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
  }
  close(ends[1]);
  if (pid < 0) {
    ipc_spawn_release(memory);
    close(ends[0]);
    return -error;
  }
  spawned->pid = pid;
  spawned->pidfd = pidfd;
  spawned->status = ends[0];
  spawned->memory = memory;
  return 0;
}

void ipc_spawn_release(void *memory) {
  if (memory) ipc_handover_take_back(child_in(memory));
  free(memory);
}

int ipc_spawn_is_pending(const void *memory) {
  return memory && ipc_handover_is_pending((const struct ipc_child *)((const char *)memory + STACK));
}

int ipc_spawn_result(const struct ipc_spawned *spawned, struct ipc_spawn_failure *failure) {
  struct ipc_child *child = child_in(spawned->memory);
  // Nothing that the pipe tells counts before the child has taken it over, and when it ends before that, neither does the
  // pipe end with it.
  if (ipc_handover_is_pending(child)) {
    // An interrupted look is none: from a child that lives, nothing may be taken back.
    if (ipc_poll(spawned->pidfd, IPC_READABLE, 0) <= 0) return -EAGAIN;
    ipc_handover_take_back(child);
    *failure = child->failure;
    if (failure->step) return 0;
  }
  ssize_t got;
  do
    got = read(spawned->status, failure, sizeof *failure);
  while (got < 0 && errno == EINTR);
  if (got < 0) return -errno;
  if (got > 0) return 0;
  *failure = child->failure;
  return failure->step ? 0 : 1;
}

char *const *ipc_environment(void) { return environ; }

int ipc_pidfd_open(int32_t pid) {
  long descriptor = syscall(SYS_pidfd_open, pid, O_NONBLOCK);
  return descriptor < 0 ? -errno : (int)descriptor;
}

int ipc_pidfd_signal(int pidfd, int signal) {
  return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int ipc_signal_group(int32_t leader, int signal) { return kill(-leader, signal) < 0 ? -errno : 0; }

// Newer than the C library's headers: from 6.9, 6.13 and 6.15.
#define SIGNAL_PROCESS_GROUP (1u << 2)
#define INFO_EXIT (1u << 3)
struct info {
  uint64_t mask;
  uint64_t cgroup;
  uint32_t identities[11];
  int32_t exit_code;
};
#define GET_INFO _IOWR(0xFF, 11, struct info)
_Static_assert(sizeof(struct info) == 64, "the kernel's first version of it");

int ipc_pidfd_signal_group(int pidfd, int32_t leader, int signal) {
  if (syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, SIGNAL_PROCESS_GROUP) == 0) return 0;
  if (errno != EINVAL) return -errno;
  // A number that is somebody's still: its process has not ended.
  return ipc_poll(pidfd, IPC_READABLE, 0) == 0 ? ipc_signal_group(leader, signal) : -ESRCH;
}

static void decode(int status, struct ipc_exit *exit) {
  exit->signaled = !WIFEXITED(status);
  exit->code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
}

int ipc_pidfd_exit(int pidfd, struct ipc_exit *exit) {
  struct info info = {.mask = INFO_EXIT};
  // Of a process that was reaped the kernel has nothing but this to tell, and fails with ESRCH when it was not asked for it.
  if (ioctl(pidfd, GET_INFO, &info) < 0) return -errno;
  if (!(info.mask & INFO_EXIT)) return 0;
  decode(info.exit_code, exit);
  return 1;
}

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

int ipc_adopt_orphans(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0; }

int ipc_die_with_parent(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) < 0 ? -errno : 0; }

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
