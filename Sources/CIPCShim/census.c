// A process's entries in /proc, by number: no path is made for them, since there are thousands.

#define _GNU_SOURCE
#include "CIPCShim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

// A number in decimal, with its NUL.
struct name {
  char text[12];
};

static const char *written(struct name *name, int32_t number) {
  char *end = name->text + sizeof name->text - 1;
  *end = 0;
  do
    *--end = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  return end;
}

// The number that a name is, or -1.
static int32_t number_of(const char *name) {
  int64_t number = 0;
  for (const char *digit = name; *digit; digit++) {
    if (*digit < '0' || *digit > '9') return -1;
    number = number * 10 + (*digit - '0');
    if (number > INT32_MAX) return -1;
  }
  return (int32_t)number;
}

int ipc_open_listing(const char *path) { return ipc_open(path, O_RDONLY | O_DIRECTORY, 0); }

int ipc_list_numbers(int directory, int32_t *numbers, int capacity) {
  // An entry takes 24 bytes at the least, so that no more of them come than there is room for.
  _Alignas(struct dirent64) char entries[24 * 512];
  size_t room = (size_t)capacity < 512 ? 24 * (size_t)capacity : sizeof entries;
  for (;;) {
    ssize_t size = getdents64(directory, entries, room);
    if (size <= 0) return size < 0 ? -errno : 0;
    int count = 0;
    for (ssize_t at = 0; at < size;) {
      const struct dirent64 *entry = (const struct dirent64 *)(entries + at);
      int32_t number = number_of(entry->d_name);
      if (number >= 0) numbers[count++] = number;
      at += entry->d_reclen;
    }
    // Nothing but names: there may be more behind them.
    if (count > 0) return count;
  }
}

int64_t ipc_read_link(int directory, int32_t number, void *buffer, size_t capacity) {
  struct name name;
  ssize_t length = readlinkat(directory, written(&name, number), buffer, capacity);
  return length < 0 ? -errno : length;
}

int64_t ipc_read_entry(int directory, int32_t number, void *buffer, size_t capacity) {
  struct name name;
  int entry;
  do
    entry = openat(directory, written(&name, number), O_RDONLY | O_CLOEXEC);
  while (entry < 0 && errno == EINTR);
  if (entry < 0) return -errno;
  int64_t result = ipc_read(entry, buffer, capacity);
  close(entry);
  return result;
}

int ipc_held_status(int directory, int32_t number, struct ipc_held_status *status) {
  struct name name;
  struct statx found;
  if (statx(directory, written(&name, number), AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO | STATX_NLINK | STATX_SIZE, &found) < 0)
    return -errno;
  status->device = makedev(found.stx_dev_major, found.stx_dev_minor);
  status->inode = found.stx_ino;
  status->size = found.stx_size;
  status->mode = found.stx_mode;
  status->links = found.stx_nlink;
  status->major = found.stx_rdev_major;
  status->minor = found.stx_rdev_minor;
  return 0;
}

int64_t ipc_socket_protocol(int directory, int32_t number, char *buffer, size_t capacity) {
  // There is no getxattr that begins at a directory's descriptor before 6.13; this one does so by the descriptor's link.
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d/%d", directory, number);
  ssize_t size = getxattr(path, "system.sockprotoname", buffer, capacity);
  if (size < 0) return -errno;
  // The kernel counts the NUL at its end.
  return size > 0 && buffer[size - 1] == 0 ? size - 1 : size;
}
