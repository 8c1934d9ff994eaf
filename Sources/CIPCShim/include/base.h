// What every part of the shim's interface needs.

#ifndef CIPCSHIM_BASE_H
#define CIPCSHIM_BASE_H

#ifndef __linux__
#error "IPCKit is for Linux: it stands on epoll, pidfd, Unix sockets' ancillary data and systemd."
#endif

#include <stddef.h>
#include <stdint.h>

#if defined(__has_feature)
#if __has_feature(nullability)
#define IPC_NULLABLE _Nullable
#define IPC_NONNULL _Nonnull
#endif
#endif
#ifndef IPC_NULLABLE
#define IPC_NULLABLE
#define IPC_NONNULL
#endif

#endif
