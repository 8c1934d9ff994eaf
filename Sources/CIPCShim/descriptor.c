// What can be done with any descriptor: read, write, wait, duplicate, close.

#define _GNU_SOURCE
#include "CIPCShim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

_Static_assert(IPC_READABLE == POLLIN && IPC_WRITABLE == POLLOUT && IPC_ERROR == POLLERR && IPC_HANGUP == POLLHUP &&
                   IPC_READ_HANGUP == POLLRDHUP,
               "poll's events");

static int close_once(int descriptor) { return close(descriptor) < 0 ? -errno : 0; }

// By itself, so that a close costs no more for it than a look at the flag.
__attribute__((noinline)) static int forget_and_close(int descriptor) {
  // Before: the number may be another's at once.
  ipc_forget_origin(descriptor);
  return close_once(descriptor);
}

int ipc_close(int descriptor) {
  return ipc_records_origins() ? forget_and_close(descriptor) : close_once(descriptor);
}

int ipc_duplicate(int descriptor, int minimum) {
  int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, minimum);
  return copy < 0 ? -errno : copy;
}

int ipc_redirect(int descriptor, int onto) {
  int result;
  do
    result = dup2(descriptor, onto);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : 0;
}

int64_t ipc_read(int descriptor, void *buffer, size_t count) {
  ssize_t got;
  do
    got = read(descriptor, buffer, count);
  while (got < 0 && errno == EINTR);
  return got < 0 ? -errno : got;
}

int64_t ipc_write(int descriptor, const void *bytes, size_t count) {
  ssize_t put;
  do
    put = write(descriptor, bytes, count);
  while (put < 0 && errno == EINTR);
  return put < 0 ? -errno : put;
}

int64_t ipc_write_without_signal(int descriptor, const void *bytes, size_t count) {
  sigset_t pipe_signal, before, pending;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  sigpending(&pending);
  int was_pending = sigismember(&pending, SIGPIPE);
  int wrong = pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  if (wrong != 0) return -wrong;
  int64_t put = ipc_write(descriptor, bytes, count);
  // A write that waited may have a part taken, and then the signal as well, when the reader goes.
  int is_partial = put >= 0 && (size_t)put < count;
  if ((put == -EPIPE || is_partial) && !was_pending) {
    struct timespec none = {0, 0};
    while (sigtimedwait(&pipe_signal, NULL, &none) < 0 && errno == EINTR) {
    }
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return put;
}

int ipc_is_close_on_exec(int descriptor) {
  int flags = fcntl(descriptor, F_GETFD);
  return flags < 0 ? -errno : (flags & FD_CLOEXEC) != 0;
}

int ipc_set_close_on_exec(int descriptor, int on) {
  return fcntl(descriptor, F_SETFD, on ? FD_CLOEXEC : 0) < 0 ? -errno : 0;
}

int ipc_is_non_blocking(int descriptor) {
  int flags = fcntl(descriptor, F_GETFL);
  return flags < 0 ? -errno : (flags & O_NONBLOCK) != 0;
}

int ipc_set_non_blocking(int descriptor, int on) {
  int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0) return -errno;
  int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  return wanted != flags && fcntl(descriptor, F_SETFL, wanted) < 0 ? -errno : 0;
}

int ipc_is_socket(int descriptor) {
  struct stat status;
  return fstat(descriptor, &status) < 0 ? -errno : S_ISSOCK(status.st_mode);
}

int ipc_pipe(int ends[2], int non_blocking) {
  return pipe2(ends, O_CLOEXEC | (non_blocking ? O_NONBLOCK : 0)) < 0 ? -errno : 0;
}

int ipc_open_null(void) {
  int descriptor = open("/dev/null", O_RDWR | O_CLOEXEC);
  return descriptor < 0 ? -errno : descriptor;
}

int ipc_poll(int descriptor, unsigned int events, int64_t nanoseconds) {
  struct pollfd entry = {descriptor, (short)events, 0};
  struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  int ready;
  do
    ready = ppoll(&entry, 1, nanoseconds < 0 ? NULL : &limit, NULL);
  while (ready < 0 && errno == EINTR && nanoseconds == 0);
  return ready < 0 ? -errno : ready == 0 ? 0 : (unsigned short)entry.revents;
}

int64_t ipc_monotonic_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
