// What /proc and socket diagnostics tell of the descriptors of a process.

#ifndef CIPCSHIM_CENSUS_H
#define CIPCSHIM_CENSUS_H

#include "base.h"

// MARK: census.c — looking into /proc

// open(2) of a directory to read.
int ipc_open_listing(const char *IPC_NONNULL path);
// getdents64(2): the next numbers that a directory such as /proc/PID/fd lists; 0 at its end.
int ipc_list_numbers(int directory, int32_t *IPC_NONNULL numbers, int capacity);
// readlinkat(2) of the entry with that number: how many bytes were stored.
int64_t ipc_read_link(int directory, int32_t number, void *IPC_NONNULL buffer, size_t capacity);
// openat(2), read(2) and close(2) of the entry with that number: how many bytes were stored. When the buffer is full, there
// may be more.
int64_t ipc_read_entry(int directory, int32_t number, void *IPC_NONNULL buffer, size_t capacity);
struct ipc_held_status {
  uint64_t device;
  uint64_t inode;
  uint64_t size;
  uint32_t mode;
  uint32_t links;
  // Of a device.
  uint32_t major;
  uint32_t minor;
};
// statx(2) of what a descriptor of the process leads to, without asking a file server.
int ipc_held_status(int directory, int32_t number, struct ipc_held_status *IPC_NONNULL status);
// getxattr(2) of system.sockprotoname: how many bytes of the protocol's name were stored.
int64_t ipc_socket_protocol(int directory, int32_t number, char *IPC_NONNULL buffer, size_t capacity);

// MARK: diagnostics.c — socket diagnostics, sock_diag(7)

// socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG), which waits at most two seconds for an answer.
int ipc_diagnostics_open(void);
// Asks for all Unix sockets of the network namespace.
int ipc_diagnostics_ask_unix(int diagnostics);
// recv(2): the next messages of the answer, whole.
int64_t ipc_diagnostics_receive(int diagnostics, void *IPC_NONNULL buffer, size_t capacity);

#endif
