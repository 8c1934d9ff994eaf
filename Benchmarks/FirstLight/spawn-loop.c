// The floor for opening and closing windows: what any terminal program must do for each, and nothing else.
// spawn-loop N: openpty, posix_spawn of `true` on it in a session of its own, waitpid, close; N times; prints cycles/s.

#define _GNU_SOURCE
#include <fcntl.h>
#include <pty.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 1000;
  char *arguments[] = {"true", NULL};
  double start = now();
  for (int i = 0; i < count; i++) {
    int master, slave;
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    if (openpty(&master, &slave, NULL, NULL, &size) < 0) return perror("openpty"), 1;
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    for (int fd = 0; fd < 3; fd++) posix_spawn_file_actions_adddup2(&actions, slave, fd);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    pid_t pid;
    int wrong = posix_spawnp(&pid, "true", &actions, &attributes, arguments, environ);
    if (wrong) return fprintf(stderr, "posix_spawnp: %d\n", wrong), 1;
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(slave);
    int status;
    if (waitpid(pid, &status, 0) != pid || status != 0) return fprintf(stderr, "true failed\n"), 1;
    close(master);
  }
  printf("%.1f\n", count / (now() - start));
  return 0;
}
