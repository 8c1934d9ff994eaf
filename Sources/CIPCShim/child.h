// Between the clone and the exec: shared by the two halves of a spawn, and by nobody else.

#ifndef IPC_CHILD_H
#define IPC_CHILD_H

#include "CIPCShim.h"

// Everything the child needs, in one block of memory of its own, with its stack.
struct ipc_child {
  struct ipc_spawn spawn;
  int status;
};

// What the child does; it never returns. `child` is a struct ipc_child.
int ipc_child_main(void *child);

#endif
