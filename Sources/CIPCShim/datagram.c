// Messages that keep their bounds. Each is sent and received at once and whole: one that is longer than the room for it is
// told by its real length, so that nobody takes a part of it for all.

#define _GNU_SOURCE
#include "address.h"
#include "ancillary.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int64_t ipc_send_message(int socket, const void *bytes, size_t count) {
  ssize_t put;
  do
    put = send(socket, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (put < 0 && errno == EINTR);
  return put < 0 ? -errno : put;
}

int64_t ipc_send_message_to(int socket, const void *bytes, size_t count, const uint8_t *address, size_t length) {
  struct sockaddr_un name;
  int size = ipc_address_fill(&name, address, length);
  if (size < 0) return size;
  ssize_t put;
  do
    put = sendto(socket, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&name, (socklen_t)size);
  while (put < 0 && errno == EINTR);
  return put < 0 ? -errno : put;
}

int64_t ipc_receive_message(int socket, void *buffer, size_t count) {
  ssize_t got;
  do
    got = recv(socket, buffer, count, MSG_TRUNC | MSG_DONTWAIT);
  while (got < 0 && errno == EINTR);
  return got < 0 ? -errno : got;
}

static void close_all(const struct cmsghdr *control) {
  size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (size_t i = 0; i < count; i++) {
    int descriptor;
    memcpy(&descriptor, CMSG_DATA(control) + i * sizeof descriptor, sizeof descriptor);
    if (descriptor >= 0) close(descriptor);
  }
}

int64_t ipc_receive_message_from(int socket, void *buffer, size_t count, struct ipc_sender *sender) {
  struct sockaddr_un name = {0};
  struct iovec content = {buffer, count};
  // Room for the credentials, and for what else a socket may be set to tell, which comes before them. What else comes is cut
  // off; a few descriptors fit.
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(struct ucred)) + IPC_MORE_ANCILLARY];
  } control;
  struct msghdr message = {
      .msg_name = &name, .msg_namelen = sizeof name, .msg_iov = &content, .msg_iovlen = 1,
      .msg_control = &control, .msg_controllen = sizeof control,
  };
  ssize_t got;
  do
    got = recvmsg(socket, &message, MSG_TRUNC | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got < 0) return -errno;
  memset(sender, 0, sizeof *sender);
  sender->length = ipc_address_bytes(&name, message.msg_namelen, sender->address);
  for (struct cmsghdr *each = CMSG_FIRSTHDR(&message); each; each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != SOL_SOCKET) continue;
    if (each->cmsg_type == SCM_RIGHTS || each->cmsg_type == SCM_PIDFD) close_all(each);
    if (each->cmsg_type != SCM_CREDENTIALS) continue;
    struct ucred from;
    memcpy(&from, CMSG_DATA(each), sizeof from);
    sender->is_known = 1;
    sender->pid = from.pid;
    sender->uid = from.uid;
    sender->gid = from.gid;
  }
  return got;
}

int ipc_set_receives_credentials(int socket, int on) {
  return setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0 ? -errno : 0;
}
