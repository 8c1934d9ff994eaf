// Socket diagnostics: the one place where the kernel says which two Unix sockets belong together.

#define _GNU_SOURCE
#include "CIPCShim.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int ipc_diagnostics_open(void) {
  int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (descriptor < 0) return -errno;
  // The kernel answers within the call that asks; a limit all the same, so that nothing waits for ever.
  struct timeval limit = {.tv_sec = 2};
  if (setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0) {
    int error = -errno;
    close(descriptor);
    return error;
  }
  return descriptor;
}

int ipc_diagnostics_ask_unix(int diagnostics) {
  struct {
    struct nlmsghdr header;
    struct unix_diag_req request;
  } message = {
      .header = {.nlmsg_len = sizeof message, .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
      .request = {.sdiag_family = AF_UNIX, .udiag_states = ~0u,
                  .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN},
  };
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  ssize_t sent;
  do
    sent = sendto(diagnostics, &message, sizeof message, 0, (struct sockaddr *)&kernel, sizeof kernel);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : 0;
}

int64_t ipc_diagnostics_receive(int diagnostics, void *buffer, size_t capacity) {
  struct sockaddr_nl sender = {0};
  struct iovec room = {.iov_base = buffer, .iov_len = capacity};
  struct msghdr message = {.msg_name = &sender, .msg_namelen = sizeof sender, .msg_iov = &room, .msg_iovlen = 1};
  for (;;) {
    ssize_t size = recvmsg(diagnostics, &message, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return -errno;
    // Another process could send to this socket as well.
    if (sender.nl_pid != 0) continue;
    return message.msg_flags & MSG_TRUNC ? -EMSGSIZE : size;
  }
}
