// What a service manager hands over and is told, with libsystemd itself: activation.c, notification.c.

#define _GNU_SOURCE
#include "check.h"

#include <stdio.h>

static void set(const char *name, const char *value) { assert(setenv(name, value, 1) == 0); }

void check_activation(void) {
  char **names = (char **)&names, own[24];
  int ends[2];
  assert(unsetenv("LISTEN_FDS") == 0 && ipc_listen_descriptors(&names) == 0 && names == NULL);
  ipc_free_names(names, 0);
  // Somebody else's, which nobody is to find after this.
  set("LISTEN_FDS", "1");
  set("LISTEN_PID", "1");
  assert(ipc_listen_descriptors(&names) == 0 && names == NULL && !getenv("LISTEN_FDS") && !getenv("LISTEN_PID"));
  // Two that are for this process: systemd counts from number 3, and the first two that are made have these numbers.
  assert(ipc_socket_pair(IPC_STREAM, 0, ends) == 0 && ends[0] == 3 && ends[1] == 4);
  snprintf(own, sizeof own, "%d", (int)getpid());
  set("LISTEN_FDS", "2");
  set("LISTEN_PID", own);
  set("LISTEN_FDNAMES", "first:second");
  assert(ipc_listen_descriptors(&names) == 2 && strcmp(names[0], "first") == 0 && strcmp(names[1], "second") == 0);
  assert(names[2] == NULL && !getenv("LISTEN_FDNAMES"));
  ipc_free_names(names, 2);
  assert(ipc_listen_descriptors(&names) == 0 && names == NULL);
  set("LISTEN_FDS", "many");
  set("LISTEN_PID", own);
  assert(ipc_listen_descriptors(&names) == -EINVAL);
  assert(ipc_is_close_on_exec(3) == 1 && ipc_close(ends[0]) == 0 && ipc_close(ends[1]) == 0);
}

void check_notification(void) {
  int ends[2], manager = ipc_unix_socket(IPC_DATAGRAM, 1), number;
  struct ipc_arrival arrival;
  char text[16] = "";
  assert(unsetenv("NOTIFY_SOCKET") == 0 && ipc_notify("READY=1", NULL, 0) == 0);
  set("NOTIFY_SOCKET", "");
  assert(ipc_notify("READY=1", NULL, 0) == 0 && ipc_socket_pair(IPC_STREAM, 1, ends) == 0);
  assert(ipc_bind(manager, (const uint8_t *)"\0watched manager", 16, 0600) == 0);
  set("NOTIFY_SOCKET", "@watched manager");
  assert(ipc_notify("READY=1", NULL, 0) == 1 && ipc_receive_message(manager, text, sizeof text) == 7);
  assert(memcmp(text, "READY=1", 7) == 0 && ipc_notify("FDSTORE=1", &ends[0], 1) == 1);
  assert(ipc_has_peer(ends[0]) == 1 && ipc_has_peer(manager) == 0 && ipc_has_peer(0) == -ENOTSOCK);
  int received[1 + IPC_SPARE_DESCRIPTORS];
  assert(ipc_receive_descriptors(manager, text, sizeof text, received, 1, &arrival) == 9 && arrival.descriptors == 1);
  number = received[0];
  assert(ipc_has_peer(number) == 1 && ipc_close(number) == 0 && ipc_has_peer(CLOSED) == -EBADF);
  assert(ipc_close(manager) == 0 && ipc_notify("READY=1", NULL, 0) == -ECONNREFUSED);
  assert(unsetenv("NOTIFY_SOCKET") == 0 && ipc_close(ends[0]) == 0 && ipc_close(ends[1]) == 0);
}
