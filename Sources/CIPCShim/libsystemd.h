// Functions of libsystemd's, found when there is something to ask it.

#ifndef IPC_LIBSYSTEMD_H
#define IPC_LIBSYSTEMD_H

// Loads the library, if it is not loaded yet: NULL when it cannot be, or has no such function.
void *ipc_libsystemd_function(const char *name);

#endif
