// The system calls that Swift on Linux cannot make, as plain functions.
//
// Glibc's Swift module has no accept4, epoll, pidfd, ancillary data or ioctl with a struct, and its macros do not import.
// So each is wrapped here in a function of this project's own plain types: no glibc header is re-exported, and
// _GNU_SOURCE stays in the .c files, where it cannot disagree with the module that Swift already built.
//
// Errors: a function that can fail returns its result (0 or more), or the negated errno. Nothing is retried but EINTR,
// and EINTR only where no time limit is involved. Every descriptor is born close-on-exec.

#ifndef CIPCSHIM_H
#define CIPCSHIM_H

#include "children.h"
#include "descriptors.h"
#include "sockets.h"
#include "terminals.h"

// MARK: activation.c — libsystemd, loaded when there is something to ask it

// sd_listen_fds_with_names(3) with the variables unset: how many descriptors were inherited, from number 3 on.
// `names` is then an array of that many strings, to be given to ipc_free_names. Without LISTEN_FDS nothing is loaded.
// -ENOPKG: LISTEN_FDS is for this process, and libsystemd.so.0 cannot be loaded.
int ipc_listen_descriptors(char *IPC_NULLABLE *IPC_NULLABLE *IPC_NONNULL names);
void ipc_free_names(char *IPC_NULLABLE *IPC_NULLABLE names, int count);

#endif
