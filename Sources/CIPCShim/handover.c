// How a child gets its descriptors without a copy of all that its parent has: the parent's side.
//
// A child of clone(2) gets a copy of its parent's table, and must close what is in it: a server with a thousand clients
// would pay for each of them whenever it starts a program. So the child shares the table at first, and its first act is a
// table of its own with only the low numbers in it. What it needs has a high number, because all are taken: it is sent
// ahead into a pair of sockets that have stood there, low, from the beginning.
//
// One child at a time: who finds the way taken makes a copy, as does whoever has the pair from a fork(2) and shares it
// with another process. A child of whose death nobody took note would block the way, and what is on the way to it keeps
// the status pipe open; so the parent looks now and then, and takes it back.

#define _GNU_SOURCE
#include "child.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// A table with fewer numbers than this is copied and cleared in the time that the way round takes. The status pipe has the
// number of the latest descriptor.
enum { FEW = 128 };

static void give_back(struct ipc_handover *handover) { __atomic_store_n(&handover->claim, 0, __ATOMIC_RELEASE); }

// Whether the child needs the terminal and the status pipe alone, which is what can be sent.
static int has_terminal_alone(const struct ipc_spawn *spawn) {
  for (int i = 0; i < spawn->placement_count; i++)
    if (spawn->placements[i].source != IPC_TERMINAL_SIDE) return 0;
  return spawn->terminal >= 0;
}

int ipc_handover_send(struct ipc_child *child) {
  struct ipc_handover *handover = child->spawn.handover;
  uintptr_t nobody = 0;
  if (!handover || child->status < FEW || handover->process != getpid()) return 0;
  if (!has_terminal_alone(&child->spawn)) return 0;
  if (!__atomic_compare_exchange_n(&handover->claim, &nobody, (uintptr_t)child, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
    return 0;
  const int numbers[2] = {child->spawn.terminal, child->status};
  struct iovec content = {"", 1};
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof numbers)];
  } control = {.header = {.cmsg_len = CMSG_LEN(sizeof numbers), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
  memcpy(CMSG_DATA(&control.header), numbers, sizeof numbers);
  struct msghdr message = {
      .msg_iov = &content, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  // Refused where the user has too much on its way already.
  if (sendmsg(handover->sending, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1) return 1;
  give_back(handover);
  return 0;
}

int ipc_handover_is_pending(const struct ipc_child *child) {
  const struct ipc_handover *handover = child->spawn.handover;
  return handover && __atomic_load_n(&handover->claim, __ATOMIC_ACQUIRE) == (uintptr_t)child;
}

void ipc_handover_take_back(struct ipc_child *child) {
  if (!ipc_handover_is_pending(child)) return;
  int taken[2];
  int result = ipc_handover_receive(child->spawn.handover->receiving, taken);
  // Nothing comes when the child had received them and got no further. Anything else would leave them for the next child:
  // the way stays closed then.
  if (result < 0 && result != -EAGAIN && result != -EMFILE) return;
  for (int i = 0; i < 2; i++)
    if (taken[i] >= 0) close(taken[i]);
  give_back(child->spawn.handover);
}
