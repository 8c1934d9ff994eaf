// A Unix socket's address, between its bytes and the kernel's structure: shared by those who bind, connect and send.

#ifndef IPC_ADDRESS_H
#define IPC_ADDRESS_H

#include "CIPCShim.h"

#include <sys/socket.h>
#include <sys/un.h>

// Answers the size to tell the kernel: an abstract name ends with it, a path with its NUL.
int ipc_address_fill(struct sockaddr_un *name, const uint8_t *address, size_t length);
// Answers how many bytes the address has that the kernel stored, and copies them.
int ipc_address_bytes(const struct sockaddr_un *name, socklen_t size, uint8_t address[IPC_ADDRESS_LIMIT]);

#endif
