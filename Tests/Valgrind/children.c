// Processes: how they are started, how that fails, and how they end: process.c, child.c, handover.c.

#define _GNU_SOURCE
#include "check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

// A child's request, and what became of it.
struct trial {
  struct ipc_spawn spawn;
  struct ipc_spawned spawned;
  struct ipc_spawn_failure failure;
  struct ipc_exit exit;
};

static struct ipc_placement standard[] = {{0, 0}, {1, 1}, {2, 2}};
static struct ipc_placement on_terminal[] = {{0, IPC_TERMINAL_SIDE}, {1, IPC_TERMINAL_SIDE}, {2, IPC_TERMINAL_SIDE}};

static const char *const here[] = {".", NULL};
static char *nothing[] = {NULL};

// What runs one of the candidates, on this process's own streams.
static struct trial prepare(const char *const *candidates, char **arguments) {
  struct trial trial = {.spawn = {.candidates = candidates, .arguments = arguments, .environment = nothing,
                                  .directories = here, .terminal = -1, .placements = standard, .placement_count = 3}};
  assert(ipc_descriptor_limit(&trial.spawn.descriptor_limit, &trial.spawn.descriptor_maximum) == 0);
  return trial;
}

// A shell, and its arguments for that script.
static const char *const shell[] = {"/bin/sh", NULL};
static void script(const char *text, char *arguments[5]) {
  arguments[0] = NULL;
  arguments[1] = (char *)"sh";
  arguments[2] = (char *)"-c";
  arguments[3] = (char *)text;
  arguments[4] = NULL;
}

// What ipc_spawn_result says once it is known.
static int wait_for_start(struct trial *trial) {
  int result;
  while ((result = ipc_spawn_result(&trial->spawned, &trial->failure)) == -EAGAIN)
    // While descriptors are on their way, the pipe need not end with the child.
    if (ipc_spawn_is_pending(trial->spawned.memory))
      assert(ipc_poll(trial->spawned.pidfd, IPC_READABLE, 10000000) >= 0);
    else
      assert(ipc_poll(trial->spawned.status, IPC_READABLE, -1) > 0);
  assert(!ipc_spawn_is_pending(trial->spawned.memory));
  return result;
}

static void finish(struct trial *trial) {
  assert(ipc_poll(trial->spawned.pidfd, IPC_READABLE, -1) > 0 && ipc_reap(trial->spawned.pidfd, &trial->exit) == 1);
  assert(ipc_reap(trial->spawned.pidfd, &trial->exit) == -ECHILD);
  ipc_spawn_release(trial->spawned.memory);
  assert(ipc_close(trial->spawned.status) == 0 && ipc_close(trial->spawned.pidfd) == 0);
}

// A child whose program runs, and ends so.
static void check_runs(struct trial *trial, int status) {
  assert(ipc_spawn_start(&trial->spawn, &trial->spawned) == 0 && wait_for_start(trial) == 1);
  finish(trial);
  assert(!trial->exit.signaled && trial->exit.code == status);
}

// A child that gets no further than this step.
static void check_fails(struct trial *trial, int step, int error) {
  assert(ipc_spawn_start(&trial->spawn, &trial->spawned) == 0 && wait_for_start(trial) == 0);
  finish(trial);
  assert(trial->failure.step == step && trial->failure.error == error);
  assert(!trial->exit.signaled && trial->exit.code == 127);
}

static void check_limits(void) {
  uint64_t soft, hard, now, maximum;
  assert(ipc_descriptor_limit(&soft, &hard) == 0 && soft <= hard && ipc_set_descriptor_limit(soft - 1, hard) == 0);
  assert(ipc_descriptor_limit(&now, &maximum) == 0 && now == soft - 1 && maximum == hard);
  assert(ipc_set_descriptor_limit(soft, hard) == 0 && ipc_set_descriptor_limit(hard, soft - 1) == -EINVAL);
}

