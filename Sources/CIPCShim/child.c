// What a child does between clone and exec, while it shares its parent's memory and the parent goes on.
//
// Sharing saves copying the page tables and the faults that follow, a third of the whole cost of a window. The price:
// nothing here may write to memory that is not the child's own block, but for the claim that it gives back. errno is the
// parent's too, so the system calls are made without the C library, and their results are the negated errno.

#define _GNU_SOURCE
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__clang__)
// A sanitizer's checks keep their notes in memory that is the parent's: none in here.
#pragma clang attribute push(__attribute__((disable_sanitizer_instrumentation)), apply_to = function)
#endif

static long system_call(long number, long a, long b, long c, long d) {
#if defined(__x86_64__)
  register long r10 __asm__("r10") = d;
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
#else
#error "IPCKit spawns on x86-64 and AArch64: another machine needs its system call instruction here."
#endif
}

_Noreturn static void leave(void) {
  for (;;) system_call(SYS_exit_group, 127, 0, 0, 0);
}

_Noreturn static void fail(const struct ipc_child *child, int32_t step, long result) {
  struct ipc_spawn_failure failure = {step, (int32_t)-result};
  while (system_call(SYS_write, child->status, (long)&failure, sizeof failure, 0) == -EINTR) {
  }
  leave();
}

int ipc_handover_receive(int socket, int taken[2]) {
  char byte;
  struct iovec content = {&byte, 1};
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(2 * sizeof(int))];
  } control;
  // Each by itself: a compiler may clear a structure with memset(3), which is the C library's, or a sanitizer's.
  struct msghdr message;
  message.msg_name = NULL;
  message.msg_namelen = 0;
  message.msg_iov = &content;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof control;
  message.msg_flags = 0;
  // The kernel fills in as many as the process may still have.
  int *numbers = (int *)CMSG_DATA(&control.header);
  numbers[0] = numbers[1] = -1;
  long got = system_call(SYS_recvmsg, socket, (long)&message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT, 0);
  taken[0] = numbers[0];
  taken[1] = numbers[1];
  return got < 0 ? (int)got : taken[1] < 0 ? -EMFILE : 0;
}

// A table of the child's own, with no more in it than what has a low number and what the parent sent.
static long take_over(struct ipc_child *child) {
  struct ipc_handover *handover = child->spawn.handover;
  long result = system_call(SYS_close_range, handover->receiving + 1, ~0u, CLOSE_RANGE_UNSHARE, 0);
  // Where a filter of system calls refuses the flag: a copy of everything.
  if (result < 0) result = system_call(SYS_unshare, CLONE_FILES, 0, 0, 0);
  if (result < 0) return result;
  int taken[2];
  result = ipc_handover_receive(handover->receiving, taken);
  if (result < 0) return result;
  child->spawn.terminal = taken[0];
  child->status = taken[1];
  __atomic_store_n(&handover->claim, 0, __ATOMIC_RELEASE);
  return 0;
}

static void reset_signals(void) {
  // The kernel's structure: handler, flags, restorer, mask; all zero is SIG_DFL. Static, or memset(3) might be called to
  // make it so.
  static const unsigned long standard[4] = {0, 0, 0, 0};
  const uint64_t none = 0;
  for (int number = 1; number <= 64; number++) system_call(SYS_rt_sigaction, number, (long)standard, 0, sizeof none);
  system_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&none, 0, sizeof none);
}

static int is_placed(const struct ipc_spawn *spawn, long number) {
  for (int i = 0; i < spawn->placement_count; i++)
    if (spawn->placements[i].number == number) return 1;
  return 0;
}

// A copy under a number at which nothing is placed. Those in between are free: what the copy may have had is closed.
static long lift(const struct ipc_spawn *spawn, long descriptor) {
  for (long minimum = STDERR_FILENO + 1;;) {
    long copy = system_call(SYS_fcntl, descriptor, F_DUPFD_CLOEXEC, minimum, 0);
    if (copy < 0 || !is_placed(spawn, copy)) return copy;
    system_call(SYS_close, copy, 0, 0, 0);
    minimum = copy + 1;
  }
}

// The status pipe must stay until the program runs, so nothing may be placed at its number.
static void clear_status(struct ipc_child *child) {
  if (!is_placed(&child->spawn, child->status)) return;
  long copy = lift(&child->spawn, child->status);
  if (copy < 0) fail(child, IPC_SPAWN_DESCRIPTORS, copy);
  child->status = (int)copy;
}

// The terminal's other side, which becomes the controlling one; the source of all that the terminal is placed at.
static void take_terminal(const struct ipc_child *child) {
  const struct ipc_spawn *spawn = &child->spawn;
  if (spawn->terminal < 0) return;
  long side = system_call(SYS_ioctl, spawn->terminal, TIOCGPTPEER, O_RDWR | O_NOCTTY, 0);
  if (side < 0) fail(child, IPC_SPAWN_TERMINAL, side);
  long result = system_call(SYS_ioctl, side, TIOCSCTTY, 0, 0);
  if (result < 0) fail(child, IPC_SPAWN_TERMINAL, result);
  for (int i = 0; i < spawn->placement_count; i++)
    if (spawn->placements[i].source == IPC_TERMINAL_SIDE) spawn->placements[i].source = (int)side;
}

