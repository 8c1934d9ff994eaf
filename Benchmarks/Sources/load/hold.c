// Connections that only exist, silent or in the middle of a line, for somebody to weigh their server.

#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

void run_hold(const char *path, size_t count, int sends_byte) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  // They end with this process.
  for (size_t i = 0; i < count; i++) {
    int descriptor = connect_to(path);
    if (sends_byte && send(descriptor, "x", 1, MSG_NOSIGNAL) != 1) fail("send: %s", strerror(errno));
  }
  puts("ready");
  fflush(stdout);
  char bytes[256];
  while (read(STDIN_FILENO, bytes, sizeof bytes) > 0) continue;
}