void check_processes(void) {
  check_limits();
  assert(ipc_adopt_orphans() == 0);
  assert(ipc_die_with_parent(SIGTERM) == 0 && ipc_die_with_parent(0) == 0 && ipc_die_with_parent(1000) == -EINVAL);
  assert(ipc_signal_group(getpgrp(), 0) == 0 && ipc_signal_group(0x3fffffff, 0) == -ESRCH);
  struct ipc_exit exit;
  assert(ipc_environment() && getenv("PATH"));
  assert(ipc_reap(CLOSED, &exit) == -EBADF && ipc_pidfd_exit(CLOSED, &exit) == -EBADF);
  assert(ipc_pidfd_exit(0, &exit) == -ENOTTY || ipc_pidfd_exit(0, &exit) == -EINVAL);
  int signaled = ipc_pidfd_signal(CLOSED, 0), group = ipc_pidfd_signal_group(CLOSED, getpid(), 0);
  assert(signaled == -EBADF || is_unknown_call(signaled));
  assert(group == -EBADF || is_unknown_call(group));
  int own = ipc_pidfd_open(getpid()), none = ipc_pidfd_open(0x3fffffff);
  assert(none == -ESRCH || none == -EINVAL || is_unknown_call(none));
  if (is_unknown_call(own)) return;
  assert(own >= 0 && ipc_pidfd_signal(own, 0) == 0 && ipc_reap(own, &exit) == -ECHILD);
  int lives = ipc_pidfd_exit(own, &exit);
  assert(lives == 0 || lives == -ENOTTY || lives == -EINVAL);
  assert(WITHOUT_ROOM(ipc_pidfd_open(getpid())) == -EMFILE && ipc_close(own) == 0);
}

// One that lives until it is told to end.
static void check_life(void) {
  char *arguments[5];
  int ends[2];
  assert(ipc_pipe(ends, 0) == 0);
  script("read line", arguments);
  struct trial trial = prepare(shell, arguments);
  struct ipc_placement waiting[] = {{0, ends[0]}, {1, 1}, {2, 2}};
  trial.spawn.placements = waiting;
  assert(ipc_spawn_start(&trial.spawn, &trial.spawned) == 0 && wait_for_start(&trial) == 1);
  assert(ipc_reap(trial.spawned.pidfd, &trial.exit) == 0);
  int lives = ipc_pidfd_exit(trial.spawned.pidfd, &trial.exit);
  assert(lives == 0 || lives == -ENOTTY || lives == -EINVAL);
  // It leads a group of its own.
  int sent = ipc_pidfd_signal_group(trial.spawned.pidfd, trial.spawned.pid, SIGTERM);
  assert(sent == 0 || is_unknown_call(sent));
  if (sent) assert(ipc_signal_group(trial.spawned.pid, SIGTERM) == 0);
  // What is told of anybody's end is told once it was reaped.
  struct ipc_exit ended;
  assert(ipc_poll(trial.spawned.pidfd, IPC_READABLE, -1) > 0 && ipc_reap(trial.spawned.pidfd, &trial.exit) == 1);
  assert(trial.exit.signaled && trial.exit.code == SIGTERM);
  int told = ipc_pidfd_exit(trial.spawned.pidfd, &ended);
  if (lives == 0) assert(told == 1 && ended.signaled && ended.code == SIGTERM);
  sent = ipc_pidfd_signal_group(trial.spawned.pidfd, trial.spawned.pid, SIGTERM);
  assert(sent == -ESRCH || is_unknown_call(sent));
  sent = ipc_pidfd_signal(trial.spawned.pidfd, SIGTERM);
  assert(sent == -ESRCH || is_unknown_call(sent));
  ipc_spawn_release(trial.spawned.memory);
  assert(ipc_close(trial.spawned.status) == 0 && ipc_close(trial.spawned.pidfd) == 0);
  assert(ipc_close(ends[0]) == 0 && ipc_close(ends[1]) == 0);
}

// What is found, what may be executed, where.
static void check_candidates(void) {
  static const char *const missing[] = {"./missing", NULL}, *const denied[] = {"./plain", "./missing", NULL},
                           *const second[] = {"./missing", "./script", "/bin/false", NULL};
  static const char *const nowhere[] = {"./missing", "./plain", NULL}, *const elsewhere[] = {"./missing", "/", NULL},
                           *const anywhere[] = {NULL};
  char *arguments[5];
  script("exit 7", arguments);
  write_file("plain", "exit 5\n", 0600);
  write_file("script", "exit 6\n", 0700);
  struct trial trial = prepare(shell, arguments);
  check_runs(&trial, 7);
  trial.spawn.directories = anywhere;
  check_runs(&trial, 7);
  trial.spawn.directories = elsewhere;
  script("test \"$(pwd)\" = /", arguments);
  check_runs(&trial, 0);
  trial.spawn.directories = nowhere;
  check_fails(&trial, IPC_SPAWN_DIRECTORY, ENOENT);
  trial.spawn.directories = here;
  trial.spawn.candidates = missing;
  check_fails(&trial, IPC_SPAWN_EXECUTE, ENOENT);
  trial.spawn.candidates = denied;
  check_fails(&trial, IPC_SPAWN_EXECUTE, EACCES);
  // Without a #! line it is the shell's.
  trial.spawn.candidates = second;
  check_runs(&trial, 6);
  assert(ipc_unlink("plain") == 0 && ipc_unlink("script") == 0);
}