static void place_descriptors(const struct ipc_child *child) {
  const struct ipc_spawn *spawn = &child->spawn;
  // Lifted off the numbers that something is placed at, or a copy could overwrite the source of the next one.
  for (int i = 0; i < spawn->placement_count; i++) {
    struct ipc_placement *placement = &spawn->placements[i];
    if (placement->source == placement->number || !is_placed(spawn, placement->source)) continue;
    long copy = lift(spawn, placement->source);
    if (copy < 0) fail(child, IPC_SPAWN_DESCRIPTORS, copy);
    placement->source = (int)copy;
  }
  for (int i = 0; i < spawn->placement_count; i++) {
    const struct ipc_placement *placement = &spawn->placements[i];
    long result;
    do {
      // One that stands there already only has to stay.
      result = placement->source == placement->number
                   ? system_call(SYS_fcntl, placement->number, F_SETFD, 0, 0)
                   : system_call(SYS_dup3, placement->source, placement->number, 0, 0);
    } while (result == -EINTR);
    if (result < 0) fail(child, IPC_SPAWN_DESCRIPTORS, result);
  }
}

// Closes the numbers from `first` up to, but not, `end`; not the status pipe among them.
static void close_between(const struct ipc_child *child, unsigned first, unsigned end) {
  unsigned status = (unsigned)child->status;
  if (first <= status && status < end) {
    close_between(child, first, status);
    first = status + 1;
  }
  if (first >= end) return;
  long result = system_call(SYS_close_range, first, end - 1, 0, 0);
  if (result < 0) fail(child, IPC_SPAWN_DESCRIPTORS, result);
}

// Everything that nothing was placed at: the gaps, and what is above.
static void close_others(const struct ipc_child *child) {
  unsigned first = 0;
  for (int i = 0; i < child->spawn.placement_count; i++) {
    unsigned number = (unsigned)child->spawn.placements[i].number;
    close_between(child, first, number);
    first = number + 1;
  }
  close_between(child, first, ~0u);
}

static void set_limits(const struct ipc_child *child) {
  const struct ipc_spawn *spawn = &child->spawn;
  const uint64_t limit[2] = {spawn->descriptor_limit, spawn->descriptor_maximum};
  long result = system_call(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)limit, 0);
  if (result < 0) fail(child, IPC_SPAWN_LIMITS, result);
}

static void enter_directory(const struct ipc_child *child) {
  const struct ipc_spawn *spawn = &child->spawn;
  long first = 0;
  for (const char *const *path = spawn->directories; *path; path++) {
    long result = system_call(SYS_chdir, (long)*path, 0, 0, 0);
    if (result == 0) return;
    if (first == 0) first = result;
  }
  if (first) fail(child, IPC_SPAWN_DIRECTORY, first);
}

// execvp(3)'s rules: the next candidate after a missing one, a denied one remembered, a script without #! to the shell.
_Noreturn static void execute(const struct ipc_child *child) {
  const struct ipc_spawn *spawn = &child->spawn;
  char **arguments = spawn->arguments + 1;
  int denied = 0;
  long result = -ENOENT;
  for (const char *const *path = spawn->candidates; *path; path++) {
    result = system_call(SYS_execve, (long)*path, (long)arguments, (long)spawn->environment, 0);
    if (result == -ENOEXEC) {
      // The argument block is this child's own copy.
      spawn->arguments[0] = (char *)"sh";
      spawn->arguments[1] = (char *)*path;
      result = system_call(SYS_execve, (long)"/bin/sh", (long)spawn->arguments, (long)spawn->environment, 0);
      break;
    }
    if (result == -EACCES) denied = 1;
    if (result != -EACCES && result != -ENOENT && result != -ENOTDIR && result != -ESTALE && result != -ELOOP) break;
  }
  if (denied && (result == -ENOENT || result == -ENOTDIR)) result = -EACCES;
  fail(child, IPC_SPAWN_EXECUTE, result);
}

int ipc_child_main(void *argument) {
  struct ipc_child *child = argument;
  if (child->spawn.handover) {
    long result = take_over(child);
    if (result < 0) {
      // The parent reads it here: there is no pipe yet.
      child->failure = (struct ipc_spawn_failure){IPC_SPAWN_DESCRIPTORS, (int32_t)-result};
      leave();
    }
  }
  reset_signals();
  long session = system_call(SYS_setsid, 0, 0, 0, 0);
  if (session < 0) fail(child, IPC_SPAWN_SESSION, session);
  clear_status(child);
  take_terminal(child);
  place_descriptors(child);
  close_others(child);
  set_limits(child);
  enter_directory(child);
  execute(child);
}

#if defined(__clang__)
#pragma clang attribute pop
#endif
