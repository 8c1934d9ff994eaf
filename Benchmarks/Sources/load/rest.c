// Waiting until the server sleeps, so that the next request finds it as a lone request would. A server that is traced
// is slower than its client and would find the next request before it lay down: another case would be counted.

#define _GNU_SOURCE
#include "load.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOOKS_IN_A_ROW = 3, BETWEEN_MICROSECONDS = 500 };

static pid_t server;

void rest_learn_server(int descriptor) {
  struct ucred peer;
  socklen_t length = sizeof peer;
  if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) fail("SO_PEERCRED: %s", strerror(errno));
  server = peer.pid;
}

static int sleeps(const char *thread) {
  char path[64], line[512];
  snprintf(path, sizeof path, "/proc/%d/task/%.20s/stat", (int)server, thread);
  FILE *file = fopen(path, "re");
  if (!file) return 1; // It has just ended.
  size_t count = fread(line, 1, sizeof line - 1, file);
  fclose(file);
  line[count] = 0;
  // The name before the state may hold any character.
  const char *name_end = strrchr(line, ')');
  return name_end && name_end[1] == ' ' && name_end[2] == 'S';
}

static int all_sleep(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", (int)server);
  DIR *threads = opendir(path);
  if (!threads) fail("%s: %s", path, strerror(errno));
  int all = 1;
  struct dirent *entry;
  while (all && (entry = readdir(threads)))
    if (entry->d_name[0] != '.') all = sleeps(entry->d_name);
  closedir(threads);
  return all;
}

void rest(void) {
  uint64_t end = now() + PATIENCE_SECONDS * 1000000000ull;
  for (int row = 0; row < LOOKS_IN_A_ROW; row = all_sleep() ? row + 1 : 0) {
    if (now() > end) fail("the server has not slept for %d s", PATIENCE_SECONDS);
    usleep(BETWEEN_MICROSECONDS);
  }
}
