// Descriptors that count: events that were added, and expirations of a timer.

#define _GNU_SOURCE
#include "CIPCShim.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int ipc_eventfd(unsigned int initial, int one_by_one) {
  int descriptor = eventfd(initial, EFD_CLOEXEC | EFD_NONBLOCK | (one_by_one ? EFD_SEMAPHORE : 0));
  return descriptor < 0 ? -errno : descriptor;
}

int ipc_add_count(int descriptor, uint64_t amount) {
  ssize_t put;
  do
    put = write(descriptor, &amount, sizeof amount);
  while (put < 0 && errno == EINTR);
  return put < 0 ? -errno : 0;
}

int ipc_take_count(int descriptor, uint64_t *count) {
  ssize_t got;
  do
    got = read(descriptor, count, sizeof *count);
  while (got < 0 && errno == EINTR);
  if (got < 0) return errno == EAGAIN ? 0 : -errno;
  return 1;
}

int ipc_timerfd(void) {
  int descriptor = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  return descriptor < 0 ? -errno : descriptor;
}

static struct timespec time_of(int64_t nanoseconds) {
  return (struct timespec){nanoseconds / 1000000000, nanoseconds % 1000000000};
}

int ipc_set_timerfd(int descriptor, int64_t first, int64_t interval) {
  struct itimerspec times = {.it_interval = time_of(interval), .it_value = time_of(first)};
  return timerfd_settime(descriptor, TFD_TIMER_ABSTIME, &times, NULL) < 0 ? -errno : 0;
}
