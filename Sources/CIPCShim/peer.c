// Who is at the other end of a Unix socket: what the kernel noted when it connected, or when the peer listened.

#define _GNU_SOURCE
#include "CIPCShim.h"

#include <errno.h>
#include <sys/socket.h>

// Newer than the C library's headers.
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

_Static_assert(sizeof(gid_t) == sizeof(uint32_t), "the kernel's groups");

int ipc_peer_credentials(int socket, int32_t *pid, uint32_t *uid, uint32_t *gid) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return -errno;
  *pid = peer.pid;
  *uid = peer.uid;
  *gid = peer.gid;
  return 0;
}

// An option of any length. Answers the length, which is more than `capacity` when that was too little.
static int any_length(int socket, int option, void *value, size_t capacity) {
  socklen_t size = (socklen_t)capacity;
  if (getsockopt(socket, SOL_SOCKET, option, value, &size) < 0 && (errno != ERANGE || size <= capacity)) return -errno;
  return (int)size;
}

int ipc_peer_groups(int socket, uint32_t *groups, size_t capacity) {
  int size = any_length(socket, SO_PEERGROUPS, groups, capacity * sizeof *groups);
  return size < 0 ? size : size / (int)sizeof *groups;
}

int ipc_peer_security(int socket, uint8_t *label, size_t capacity) {
  return any_length(socket, SO_PEERSEC, label, capacity);
}

int ipc_peer_process(int socket) {
  int descriptor = -1;
  socklen_t size = sizeof descriptor;
  return getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &descriptor, &size) < 0 ? -errno : descriptor;
}
