// What of ancillary data glibc 2.36 does not know yet.

#ifndef IPC_ANCILLARY_H
#define IPC_ANCILLARY_H

#include <sys/socket.h>

// The pidfd of a message's sender, on a socket that SO_PASSPIDFD was set on. Linux 6.5.
#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04
#endif

#endif
