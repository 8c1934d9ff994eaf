// The floor for line scanning: read(2) into 64 KiB and memchr, over the file again and again: c-lines FILE [SECONDS].

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 1 << 16 };

struct sum {
  uint64_t lines, lengths;
};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

// One pass from the file's start to its end. A line longer than the buffer is an error.
static void scan(const char *path, struct sum *sum) {
  static char room[ROOM];
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) fail(path);
  size_t kept = 0;
  ssize_t got;
  while ((got = read(file, room + kept, ROOM - kept)) > 0) {
    const char *line = room, *end = room + kept + got, *search = room + kept, *newline;
    while ((newline = memchr(search, '\n', (size_t)(end - search)))) {
      sum->lines++;
      sum->lengths += (uint64_t)(newline - line);
      line = search = newline + 1;
    }
    kept = (size_t)(end - line);
    if (kept == ROOM) fprintf(stderr, "%s: a line is too long\n", path), exit(1);
    memmove(room, line, kept);
  }
  if (got < 0) fail(path);
  if (kept) sum->lines++, sum->lengths += kept;
  close(file);
}

int main(int argc, char **argv) {
  double seconds = argc > 2 ? atof(argv[2]) : 1;
  if (argc < 2 || seconds < 0) return fprintf(stderr, "usage: c-lines FILE [SECONDS]\n"), 64;
  struct sum sum = {0, 0};
  double start = now();
  do
    scan(argv[1], &sum);
  while (now() < start + seconds);
  double took = now() - start;
  // Newlines are read, too.
  double rate = (double)(sum.lengths + sum.lines) / took / 1e9;
  printf("lines=%llu seconds=%.6f gbps=%.3f\n", (unsigned long long)sum.lines, took, rate);
  return 0;
}
