// A terminal server that leaks as a real one did, for fdwatch to find. Its descriptors are bare integers, so nothing
// but the author's memory closes them; docs/finding-leaks.md walks through it.
//
//   gcc -o leaky Examples/leaky/leaky.c
//   ./leaky [--only watch|terminal|none] [--windows N] [INTERVAL]      milliseconds; 200, and for ever, unless given

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct window {
  int terminal;
  int watch;
  pid_t child;
};

// Which of the two mistakes are made.
static bool forgets_watch = true, loses_terminal = true;

// Whoever wants to hear of ended children: each is sent a byte for every SIGCHLD.
static int *watches;
static size_t watch_count;

// The next signal, or 0 when that time is over.
static int next_signal(const sigset_t *signals, const struct timespec *time) {
  int number;
  do number = sigtimedwait(signals, NULL, time);
  while (number < 0 && errno == EINTR);
  for (size_t i = 0; number == SIGCHLD && i < watch_count; i++) send(watches[i], "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  return number < 0 ? 0 : number;
}

static bool add_watch(int *own_end) {
  int *more = realloc(watches, (watch_count + 1) * sizeof *watches), ends[2];
  if (!more) return false;
  watches = more;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return false;
  watches[watch_count++] = ends[0];
  *own_end = ends[1];
  return true;
}

// A command as the leader of a session that has the terminal. Its end is not missed: SIGCHLD is blocked and waits.
static int start(const char *command, struct window *window) {
  char name[64], *arguments[] = {(char *)command, NULL};
  if (grantpt(window->terminal) < 0 || unlockpt(window->terminal) < 0) return errno;
  if (ptsname_r(window->terminal, name, sizeof name) != 0) return errno;
  posix_spawn_file_actions_t streams;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&streams);
  posix_spawn_file_actions_addopen(&streams, STDIN_FILENO, name, O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&streams, STDIN_FILENO, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&streams, STDIN_FILENO, STDERR_FILENO);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
  int error = posix_spawn(&window->child, command, &streams, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&streams);
  return error;
}

// False with errno set when there is no window.
static bool open_window(struct window *window, const char *command) {
  window->terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (window->terminal < 0) return false;

  int error = start(command, window);
  if (error) {
    // MISTAKE: an early return, and nobody knows the terminal's number any more. Whoever opened it must close it on
    // every way out, as here:
    if (!loses_terminal) close(window->terminal);
    errno = error;
    return false;
  }

  if (!add_watch(&window->watch)) {
    error = errno;
    kill(window->child, SIGKILL);
    waitpid(window->child, NULL, 0);
    close(window->terminal);
    errno = error;
    return false;
  }
  return true;
}

static void close_window(const struct window *window) {
  close(window->terminal);
  close(window->watch);
  // MISTAKE: the list still has the other end, and keeps it for a window that is gone. What was put on a list must be
  // taken off it by the one who put it there:
  if (!forgets_watch) close(watches[--watch_count]);
}

// Asked after each SIGCHLD: the watch says that some child has ended.
static bool has_ended(const struct window *window) {
  char byte;
  return recv(window->watch, &byte, 1, MSG_DONTWAIT) == 1 && waitpid(window->child, NULL, WNOHANG) != 0;
}

static void usage(void) {
  fputs("usage: leaky [--only watch|terminal|none] [--windows N] [INTERVAL]\n", stderr);
  exit(64);
}

static long number(const char *text) {
  char *end;
  errno = 0;
  long value = strtol(text, &end, 10);
  if (end == text || *end || errno || value < 0 || value > 1000000000) usage();
  return value;
}

int main(int argc, char **argv) {
  static const struct option options[] = {{"only", 1, NULL, 'o'}, {"windows", 1, NULL, 'w'}, {0}};
  long most = 0, interval = 200;
  for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    if (option == 'w') most = number(optarg);
    else if (option == 'o' && !(strcmp(optarg, "watch") && strcmp(optarg, "terminal") && strcmp(optarg, "none"))) {
      forgets_watch = optarg[0] == 'w';
      loses_terminal = optarg[0] == 't';
    } else usage();
  }
  if (optind < argc) interval = number(argv[optind++]);
  if (optind < argc) usage();

  sigset_t ending, signals;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  signals = ending;
  sigaddset(&signals, SIGCHLD);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  const struct timespec pause = {interval / 1000, interval % 1000 * 1000000};
  setvbuf(stdout, NULL, _IOLBF, 0);

  for (long count = 1; most == 0 || count <= most; count++) {
    // Every third window's command does not exist.
    const char *command = count % 3 ? "/bin/true" : "/nonexistent/shell";
    struct window window = {-1, -1, -1};
    if (!open_window(&window, command)) {
      printf("window %ld: cannot start %s: %s\n", count, command, strerror(errno));
    } else {
      int number;
      while ((number = next_signal(&signals, NULL)) == SIGCHLD && !has_ended(&window)) continue;
      close_window(&window);
      if (number != SIGCHLD) return 0;
      printf("window %ld: %s has ended, the window is closed\n", count, command);
    }
    if (count != most && next_signal(&ending, &pause)) return 0;
  }
  return 0;
}
