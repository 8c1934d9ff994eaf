// Times two programs as whole processes, in turn, and prints both medians and the median of the ratios, pair by pair.
// time-pair RUNS A [ARG...] -- B [ARG...]

#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static double run(char **arguments) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  double start = now();
  pid_t pid;
  int status;
  if (posix_spawn(&pid, arguments[0], &actions, NULL, arguments, environ)) perror(arguments[0]), exit(1);
  waitpid(pid, &status, 0);
  double end = now();
  posix_spawn_file_actions_destroy(&actions);
  if (status != 0) fprintf(stderr, "%s failed\n", arguments[0]), exit(1);
  return end - start;
}

static int compare(const void *left, const void *right) {
  double difference = *(const double *)left - *(const double *)right;
  return difference < 0 ? -1 : difference > 0;
}

static double median(double *values, int count) {
  qsort(values, count, sizeof *values, compare);
  return values[count / 2];
}

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 0;
  char **first = argv + 2, **second = NULL;
  for (int i = 2; i < argc; i++)
    if (strcmp(argv[i], "--") == 0) {
      argv[i] = NULL;
      second = argv + i + 1;
      break;
    }
  if (count < 1 || !second || !*second) return 64;
  double *a = calloc(count, sizeof *a), *b = calloc(count, sizeof *b), *ratio = calloc(count, sizeof *ratio);
  if (!a || !b || !ratio) return 1;
  run(first), run(second);
  for (int i = 0; i < count; i++) {
    a[i] = run(first);
    b[i] = run(second);
    ratio[i] = a[i] / b[i];
  }
  printf("%.2f %.2f %.2f\n", median(a, count), median(b, count), median(ratio, count));
  return 0;
}
