// What can be done with any descriptor, and those that the kernel makes for one purpose.

#ifndef CIPCSHIM_DESCRIPTORS_H
#define CIPCSHIM_DESCRIPTORS_H

#include "base.h"

// MARK: descriptor.c — any descriptor

// close(2), called exactly once: Linux frees the number even when it reports an error.
int ipc_close(int descriptor);
// fcntl(F_DUPFD_CLOEXEC): the lowest free number that is at least `minimum`.
int ipc_duplicate(int descriptor, int minimum);
// dup2(2), without close-on-exec: for the standard streams of this process.
int ipc_redirect(int descriptor, int onto);
int64_t ipc_read(int descriptor, void *IPC_NONNULL buffer, size_t count);
int64_t ipc_write(int descriptor, const void *IPC_NONNULL bytes, size_t count);
// write(2) that answers a closed peer with EPIPE alone: a SIGPIPE it raises is taken back before anyone sees it.
int64_t ipc_write_without_signal(int descriptor, const void *IPC_NONNULL bytes, size_t count);
int ipc_is_close_on_exec(int descriptor);
int ipc_set_close_on_exec(int descriptor, int on);
int ipc_is_non_blocking(int descriptor);
int ipc_set_non_blocking(int descriptor, int on);
int ipc_is_socket(int descriptor);
int ipc_pipe(int ends[IPC_NONNULL 2], int non_blocking);
// open(2) of /dev/null, read and write.
int ipc_open_null(void);

// What a wait was for, and what came. The values are poll(2)'s and epoll(7)'s own.
#define IPC_READABLE 0x001u
#define IPC_WRITABLE 0x004u
#define IPC_ERROR 0x008u
#define IPC_HANGUP 0x010u
#define IPC_READ_HANGUP 0x2000u
#define IPC_EDGE_TRIGGERED 0x80000000u

// ppoll(2) of one descriptor. `nanoseconds` below 0: for ever. Answers the events, 0 when the time is over; -EINTR
// passes, except where nothing is waited for.
int ipc_poll(int descriptor, unsigned int events, int64_t nanoseconds);
// clock_gettime(CLOCK_MONOTONIC) in nanoseconds.
int64_t ipc_monotonic_now(void);

// MARK: counter.c — events and expirations, counted

// eventfd(EFD_CLOEXEC | EFD_NONBLOCK), with EFD_SEMAPHORE when each read is to take one.
int ipc_eventfd(unsigned int initial, int one_by_one);
// write(2) to an eventfd.
int ipc_add_count(int descriptor, uint64_t amount);
// read(2) of an eventfd or a timerfd: 1, or 0 when there is nothing to take.
int ipc_take_count(int descriptor, uint64_t *IPC_NONNULL count);
// timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK).
int ipc_timerfd(void);
// timerfd_settime(TFD_TIMER_ABSTIME), in nanoseconds: 0 as the first is never, 0 as the interval is once.
int ipc_set_timerfd(int descriptor, int64_t first, int64_t interval);

// MARK: memory.c — files in memory

// memfd_create(MFD_CLOEXEC | MFD_ALLOW_SEALING).
int ipc_memory_file(const char *IPC_NONNULL name);
// fstat(2): bytes.
int64_t ipc_size(int descriptor);
// ftruncate(2).
int ipc_resize(int descriptor, int64_t size);
int64_t ipc_read_at(int descriptor, void *IPC_NONNULL buffer, size_t count, int64_t offset);
int64_t ipc_write_at(int descriptor, const void *IPC_NONNULL bytes, size_t count, int64_t offset);
// fcntl(F_GET_SEALS): the kernel's bits.
int ipc_seals(int descriptor);
int ipc_add_seals(int descriptor, int seals);
// mmap(2) with MAP_SHARED, from the beginning.
int ipc_map(int descriptor, size_t size, int writable, void *IPC_NULLABLE *IPC_NONNULL address);
// madvise(MADV_REMOVE), of whole pages.
int ipc_discard(void *IPC_NONNULL address, size_t size);
int ipc_unmap(void *IPC_NONNULL address, size_t size);

// MARK: event.c — readiness

struct ipc_event {
  uint32_t events;
  uint32_t data_low;
  uint32_t data_high;
};
int ipc_epoll_create(void);
int ipc_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t data);
int ipc_epoll_modify(int epoll, int descriptor, uint32_t events, uint64_t data);
int ipc_epoll_remove(int epoll, int descriptor);
// epoll_pwait2(2). `nanoseconds` below 0: for ever. Answers how many events were stored; EINTR counts as none.
int ipc_epoll_wait(int epoll, struct ipc_event *IPC_NONNULL events, int capacity, int64_t nanoseconds);

#endif
