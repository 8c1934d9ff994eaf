// Files in memory: made, sealed, and mapped.

#define _GNU_SOURCE
#include "CIPCShim.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x8
#endif

int ipc_memory_file(const char *name) {
  // A machine may be set to refuse files that could be executed. Before 6.3 the kernel does not know the difference.
  int descriptor = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
  if (descriptor < 0 && errno == EINVAL) descriptor = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  return descriptor < 0 ? -errno : descriptor;
}

int64_t ipc_size(int descriptor) {
  struct stat status;
  return fstat(descriptor, &status) < 0 ? -errno : status.st_size;
}

int ipc_resize(int descriptor, int64_t size) {
  int result;
  do
    result = ftruncate(descriptor, size);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : 0;
}

int64_t ipc_read_at(int descriptor, void *buffer, size_t count, int64_t offset) {
  ssize_t got;
  do
    got = pread(descriptor, buffer, count, offset);
  while (got < 0 && errno == EINTR);
  return got < 0 ? -errno : got;
}

int64_t ipc_write_at(int descriptor, const void *bytes, size_t count, int64_t offset) {
  ssize_t put;
  do
    put = pwrite(descriptor, bytes, count, offset);
  while (put < 0 && errno == EINTR);
  return put < 0 ? -errno : put;
}

int ipc_seals(int descriptor) {
  int seals = fcntl(descriptor, F_GET_SEALS);
  return seals < 0 ? -errno : seals;
}

int ipc_add_seals(int descriptor, int seals) { return fcntl(descriptor, F_ADD_SEALS, seals) < 0 ? -errno : 0; }

int ipc_map(int descriptor, size_t size, int writable, void **address) {
  void *mapped = mmap(NULL, size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, descriptor, 0);
  // Before Linux 6.7, one that is sealed against writing cannot be shared even to be read. The bytes are the same.
  if (mapped == MAP_FAILED && errno == EPERM && !writable)
    mapped = mmap(NULL, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (mapped == MAP_FAILED) return -errno;
  *address = mapped;
  return 0;
}

int ipc_discard(void *address, size_t size) { return madvise(address, size, MADV_REMOVE) < 0 ? -errno : 0; }

int ipc_unmap(void *address, size_t size) { return munmap(address, size) < 0 ? -errno : 0; }
