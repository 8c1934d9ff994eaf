// The few file system calls around a socket's path: what stands there, the lock beside it, a directory of our own.

#define _GNU_SOURCE
#include "CIPCShim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int store(const struct stat *from, struct ipc_file_status *to) {
  to->device = from->st_dev;
  to->inode = from->st_ino;
  to->mode = from->st_mode;
  to->owner = from->st_uid;
  to->group = from->st_gid;
  return 0;
}

int ipc_path_status(const char *path, struct ipc_file_status *status) {
  struct stat found;
  return lstat(path, &found) < 0 ? -errno : store(&found, status);
}

int ipc_status(int descriptor, struct ipc_file_status *status) {
  struct stat found;
  return fstat(descriptor, &found) < 0 ? -errno : store(&found, status);
}

int ipc_open(const char *path, int flags, unsigned int mode) {
  int descriptor;
  do
    descriptor = open(path, flags | O_NOCTTY | O_CLOEXEC, (mode_t)mode);
  while (descriptor < 0 && errno == EINTR);
  return descriptor < 0 ? -errno : descriptor;
}

int ipc_open_lock_file(const char *path) { return ipc_open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600); }

int ipc_lock(int descriptor) {
  int result;
  do
    result = flock(descriptor, LOCK_EX | LOCK_NB);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : 0;
}

int ipc_unlock(int descriptor) { return flock(descriptor, LOCK_UN) < 0 ? -errno : 0; }

int ipc_open_private_directory(const char *path) {
  if (mkdir(path, 0700) < 0 && errno != EEXIST) return -errno;
  int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return descriptor < 0 ? -errno : descriptor;
}

int ipc_open_directory(const char *path) {
  int descriptor = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return descriptor < 0 ? -errno : descriptor;
}

int ipc_open_itself(const char *path) {
  int descriptor = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  return descriptor < 0 ? -errno : descriptor;
}

int ipc_change_owner(int descriptor, uint32_t owner, uint32_t group) {
  return fchownat(descriptor, "", owner, group, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

int ipc_change_mode(int descriptor, uint32_t mode) {
  // fchmod(2) refuses such a descriptor, and the kernel's other way is younger than what is supported here.
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  return chmod(path, mode) < 0 ? -errno : 0;
}

int ipc_unlink(const char *path) { return unlink(path) < 0 ? -errno : 0; }
