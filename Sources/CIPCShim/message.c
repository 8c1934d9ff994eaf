// Messages: bytes that descriptors travel with, as ancillary data of a Unix socket.
//
// Whatever the kernel has put into this process's table is answered, however the message was cut: what is not answered
// could never be closed.

#define _GNU_SOURCE
#include "CIPCShim.h"
#include "ancillary.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

_Static_assert(IPC_SPARE_DESCRIPTORS * sizeof(int) == IPC_MORE_ANCILLARY + sizeof(int),
               "what the room holds, and an odd one that alignment has room for");

int64_t ipc_send_descriptors(int socket, const void *bytes, size_t count, const int *descriptors, int descriptor_count) {
  struct iovec content = {(void *)bytes, count};
  struct msghdr message = {.msg_iov = &content, .msg_iovlen = 1};
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(IPC_MOST_DESCRIPTORS * sizeof(int))];
  } control;
  if (descriptor_count < 0 || descriptor_count > IPC_MOST_DESCRIPTORS) return -EINVAL;
  if (descriptor_count > 0) {
    size_t size = (size_t)descriptor_count * sizeof(int);
    control.header.cmsg_len = CMSG_LEN(size);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(&control.header), descriptors, size);
    message.msg_control = &control;
    // Up to the last of them: the room that aligns another header has nothing in it.
    message.msg_controllen = CMSG_LEN(size);
  }
  ssize_t put;
  do
    put = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (put < 0 && errno == EINTR);
  return put < 0 ? -errno : put;
}

// Collects what came with a message; the pidfd of a socket that somebody set SO_PASSPIDFD on is nobody's here.
static int take_descriptors(struct msghdr *message, int *descriptors) {
  int taken = 0;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
    if (header->cmsg_level != SOL_SOCKET) continue;
    if (header->cmsg_type == SCM_PIDFD) {
      int pidfd;
      memcpy(&pidfd, CMSG_DATA(header), sizeof pidfd);
      if (pidfd >= 0) close(pidfd);
    } else if (header->cmsg_type == SCM_RIGHTS) {
      size_t size = header->cmsg_len - CMSG_LEN(0);
      memcpy(descriptors + taken, CMSG_DATA(header), size);
      taken += (int)(size / sizeof(int));
    }
  }
  return taken;
}

int64_t ipc_receive_descriptors(int socket, void *bytes, size_t count, int *descriptors, int most,
                                struct ipc_arrival *arrival) {
  struct iovec content = {bytes, count};
  struct msghdr message = {.msg_iov = &content, .msg_iovlen = 1};
  // With room for what else a socket may be set to tell, so that descriptors are cut for their number alone.
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(IPC_MOST_DESCRIPTORS * sizeof(int)) + IPC_MORE_ANCILLARY];
  } control;
  if (most < 0 || most > IPC_MOST_DESCRIPTORS) return -EINVAL;
  // For none too: without any room, a cut would not tell descriptors from what else was not asked for.
  message.msg_control = &control;
  message.msg_controllen = CMSG_SPACE((size_t)most * sizeof(int)) + IPC_MORE_ANCILLARY;
  ssize_t got;
  do
    got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_TRUNC | MSG_DONTWAIT);
  while (got < 0 && errno == EINTR);
  if (got < 0) return -errno;
  arrival->descriptors = take_descriptors(&message, descriptors);
  arrival->lacks_descriptors = (message.msg_flags & MSG_CTRUNC) != 0;
  return got;
}

int ipc_set_takes_descriptors(int socket, int on) {
  return setsockopt(socket, SOL_SOCKET, SO_PASSRIGHTS, &on, sizeof on) < 0 ? -errno : 0;
}
