// Counts the instructions that a thread executes in user mode, exactly, where the machine lends no hardware counters:
// stepcount THREAD. It steps the thread one instruction at a time until SIGINT, SIGTERM or the end of its standard
// input, then lets it go and prints how many instructions there were.
//
// The thread runs some thousand times slower meanwhile. A system call is one instruction however long it waits, and so is
// a repeated string instruction, as a hardware counter has it; its further rounds are counted apart.

#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t thread;
static pthread_t stepper;
static volatile sig_atomic_t is_asked_to_stop;

static void fail(const char *what) {
  fprintf(stderr, "stepcount: %s: %s\n", what, strerror(errno));
  exit(1);
}

// Interrupting the thread ends waitpid(2) in the loop below, at once or with the next step: there is no race to lose.
static void stop(int signal) {
  (void)signal;
  int kept = errno;
  is_asked_to_stop = 1;
  ptrace(PTRACE_INTERRUPT, thread, NULL, NULL);
  errno = kept;
}

static void *await_end_of_input(void *unused) {
  char bytes[256];
  while (read(STDIN_FILENO, bytes, sizeof bytes) > 0) continue;
  // Only the thread that attached may interrupt.
  pthread_kill(stepper, SIGTERM);
  return unused;
}

static void listen_for_the_end(void) {
  struct sigaction action = {.sa_handler = stop, .sa_flags = SA_RESTART};
  sigset_t signals, before;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  stepper = pthread_self();
  // The reader of the input inherits a mask under which the signals are this thread's.
  pthread_sigmask(SIG_BLOCK, &signals, &before);
  pthread_t reader;
  if ((errno = pthread_create(&reader, NULL, await_end_of_input, NULL))) fail("pthread_create");
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

// Waits for the thread's next stop; its status, or the end of this program when the thread has ended.
static int next_stop(void) {
  int status;
  while (waitpid(thread, &status, __WALL) < 0)
    if (errno != EINTR) fail("waitpid");
  if (!WIFSTOPPED(status)) errno = ESRCH, fail("the thread has ended");
  return status;
}

static void resume(int request, int signal) {
  if (ptrace(request, thread, NULL, (void *)(long)signal) < 0) fail("ptrace");
}

static long instruction_pointer(void) {
  errno = 0;
  long pointer = ptrace(PTRACE_PEEKUSER, thread, offsetof(struct user, regs.rip), NULL);
  if (errno) fail("ptrace");
  return pointer;
}

// An interrupted system call has queued its step's SIGTRAP behind the interruption; let go with it, the thread dies.
static void collect_last_step(void) {
  siginfo_t pending[32];
  struct __ptrace_peeksiginfo_args all = {.off = 0, .flags = 0, .nr = 32};
  long count = ptrace(PTRACE_PEEKSIGINFO, thread, &all, pending);
  if (count < 0) fail("ptrace");
  for (long i = 0; i < count; i++) {
    if (pending[i].si_signo != SIGTRAP) continue;
    resume(PTRACE_CONT, 0);
    while (WSTOPSIG(next_stop()) != SIGTRAP) resume(PTRACE_CONT, 0);
    return;
  }
}

int main(int argc, char **argv) {
  if (argc != 2 || (thread = atoi(argv[1])) <= 0) return fprintf(stderr, "usage: stepcount THREAD\n"), 64;
  if (ptrace(PTRACE_SEIZE, thread, NULL, NULL) < 0) fail("ptrace");
  if (ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) < 0) fail("ptrace");
  next_stop();
  listen_for_the_end();
  fputs("attached\n", stderr);

  unsigned long long instructions = 0, rounds = 0;
  int signal = 0;
  long last = 0;
  while (!is_asked_to_stop) {
    resume(PTRACE_SINGLESTEP, signal);
    int status = next_stop();
    signal = WSTOPSIG(status);
    if (signal != SIGTRAP) continue; // The thread's own signal, which it gets with the next step.
    signal = 0;
    if (status >> 16) continue; // The interruption.
    long here = instruction_pointer();
    *(here == last ? &rounds : &instructions) += 1;
    last = here;
  }
  collect_last_step();
  resume(PTRACE_DETACH, signal);
  printf("instructions=%llu rounds=%llu\n", instructions, rounds);
  return 0;
}
