// The floor for a census: the links and the information of all descriptors of a process, read again and again and looked
// at no further: c-census PID [SECONDS].

#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

// Seconds of processor time, which other programs take no part of.
static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static DIR *open_listing(const char *process, const char *name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%s/%s", process, name);
  DIR *listing = opendir(path);
  if (!listing) perror(path), exit(1);
  return listing;
}

// One pass: how many descriptors there were, and how many bytes they were described with.
static uint64_t pass(const char *process, uint64_t *bytes) {
  static char room[4096];
  DIR *links = open_listing(process, "fd"), *information = open_listing(process, "fdinfo");
  uint64_t count = 0;
  for (struct dirent *entry; (entry = readdir(links));) {
    if (entry->d_name[0] == '.') continue;
    ssize_t length = readlinkat(dirfd(links), entry->d_name, room, sizeof room);
    int file = openat(dirfd(information), entry->d_name, O_RDONLY | O_CLOEXEC);
    if (length < 0 || file < 0) continue;
    ssize_t size = read(file, room, sizeof room);
    close(file);
    if (size < 0) continue;
    *bytes += (uint64_t)(length + size);
    count++;
  }
  closedir(links);
  closedir(information);
  return count;
}

int main(int argc, char **argv) {
  double seconds = argc > 2 ? atof(argv[2]) : 1;
  if (argc < 2 || seconds < 0) return fprintf(stderr, "usage: c-census PID [SECONDS]\n"), 64;
  uint64_t descriptors = 0, bytes = 0, passes = 0;
  double start = now();
  do
    descriptors = pass(argv[1], &bytes), passes++;
  while (now() < start + seconds);
  double milliseconds = (now() - start) * 1e3 / (double)passes;
  printf("descriptors=%llu milliseconds=%.3f\n", (unsigned long long)descriptors, milliseconds);
  return 0;
}
