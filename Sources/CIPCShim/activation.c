// Inherited sockets, by libsystemd itself.
//
// libsystemd brings five libraries with it, half a millisecond at every start. It is loaded only when LISTEN_FDS says
// that there is something to take, so that a client never pays for it and a machine without it still runs.

#define _GNU_SOURCE
#include "CIPCShim.h"
#include "libsystemd.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

// SD_LISTEN_FDS_START.
enum { first_descriptor = 3 };

typedef int listen_fds_with_names(int unset_environment, char ***names);

void *ipc_libsystemd_function(const char *name) {
  // Never closed again: it registers handlers of its own.
  void *library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
  return library == NULL ? NULL : dlsym(library, name);
}

// What managers newer than the one that this was tested with set beside LISTEN_PID, and older libraries leave there.
static const char process_identity[] = "LISTEN_PIDFDID";

int ipc_listen_descriptors(char ***names) {
  *names = NULL;
  const char *process = getenv("LISTEN_PID");
  if (getenv("LISTEN_FDS") == NULL || process == NULL || strtol(process, NULL, 10) != getpid()) {
    // Left over from somebody else, whose children are not ours to confuse either.
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDNAMES");
    unsetenv(process_identity);
    return 0;
  }
  listen_fds_with_names *take;
  *(void **)&take = ipc_libsystemd_function("sd_listen_fds_with_names");
  if (take == NULL) return -ENOPKG;
  long promised = strtol(getenv("LISTEN_FDS"), NULL, 10);
  int count = take(1, names);
  unsetenv(process_identity);
  // What cannot be taken is ours all the same, and nobody else's to close.
  if (count < 0 && promised > 0 && promised <= INT_MAX - first_descriptor)
    close_range(first_descriptor, first_descriptor + (unsigned)promised - 1, 0);
  return count;
}

void ipc_free_names(char **names, int count) {
  if (names == NULL) return;
  for (int i = 0; i < count; i++) free(names[i]);
  free(names);
}

int ipc_has_peer(int socket) {
  struct sockaddr_storage name;
  socklen_t size = sizeof name;
  if (getpeername(socket, (struct sockaddr *)&name, &size) == 0) return 1;
  return errno == ENOTCONN ? 0 : -errno;
}
