// FIFOs: pipes that have a path. Opened without waiting, since open(2) cannot be told when to stop, and never mistaken:
// what stands at the path is looked at before it is opened, because opening a device can do things.

#define _GNU_SOURCE
#include "CIPCShim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int ipc_make_fifo(const char *path, uint32_t mode) { return mkfifo(path, mode) < 0 ? -errno : 0; }

int ipc_open_fifo(const char *path, int writing) {
  int itself = ipc_open_itself(path);
  if (itself < 0) return itself;
  struct stat found;
  int result = fstat(itself, &found) < 0 ? -errno : S_ISLNK(found.st_mode) ? -ELOOP : S_ISFIFO(found.st_mode) ? 0 : -EINVAL;
  if (result == 0) {
    char again[32];
    snprintf(again, sizeof again, "/proc/self/fd/%d", itself);
    result = open(again, (writing ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_CLOEXEC);
    if (result < 0) result = -errno;
  }
  close(itself);
  return result;
}

int ipc_fifo_has_writer(int fifo) {
  // tee(2) takes nothing out, and tells an end without writers from an empty pipe that has one.
  int copy[2];
  if (pipe2(copy, O_CLOEXEC | O_NONBLOCK) < 0) return -errno;
  ssize_t result = tee(fifo, copy[1], 1, SPLICE_F_NONBLOCK);
  int error = errno;
  close(copy[0]);
  close(copy[1]);
  if (result < 0) return error == EAGAIN ? 1 : -error;
  return result > 0;
}
