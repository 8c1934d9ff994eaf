// Inherited sockets, by libsystemd itself.
//
// libsystemd brings five libraries with it, half a millisecond at every start. It is loaded only when LISTEN_FDS says
// that there is something to take, so that a client never pays for it and a machine without it still runs.

#define _GNU_SOURCE
#include "CIPCShim.h"
#include "libsystemd.h"

#include <dlfcn.h>
#include <errno.h>
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

// The end of those that may have been handed over: none of them is closed when a program begins, or on its way to another.
static int end_of_inherited(long promised) {
  int end = first_descriptor;
  while (end - first_descriptor < promised && ipc_is_close_on_exec(end) == 0) end++;
  return end;
}

int ipc_listen_descriptors(char ***names) {
  *names = NULL;
  const char *process = getenv("LISTEN_PID"), *number = getenv("LISTEN_FDS");
  if (number == NULL || process == NULL || strtol(process, NULL, 10) != getpid()) {
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
  int end = end_of_inherited(strtol(number, NULL, 10));
  int count = take(1, names);
  unsetenv(process_identity);
  // What cannot be taken is nobody else's to close.
  for (int descriptor = first_descriptor; count < 0 && descriptor < end; descriptor++) close(descriptor);
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
