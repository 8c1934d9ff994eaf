// Every function of the shim's interface, called rightly and wrongly, in a program of its own: at the end of a part it
// has the descriptors that it had before, and valgrind has nothing to say of it. scripts/valgrind.sh runs it, in an empty
// directory and without descriptors but the standard ones.

#define _GNU_SOURCE
#include "check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <valgrind/valgrind.h>

enum { NUMBERS = 1024 };

int is_watched(void) { return RUNNING_ON_VALGRIND != 0; }

int is_unknown_call(int64_t result) { return is_watched() && result == -ENOSYS; }

static uint64_t soft, hard;

void take_room(int left) {
  int next = dup(0);
  assert(next >= 0 && close(next) == 0);
  assert(ipc_descriptor_limit(&soft, &hard) == 0);
  assert(ipc_set_descriptor_limit((uint64_t)(next + left), hard) == 0);
}

void give_room(void) { assert(ipc_set_descriptor_limit(soft, hard) == 0); }

static volatile sig_atomic_t interruptions;
static volatile int woken_by;

static void interrupt(int number) {
  (void)number;
  int error = errno;
  if (++interruptions == 2 && woken_by >= 0 && write(woken_by, "!", 1) != 1) _exit(99);
  errno = error;
}

static void set_timer(long microseconds) {
  struct itimerval times = {{0, microseconds}, {0, microseconds}};
  assert(setitimer(ITIMER_REAL, &times, NULL) == 0);
}

void begin_interrupting(int descriptor) {
  interruptions = 0;
  woken_by = descriptor;
  // Without SA_RESTART: what waits is interrupted.
  struct sigaction action = {.sa_handler = interrupt};
  assert(sigaction(SIGALRM, &action, NULL) == 0);
  set_timer(20000);
}

void end_interrupting(void) {
  set_timer(0);
  assert(signal(SIGALRM, SIG_DFL) != SIG_ERR);
}

void write_file(const char *path, const char *content, unsigned mode) {
  FILE *file = fopen(path, "w");
  assert(file && fputs(content, file) >= 0 && fclose(file) == 0 && chmod(path, mode) == 0);
}

// Which numbers are open, and where they lead to.
static void look(struct stat numbers[NUMBERS]) {
  memset(numbers, 0, NUMBERS * sizeof *numbers);
  for (int i = 0; i < NUMBERS; i++)
    if (fcntl(i, F_GETFD) >= 0) assert(fstat(i, &numbers[i]) == 0);
}

static void check(const char *name, void (*part)(void)) {
  static struct stat before[NUMBERS], after[NUMBERS];
  look(before);
  part();
  look(after);
  int wrong = 0;
  for (int i = 0; i < NUMBERS; i++) {
    if (before[i].st_dev == after[i].st_dev && before[i].st_ino == after[i].st_ino) continue;
    fprintf(stderr, "%s: descriptor %d is not what it was\n", name, i);
    wrong = 1;
  }
  if (wrong) exit(1);
  printf("ok - %s\n", name);
  fflush(stdout);
}

#define CHECK(part) check(#part, check_##part)

int main(void) {
  assert(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
  // First, while number 3 is free: what systemd hands over begins there.
  CHECK(activation);
  CHECK(notification);
  CHECK(descriptors);
  CHECK(counters);
  CHECK(memory);
  CHECK(events);
  CHECK(origins);
  CHECK(paths);
  CHECK(sockets);
  CHECK(peers);
  CHECK(datagrams);
  CHECK(messages);
  CHECK(fifos);
  CHECK(census);
  CHECK(diagnostics);
  CHECK(terminals);
  CHECK(signals);
  CHECK(processes);
  CHECK(spawns);
  CHECK(handover);
  return 0;
}