// Which descriptors it has, and what cannot be had.
static void check_placements(void) {
  char *arguments[5];
  int ends[2];
  assert(ipc_pipe(ends, 0) == 0 && ipc_write(ends[1], "content", 7) == 7);
  int status = dup(0);
  assert(status >= 0 && close(status) == 0);
  // The two ends change places; another stands where the child's own pipe is, and a gap where nothing may be.
  struct ipc_placement swapped[] = {{0, 0}, {1, 1}, {2, 2}, {ends[0], ends[1]}, {ends[1], ends[0]},
                                    {status + 1, ends[1]}, {status + 40, status + 40}};
  assert(dup2(0, status + 40) == status + 40);
  struct trial trial = prepare(shell, arguments);
  trial.spawn.placements = swapped;
  trial.spawn.placement_count = 7;
  char text[80];
  const char *wanted = "test \"$(head -c 7 <&%d)\" = content && test -e /proc/$$/fd/%d";
  snprintf(text, sizeof text, wanted, ends[1], status + 40);
  script(text, arguments);
  check_runs(&trial, 0);
  swapped[3].source = CLOSED;
  check_fails(&trial, IPC_SPAWN_DESCRIPTORS, EBADF);
  swapped[3].source = ends[1];
  trial.spawn.descriptor_limit = trial.spawn.descriptor_maximum + 1;
  check_fails(&trial, IPC_SPAWN_LIMITS, EINVAL);
  assert(WITHOUT_ROOM(ipc_spawn_start(&trial.spawn, &trial.spawned)) == -EMFILE);
  assert(close(status + 40) == 0 && ipc_close(ends[0]) == 0 && ipc_close(ends[1]) == 0);
}

void check_spawns(void) {
  char *arguments[5];
  check_life();
  check_candidates();
  check_placements();
  // On a terminal, which is its controlling one.
  int master = ipc_open_terminal(80, 24), null = ipc_open_null();
  script("test -t 0 && : </dev/tty", arguments);
  struct trial trial = prepare(shell, arguments);
  trial.spawn.placements = on_terminal;
  trial.spawn.terminal = master;
  check_runs(&trial, 0);
  trial.spawn.terminal = null;
  check_fails(&trial, IPC_SPAWN_TERMINAL, ENOTTY);
  assert(ipc_spawn_is_pending(NULL) == 0);
  ipc_spawn_release(NULL);
  assert(ipc_close(null) == 0 && ipc_close(master) == 0);
}

void check_handover(void) {
  enum { CROWD = 200 };
  int crowd[CROWD], ends[2];
  static const char *const missing[] = {"./missing", NULL};
  char *arguments[5];
  assert(ipc_socket_pair(IPC_SEQPACKET, 1, ends) == 0);
  for (int i = 0; i < CROWD; i++) assert((crowd[i] = dup(0)) >= 0);
  struct ipc_handover handover = {.sending = ends[1], .receiving = ends[0], .process = getpid()};
  int master = ipc_open_terminal(80, 24);
  script("exit 3", arguments);
  struct trial trial = prepare(shell, arguments);
  trial.spawn.placements = on_terminal;
  trial.spawn.terminal = master;
  trial.spawn.handover = &handover;
  check_runs(&trial, 3);
  trial.spawn.candidates = missing;
  check_fails(&trial, IPC_SPAWN_EXECUTE, ENOENT);
  // Whoever asked no more than that releases it: what was on its way is taken back.
  assert(ipc_spawn_start(&trial.spawn, &trial.spawned) == 0);
  finish(&trial);
  assert(handover.claim == 0 && ipc_poll(ends[0], IPC_READABLE, 0) == 0);
  // Two numbers for the pipe, and none for the pidfd.
  take_room(2);
  int result = ipc_spawn_start(&trial.spawn, &trial.spawned);
  give_room();
  assert(result == -EMFILE && handover.claim == 0 && ipc_poll(ends[0], IPC_READABLE, 0) == 0);
  // Nobody takes what is sent any more, or it is another's turn: the child begins with a copy.
  handover.claim = 1;
  check_fails(&trial, IPC_SPAWN_EXECUTE, ENOENT);
  handover.claim = 0;
  assert(ipc_close(ends[0]) == 0);
  check_fails(&trial, IPC_SPAWN_EXECUTE, ENOENT);
  assert(handover.claim == 0 && ipc_close(ends[1]) == 0 && ipc_close(master) == 0);
  for (int i = 0; i < CROWD; i++) assert(ipc_close(crowd[i]) == 0);
}
