// A terminal that shows nothing, as fast as it can: runs a program on a pseudo-terminal of its own, and tells how many
// megabytes a second it printed, from the first byte to the last of `at-least` bytes, and how many came in all.
#define _GNU_SOURCE
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int count, char **arguments) {
  if (count < 3) return 64;
  long wanted = atol(arguments[1]), came = 0;
  int master;
  struct winsize size = {.ws_row = 24, .ws_col = 80};
  pid_t child = forkpty(&master, NULL, NULL, &size);
  if (child < 0) return 1;
  if (child == 0) {
    execvp(arguments[2], arguments + 2);
    _exit(127);
  }
  static char buffer[65536];
  double start = 0, end = 0;
  for (ssize_t got; (got = read(master, buffer, sizeof buffer)) > 0;) {
    if (start == 0) start = now();
    came += got;
    if (end == 0 && came >= wanted) end = now();
  }
  waitpid(child, NULL, 0);
  if (end == 0) end = now();
  printf("%.1f %ld\n", wanted / 1e6 / (end - start), came);
  return 0;
}
