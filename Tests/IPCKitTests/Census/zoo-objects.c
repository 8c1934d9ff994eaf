// What the kernel hands out that has no path: events, timers, processes, memory, rings and the like.

#define _GNU_SOURCE
#include "zoo.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/landlock.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

static int timer(void) {
  int number = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  const struct itimerspec hours = {.it_value.tv_sec = 7200, .it_interval.tv_sec = 3600};
  if (number >= 0 && timerfd_settime(number, 0, &hours, NULL) < 0) abort();
  return number;
}

static int signals(void) {
  sigset_t both;
  sigemptyset(&both);
  sigaddset(&both, SIGUSR1);
  sigaddset(&both, SIGUSR2);
  return signalfd(-1, &both, SFD_CLOEXEC);
}

static int notifications(void) {
  int number = inotify_init1(IN_CLOEXEC);
  if (number < 0) return number;
  if (inotify_add_watch(number, directory, IN_CREATE) < 0 || inotify_add_watch(number, "/", IN_CREATE) < 0) abort();
  return number;
}

static int access_notifications(void) {
  int number = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY);
  if (number >= 0 && fanotify_mark(number, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, directory) < 0) abort();
  return number;
}

static int ended_process(void) {
  pid_t child = fork();
  if (child == 0) _exit(3);
  int number = (int)syscall(SYS_pidfd_open, child, 0), error = errno;
  waitpid(child, NULL, 0);
  errno = error;
  return number;
}

static int memory(void) {
  int number = memfd_create("zoo", MFD_CLOEXEC);
  if (number >= 0 && ftruncate(number, 4096) < 0) abort();
  return number;
}

static int ring(void) {
  struct io_uring_params parameters = {0};
  return (int)syscall(SYS_io_uring_setup, 8, &parameters);
}

static int page_faults(void) { return (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY); }

static int map(void) {
  union bpf_attr attributes = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 2};
  return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes);
}

static int counter(void) {
  struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE, .size = sizeof attributes, .exclude_kernel = 1};
  attributes.config = PERF_COUNT_SW_CONTEXT_SWITCHES;
  return (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static int rules(void) {
  const struct landlock_ruleset_attr attributes = {.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE};
  return (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
}

static int file_system(void) { return (int)syscall(SYS_fsopen, "tmpfs", 1); }

static int messages(void) {
  char name[32];
  snprintf(name, sizeof name, "/zoo-%d", getpid());
  struct mq_attr attributes = {.mq_maxmsg = 2, .mq_msgsize = 16};
  int number = mq_open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600, &attributes);
  // Without a name it ends with the process.
  if (number >= 0 && (mq_send(number, "bytes", 5, 0) < 0 || mq_unlink(name) < 0)) abort();
  return number;
}

static const struct {
  const char *kind, *detail;
  int (*make)(void);
} objects[] = {
  {"signalfd", "signals=USR1,USR2", signals},
  {"inotify", "watches=2", notifications},
  {"fanotify", "marks=1", access_notifications},
  {"pidfd-ended", "status=3", ended_process},
  {"memfd", "name=zoo size=4096", memory},
  {"io_uring", "entries=8", ring},
  {"userfaultfd", "user-mode-only", page_faults},
  {"bpf-map", "type=array entries=2", map},
  {"perf-event", "context-switches", counter},
  {"landlock", "ruleset", rules},
  {"fscontext", "type=tmpfs", file_system},
  {"mqueue", "queued=5", messages},
};

void make_kernel_objects(pid_t child) {
  for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
    made(objects[i].make(), objects[i].kind, "%s", objects[i].detail);
  made((int)syscall(SYS_pidfd_open, child, 0), "pidfd", "process=%d", child);

  // An epoll that watches two others of these.
  int event = made(eventfd(5, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd", "count=5"), clock = timer();
  made(clock, "timerfd", "clock=monotonic value=7200 interval=3600");
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  for (const int *each = (int[]){event, clock, -1}; *each >= 0; each++) {
    struct epoll_event interest = {.events = EPOLLIN, .data.fd = *each};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, *each, &interest) < 0) abort();
  }
  made(epoll, "epoll", "watches=%d,%d", event, clock);
}
