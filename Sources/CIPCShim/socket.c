// Unix sockets: made, bound, connected and accepted.

#define _GNU_SOURCE
#include "address.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

_Static_assert(IPC_STREAM == SOCK_STREAM && IPC_DATAGRAM == SOCK_DGRAM && IPC_SEQPACKET == SOCK_SEQPACKET &&
                   IPC_FAMILY_UNIX == AF_UNIX && IPC_PATH_LIMIT == sizeof(((struct sockaddr_un *)0)->sun_path) - 1 &&
                   IPC_ADDRESS_LIMIT == IPC_PATH_LIMIT + 1,
               "the kernel's numbers");

static int type_flags(int type, int non_blocking) { return type | SOCK_CLOEXEC | (non_blocking ? SOCK_NONBLOCK : 0); }

int ipc_unix_socket(int type, int non_blocking) {
  int descriptor = socket(AF_UNIX, type_flags(type, non_blocking), 0);
  return descriptor < 0 ? -errno : descriptor;
}

int ipc_socket_pair(int type, int non_blocking, int ends[2]) {
  return socketpair(AF_UNIX, type_flags(type, non_blocking), 0, ends) < 0 ? -errno : 0;
}

int ipc_address_fill(struct sockaddr_un *name, const uint8_t *address, size_t length) {
  if (length == 0) return -ENOENT;
  int is_path = address[0] != 0;
  if (length > (is_path ? IPC_PATH_LIMIT : IPC_ADDRESS_LIMIT)) return -ENAMETOOLONG;
  memset(name, 0, sizeof *name);
  name->sun_family = AF_UNIX;
  memcpy(name->sun_path, address, length);
  return (int)(offsetof(struct sockaddr_un, sun_path) + length + (is_path ? 1 : 0));
}

int ipc_address_bytes(const struct sockaddr_un *name, socklen_t size, uint8_t address[IPC_ADDRESS_LIMIT]) {
  memcpy(address, name->sun_path, IPC_ADDRESS_LIMIT);
  // A path that fills the address leaves no room for its NUL, which the size counts all the same.
  size_t length = size < sizeof *name ? size : sizeof *name, begin = offsetof(struct sockaddr_un, sun_path);
  if (length <= begin) return 0;
  return (int)(name->sun_path[0] ? strnlen(name->sun_path, length - begin) : length - begin);
}

int ipc_bind(int socket, const uint8_t *address, size_t length, uint32_t mode) {
  struct sockaddr_un name;
  int size = ipc_address_fill(&name, address, length);
  if (size < 0) return size;
  if (fchmod(socket, mode) < 0) return -errno;
  return bind(socket, (const struct sockaddr *)&name, (socklen_t)size) < 0 ? -errno : 0;
}

int ipc_listen(int socket, int backlog) { return listen(socket, backlog) < 0 ? -errno : 0; }

int ipc_connect(int socket, const uint8_t *address, size_t length) {
  struct sockaddr_un name;
  int size = ipc_address_fill(&name, address, length);
  if (size < 0) return size;
  return connect(socket, (const struct sockaddr *)&name, (socklen_t)size) < 0 ? -errno : 0;
}

int ipc_accept(int socket) {
  int descriptor;
  do
    descriptor = accept4(socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  while (descriptor < 0 && errno == EINTR);
  return descriptor < 0 ? -errno : descriptor;
}

int64_t ipc_send(int socket, const void *bytes, size_t count) {
  ssize_t put;
  do
    put = send(socket, bytes, count, MSG_NOSIGNAL);
  while (put < 0 && errno == EINTR);
  return put < 0 ? -errno : put;
}

int64_t ipc_send_two(int socket, const void *head, size_t head_count, const void *body, size_t body_count) {
  struct iovec pieces[2] = {{(void *)head, head_count}, {(void *)body, body_count}};
  struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
  ssize_t put;
  do
    put = sendmsg(socket, &message, MSG_NOSIGNAL);
  while (put < 0 && errno == EINTR);
  return put < 0 ? -errno : put;
}

int ipc_shutdown_sending(int socket) { return shutdown(socket, SHUT_WR) < 0 ? -errno : 0; }

int ipc_buffer_size(int socket, int of_sending) {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(socket, SOL_SOCKET, of_sending ? SO_SNDBUF : SO_RCVBUF, &value, &size) < 0 ? -errno : value;
}

int ipc_set_buffer_size(int socket, int of_sending, int size) {
  return setsockopt(socket, SOL_SOCKET, of_sending ? SO_SNDBUF : SO_RCVBUF, &size, sizeof size) < 0 ? -errno : 0;
}

int ipc_set_send_timeout(int socket, int64_t nanoseconds) {
  struct timeval limit = {0, 0};
  if (nanoseconds > 0) {
    int64_t microseconds = (nanoseconds + 999) / 1000;
    limit.tv_sec = microseconds / 1000000;
    limit.tv_usec = microseconds % 1000000;
  }
  return setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0 ? -errno : 0;
}

int ipc_socket_kind(int socket, int *family, int *type, int *listening) {
  socklen_t size = sizeof(int);
  if (getsockopt(socket, SOL_SOCKET, SO_DOMAIN, family, &size) < 0) return -errno;
  if (getsockopt(socket, SOL_SOCKET, SO_TYPE, type, &size) < 0) return -errno;
  if (getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, listening, &size) < 0) return -errno;
  return 0;
}

int ipc_socket_address(int socket, uint8_t address[IPC_ADDRESS_LIMIT]) {
  struct sockaddr_un name = {0};
  socklen_t size = sizeof name;
  if (getsockname(socket, (struct sockaddr *)&name, &size) < 0) return -errno;
  return ipc_address_bytes(&name, size, address);
}
