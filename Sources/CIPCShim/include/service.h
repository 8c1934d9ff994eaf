// What systemd and a service that it started say to each other, by libsystemd, which is loaded when there is something
// to say.

#ifndef CIPCSHIM_SERVICE_H
#define CIPCSHIM_SERVICE_H

#include "base.h"

// MARK: activation.c — what was handed over

// sd_listen_fds_with_names(3) with the variables unset: how many descriptors were inherited, from number 3 on.
// `names` is then an array of that many strings, to be given to ipc_free_names. Without LISTEN_FDS nothing is loaded.
// -ENOPKG: LISTEN_FDS is for this process, and libsystemd.so.0 cannot be loaded.
int ipc_listen_descriptors(char *IPC_NULLABLE *IPC_NULLABLE *IPC_NONNULL names);
void ipc_free_names(char *IPC_NULLABLE *IPC_NULLABLE names, int count);
// getpeername(2): whether a socket is connected, though its peer may have gone.
int ipc_has_peer(int socket);

// MARK: notification.c — what is told

// sd_pid_notify_with_fds(3): 1 when it was sent. 0 without NOTIFY_SOCKET, or with an empty one, and nothing is loaded
// then. Blocks while the manager has too much unread. -ENOPKG: libsystemd.so.0 cannot be loaded.
int ipc_notify(const char *IPC_NONNULL state, const int *IPC_NULLABLE descriptors, unsigned int descriptor_count);

#endif
