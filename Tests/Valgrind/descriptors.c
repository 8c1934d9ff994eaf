// Any descriptor, and those that the kernel makes for one purpose: descriptor.c, counter.c, memory.c, event.c; and
// origin.c.

#define _GNU_SOURCE
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>

static void check_flags(int descriptor) {
  assert(ipc_is_close_on_exec(descriptor) == 1);
  assert(ipc_set_close_on_exec(descriptor, 0) == 0 && ipc_is_close_on_exec(descriptor) == 0);
  assert(ipc_set_close_on_exec(descriptor, 1) == 0 && ipc_is_close_on_exec(descriptor) == 1);
  assert(ipc_is_close_on_exec(CLOSED) == -EBADF && ipc_set_close_on_exec(CLOSED, 1) == -EBADF);
  assert(ipc_is_non_blocking(descriptor) == 0);
  assert(ipc_set_non_blocking(descriptor, 1) == 0 && ipc_is_non_blocking(descriptor) == 1);
  assert(ipc_set_non_blocking(descriptor, 1) == 0 && ipc_set_non_blocking(descriptor, 0) == 0);
  assert(ipc_is_non_blocking(CLOSED) == -EBADF && ipc_set_non_blocking(CLOSED, 1) == -EBADF);
  // An O_PATH descriptor has flags, and none of them can be set.
  int place = ipc_open_directory("/");
  assert(ipc_set_non_blocking(place, 1) == -EBADF);
  assert(ipc_close(place) == 0);
  assert(ipc_is_socket(descriptor) == 0 && ipc_is_socket(CLOSED) == -EBADF);
}

static int has_pipe_signal(void) {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGPIPE);
}

