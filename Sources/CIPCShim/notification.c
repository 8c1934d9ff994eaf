// Messages to the service manager, by libsystemd itself: it knows every kind of address that a manager may have.

#define _GNU_SOURCE
#include "CIPCShim.h"
#include "libsystemd.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/types.h>

typedef int notify_with_fds(pid_t process, int unset_environment, const char *state, const int *descriptors,
                            unsigned int descriptor_count);

int ipc_notify(const char *state, const int *descriptors, unsigned int descriptor_count) {
  const char *manager = getenv("NOTIFY_SOCKET");
  if (manager == NULL || *manager == 0) return 0;
  notify_with_fds *notify;
  *(void **)&notify = ipc_libsystemd_function("sd_pid_notify_with_fds");
  if (notify == NULL) return -ENOPKG;
  int result;
  do
    result = notify(0, 0, state, descriptors, descriptor_count);
  while (result == -EINTR);
  return result;
}
