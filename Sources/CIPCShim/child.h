// Between the clone and the exec: shared by the two halves of a spawn, and by nobody else.

#ifndef IPC_CHILD_H
#define IPC_CHILD_H

#include "CIPCShim.h"

// Everything the child needs, in one block of memory of its own, with its stack.
struct ipc_child {
  struct ipc_spawn spawn;
  int status;
  // What went wrong before the child had a status pipe to tell it through; step 0: nothing.
  struct ipc_spawn_failure failure;
};

// What the child does; it never returns. `child` is a struct ipc_child.
int ipc_child_main(void *child);

// Takes two descriptors out of a handover's socket, without the C library. Answers 0, or the negated errno; whichever
// did not come is -1.
int ipc_handover_receive(int socket, int taken[2]);
// Sends the child's terminal and status pipe ahead of it: whether it did. If not, the child needs a copy of the table.
int ipc_handover_send(struct ipc_child *child);
// Takes back what a child that has ended did not take.
void ipc_handover_take_back(struct ipc_child *child);
// Whether what was sent is still on its way to this child.
int ipc_handover_is_pending(const struct ipc_child *child);

#endif
