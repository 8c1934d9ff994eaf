// Readiness: epoll.

#define _GNU_SOURCE
#include "CIPCShim.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Static_assert(IPC_READABLE == EPOLLIN && IPC_WRITABLE == EPOLLOUT && IPC_ERROR == EPOLLERR && IPC_HANGUP == EPOLLHUP &&
                   IPC_READ_HANGUP == EPOLLRDHUP && IPC_EDGE_TRIGGERED == EPOLLET,
               "epoll's events");

int ipc_epoll_create(void) {
  int descriptor = epoll_create1(EPOLL_CLOEXEC);
  return descriptor < 0 ? -errno : descriptor;
}

static int control(int epoll, int operation, int descriptor, uint32_t events, uint64_t data) {
  struct epoll_event event = {.events = events, .data.u64 = data};
  return epoll_ctl(epoll, operation, descriptor, &event) < 0 ? -errno : 0;
}

int ipc_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t data) {
  return control(epoll, EPOLL_CTL_ADD, descriptor, events, data);
}

int ipc_epoll_modify(int epoll, int descriptor, uint32_t events, uint64_t data) {
  return control(epoll, EPOLL_CTL_MOD, descriptor, events, data);
}

int ipc_epoll_remove(int epoll, int descriptor) { return control(epoll, EPOLL_CTL_DEL, descriptor, 0, 0); }

static int wait_for_events(int epoll, struct epoll_event *events, int capacity, int64_t nanoseconds) {
  if (nanoseconds < 0) return epoll_pwait2(epoll, events, capacity, NULL, NULL);
  struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  return epoll_pwait2(epoll, events, capacity, &limit, NULL);
}

#if defined(__x86_64__)
// The kernel packs its events there, so that they are ours byte for byte.
_Static_assert(sizeof(struct ipc_event) == sizeof(struct epoll_event) &&
                   offsetof(struct ipc_event, data_low) == offsetof(struct epoll_event, data),
               "an event's layout");

int ipc_epoll_wait(int epoll, struct ipc_event *events, int capacity, int64_t nanoseconds) {
  int count = wait_for_events(epoll, (struct epoll_event *)(void *)events, capacity, nanoseconds);
  return count >= 0 ? count : errno == EINTR ? 0 : -errno;
}
#else
int ipc_epoll_wait(int epoll, struct ipc_event *events, int capacity, int64_t nanoseconds) {
  enum { BATCH = 256 };
  struct epoll_event ready[BATCH];
  int count = wait_for_events(epoll, ready, capacity < BATCH ? capacity : BATCH, nanoseconds);
  if (count < 0) return errno == EINTR ? 0 : -errno;
  for (int i = 0; i < count; i++) {
    events[i].events = ready[i].events;
    events[i].data_low = (uint32_t)ready[i].data.u64;
    events[i].data_high = (uint32_t)(ready[i].data.u64 >> 32);
  }
  return count;
}
#endif
