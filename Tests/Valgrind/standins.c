// What valgrind 3.19 cannot do, done otherwise, for a program that it watches: linked with it, or loaded before it.
//
// It ends a program that calls clone(2) with CLONE_VM alone: the child gets a copy of the memory here, as from fork(2),
// and of the descriptors. And it does not know epoll_pwait2(2): epoll_pwait(2) is the same to the millisecond.

#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <valgrind/valgrind.h>

// What the watched program starts is not watched, and needs none of this. Valgrind's own launcher hands it on.
__attribute__((constructor)) static void begin(void) {
  if (RUNNING_ON_VALGRIND) unsetenv("LD_PRELOAD");
}

int clone(int (*function)(void *), void *stack, int flags, void *argument, ...) {
  (void)stack;
  if (!(flags & CLONE_PIDFD)) return errno = ENOTSUP, -1;
  __builtin_va_list more;
  __builtin_va_start(more, argument);
  int *pidfd = __builtin_va_arg(more, int *);
  __builtin_va_end(more);
  // The kernel does not know of the limit that valgrind was told.
  int room = dup(STDIN_FILENO);
  if (room < 0) return -1;
  close(room);
  long pid = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, pidfd, NULL, 0L);
  if (pid == 0) _exit(function(argument));
  return (int)pid;
}

int epoll_pwait2(int epoll, struct epoll_event *events, int capacity, const struct timespec *limit,
                 const sigset_t *mask) {
  int64_t most = INT32_MAX, milliseconds = -1;
  if (limit) milliseconds = limit->tv_sec * (int64_t)1000 + (limit->tv_nsec + 999999) / 1000000;
  return epoll_pwait(epoll, events, capacity, (int)(milliseconds < most ? milliseconds : most), mask);
}