static void check_closed_peer(int writing) {
  // Ignored it is here from the beginning, and the answer is all that there is.
  assert(ipc_write(writing, "x", 1) == -EPIPE);
  // Where a signal would end the process, none comes.
  assert(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
  assert(ipc_write_without_signal(writing, "x", 1) == -EPIPE && !has_pipe_signal());
  // One that somebody else's write has left waiting is not ours to take.
  sigset_t signals, before;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  assert(sigprocmask(SIG_BLOCK, &signals, &before) == 0 && raise(SIGPIPE) == 0);
  assert(ipc_write_without_signal(writing, "x", 1) == -EPIPE && has_pipe_signal());
  int number;
  assert(sigwait(&signals, &number) == 0 && number == SIGPIPE);
  assert(sigprocmask(SIG_SETMASK, &before, NULL) == 0);
  assert(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
}

static void check_waits(int reading, int writing) {
  char byte;
  assert(ipc_poll(reading, IPC_READABLE, 0) == 0 && ipc_poll(reading, IPC_READABLE, 1000) == 0);
  assert(ipc_poll(writing, IPC_WRITABLE, -1) == (int)IPC_WRITABLE);
  assert(ipc_poll(CLOSED, IPC_READABLE, -1) == POLLNVAL);
  begin_interrupting(-1);
  assert(ipc_poll(reading, IPC_READABLE, -1) == -EINTR);
  end_interrupting();
  // Interrupted once, and then there is something.
  begin_interrupting(writing);
  assert(ipc_read(reading, &byte, 1) == 1 && byte == '!');
  end_interrupting();
}

void check_descriptors(void) {
  int null = ipc_open_null(), ends[2];
  char text[4] = "";
  assert(null >= 0 && WITHOUT_ROOM(ipc_open_null()) == -EMFILE);
  assert(ipc_write(null, "lost", 4) == 4 && ipc_read(null, text, 4) == 0);
  int copy = ipc_duplicate(null, 100);
  assert(copy >= 100 && ipc_duplicate(CLOSED, 0) == -EBADF && WITHOUT_ROOM(ipc_duplicate(null, 0)) == -EMFILE);
  assert(ipc_redirect(null, copy) == 0 && ipc_is_close_on_exec(copy) == 0 && ipc_redirect(CLOSED, copy) == -EBADF);
  assert(ipc_close(copy) == 0 && ipc_close(copy) == -EBADF);
  assert(ipc_pipe(ends, 0) == 0);
  check_flags(ends[0]);
  check_waits(ends[0], ends[1]);
  assert(ipc_write(ends[1], "abc", 3) == 3 && ipc_write_without_signal(ends[1], "d", 1) == 1);
  assert(ipc_read(ends[0], text, 4) == 4 && memcmp(text, "abcd", 4) == 0);
  assert(ipc_read(ends[1], text, 4) == -EBADF && ipc_write(ends[0], text, 4) == -EBADF);
  assert(ipc_close(ends[0]) == 0);
  assert(ipc_poll(ends[1], IPC_WRITABLE, 0) == (int)(IPC_WRITABLE | IPC_ERROR));
  check_closed_peer(ends[1]);
  assert(ipc_close(ends[1]) == 0 && ipc_write_without_signal(CLOSED, "x", 1) == -EBADF);
  assert(ipc_pipe(ends, 1) == 0 && ipc_read(ends[0], text, 1) == -EAGAIN);
  assert(ipc_close(ends[1]) == 0 && ipc_close(ends[0]) == 0);
  assert(WITHOUT_ROOM(ipc_pipe(ends, 0)) == -EMFILE);
  assert(ipc_close(null) == 0);
}

void check_counters(void) {
  uint64_t count = 0;
  int one = ipc_eventfd(2, 1), all = ipc_eventfd(0, 0);
  assert(one >= 0 && all >= 0 && WITHOUT_ROOM(ipc_eventfd(0, 0)) == -EMFILE);
  assert(ipc_take_count(one, &count) == 1 && count == 1);
  assert(ipc_add_count(all, 5) == 0 && ipc_add_count(all, 6) == 0);
  assert(ipc_take_count(all, &count) == 1 && count == 11 && ipc_take_count(all, &count) == 0);
  assert(ipc_add_count(all, UINT64_MAX) == -EINVAL && ipc_add_count(CLOSED, 1) == -EBADF);
  assert(ipc_take_count(CLOSED, &count) == -EBADF);
  int timer = ipc_timerfd();
  assert(timer >= 0 && WITHOUT_ROOM(ipc_timerfd()) == -EMFILE);
  assert(ipc_take_count(timer, &count) == 0);
  int64_t now = ipc_monotonic_now();
  assert(now > 0 && ipc_set_timerfd(timer, now + 1000, 0) == 0);
  assert(ipc_poll(timer, IPC_READABLE, -1) == (int)IPC_READABLE && ipc_take_count(timer, &count) == 1 && count == 1);
  assert(ipc_monotonic_now() >= now + 1000);
  assert(ipc_set_timerfd(timer, 1, 1000000000000) == 0 && ipc_set_timerfd(timer, -1, 0) == -EINVAL);
  assert(ipc_set_timerfd(CLOSED, 1, 0) == -EBADF && ipc_set_timerfd(one, 1, 0) == -EINVAL);
  assert(ipc_close(timer) == 0 && ipc_close(all) == 0 && ipc_close(one) == 0);
}

void check_memory(void) {
  enum { SIZE = 8192 };
  char text[8] = "";
  int file = ipc_memory_file("watched");
  assert(file >= 0 && WITHOUT_ROOM(ipc_memory_file("watched")) == -EMFILE);
  char name[300];
  memset(name, 'n', sizeof name - 1);
  name[sizeof name - 1] = 0;
  assert(ipc_memory_file(name) == -EINVAL);
  assert(ipc_size(file) == 0 && ipc_resize(file, SIZE) == 0 && ipc_size(file) == SIZE);
  assert(ipc_size(CLOSED) == -EBADF && ipc_resize(CLOSED, 1) == -EBADF && ipc_resize(file, -1) == -EINVAL);
  assert(ipc_write_at(file, "content", 7, 100) == 7 && ipc_read_at(file, text, 7, 100) == 7);
  assert(memcmp(text, "content", 7) == 0 && ipc_read_at(file, text, 7, SIZE) == 0);
  assert(ipc_read_at(CLOSED, text, 1, 0) == -EBADF && ipc_write_at(file, text, 1, -1) == -EINVAL);
  void *place = NULL, *other = NULL;
  assert(ipc_map(file, SIZE, 1, &place) == 0 && memcmp((char *)place + 100, "content", 7) == 0);
  assert(ipc_map(file, SIZE, 0, &other) == 0);
  ((char *)place)[100] = 'C';
  assert(((char *)other)[100] == 'C' && ipc_map(CLOSED, SIZE, 0, &place) == -EBADF);
  assert(ipc_discard(place, SIZE) == 0 && ((char *)other)[100] == 0 && ipc_discard((char *)place + 1, SIZE) == -EINVAL);
  assert(ipc_unmap(other, SIZE) == 0 && ipc_unmap(place, SIZE) == 0 && ipc_unmap((char *)place + 1, SIZE) == -EINVAL);
  assert(ipc_seals(file) >= 0 && ipc_add_seals(file, F_SEAL_WRITE | F_SEAL_SEAL) == 0);
  assert((ipc_seals(file) & F_SEAL_WRITE) && ipc_add_seals(file, F_SEAL_GROW) == -EPERM);
  assert(ipc_write_at(file, "x", 1, 0) == -EPERM && ipc_seals(0) == -EINVAL && ipc_add_seals(CLOSED, 0) == -EBADF);
  assert(ipc_close(file) == 0);
}

void check_events(void) {
  struct ipc_event events[4];
  int epoll = ipc_epoll_create(), ends[2];
  assert(epoll >= 0 && WITHOUT_ROOM(ipc_epoll_create()) == -EMFILE && ipc_pipe(ends, 1) == 0);
  assert(ipc_epoll_add(epoll, ends[0], IPC_READABLE | IPC_EDGE_TRIGGERED, 0x1122334455667788) == 0);
  assert(ipc_epoll_add(epoll, ends[0], IPC_READABLE, 1) == -EEXIST && ipc_epoll_add(epoll, CLOSED, 1, 1) == -EBADF);
  assert(ipc_epoll_wait(epoll, events, 4, 0) == 0 && ipc_epoll_wait(epoll, events, 4, 1000000) == 0);
  begin_interrupting(-1);
  assert(ipc_epoll_wait(epoll, events, 4, -1) == 0);
  end_interrupting();
  assert(ipc_write(ends[1], "x", 1) == 1 && ipc_epoll_wait(epoll, events, 4, -1) == 1);
  assert(events[0].events == IPC_READABLE && events[0].data_low == 0x55667788 && events[0].data_high == 0x11223344);
  assert(ipc_epoll_wait(epoll, events, 4, 0) == 0 && ipc_epoll_modify(epoll, ends[0], IPC_READABLE, 7) == 0);
  assert(ipc_epoll_wait(epoll, events, 4, -1) == 1 && events[0].data_low == 7 && events[0].data_high == 0);
  assert(ipc_epoll_modify(epoll, ends[1], IPC_READABLE, 7) == -ENOENT);
  assert(ipc_epoll_remove(epoll, ends[0]) == 0 && ipc_epoll_remove(epoll, ends[0]) == -ENOENT);
  assert(ipc_epoll_wait(epoll, events, 4, 0) == 0 && ipc_epoll_wait(epoll, events, 0, 0) == -EINVAL);
  assert(ipc_epoll_wait(CLOSED, events, 4, 0) == -EBADF);
  assert(ipc_close(ends[0]) == 0 && ipc_close(ends[1]) == 0 && ipc_close(epoll) == 0);
}

void check_origins(void) {
  const char *file = NULL;
  uint32_t line = 0;
  int null = ipc_open_null();
  assert(!ipc_records_origins());
  ipc_record_origin(null, "nobody asked", 1);
  assert(ipc_origin(null, &file, &line) == 0);
  ipc_set_records_origins(1);
  assert(ipc_records_origins());
  ipc_record_origin(null, "descriptors.c", 4);
  ipc_record_origin(1000, "far above", 5);
  ipc_record_origin(-1, "none", 6);
  assert(ipc_origin(null, &file, &line) == 1 && strcmp(file, "descriptors.c") == 0 && line == 4);
  assert(ipc_origin(1000, &file, &line) == 1 && line == 5 && ipc_origin(999, &file, &line) == 0);
  assert(ipc_origin(-1, &file, &line) == 0 && ipc_origin(100000, &file, &line) == 0);
  ipc_forget_origin(1000);
  ipc_forget_origin(100000);
  ipc_forget_origin(-1);
  assert(ipc_origin(1000, &file, &line) == 0 && ipc_close(null) == 0 && ipc_origin(null, &file, &line) == 0);
  ipc_set_records_origins(0);
  assert(!ipc_records_origins());
}
