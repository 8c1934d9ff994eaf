// What has a path, or had one: files, devices, terminals; and pipes.

#define _GNU_SOURCE
#include "zoo.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_new(const char *name, int flags) { return open(in_directory(name), flags | O_CREAT, 0600); }

void make_files(void) {
  int file = open_new("file", O_RDWR | O_CLOEXEC);
  if (write(file, "content\n", 8) != 8) abort();
  made(file, "file", "path=%s size=8 offset=8", in_directory("file"));
  made(open_new("inherited", O_WRONLY | O_APPEND), "file-inherited", "path=%s", in_directory("inherited"));
  const char *path = in_directory("file");
  made(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), "file-nonblocking", "path=%s", path);
  made(open(path, O_PATH | O_CLOEXEC), "file-path-only", "path=%s", path);
  if (symlink("file", in_directory("link")) < 0) abort();
  path = in_directory("link");
  made(open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), "link-path-only", "path=%s", path);
  made(open_new("deleted", O_RDWR | O_CLOEXEC), "file-deleted", "path=%s", in_directory("deleted"));
  unlink(in_directory("deleted"));
  made(open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), "file-unnamed", "directory=%s", directory);
  made(open(directory, O_DIRECTORY | O_RDONLY | O_CLOEXEC), "directory", "path=%s", directory);
  made(open("/dev/null", O_RDWR | O_CLOEXEC), "device", "path=/dev/null");
  made(open("/proc/self/status", O_RDONLY | O_CLOEXEC), "file-proc", "path=/proc/%d/status", getpid());
  made(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), "namespace", "type=net");
}

void make_terminals(void) {
  char name[64] = "";
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master >= 0 && (grantpt(master) < 0 || unlockpt(master) < 0)) abort();
  if (master >= 0 && ptsname_r(master, name, sizeof name) != 0) abort();
  made(master, "terminal-master", "slave=%s", name);
  if (master >= 0) made(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC), "terminal-slave", "path=%s master=%d", name, master);
}

void make_pipes(void) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0 || write(ends[1], "bytes", 5) != 5) abort();
  made(ends[0], "pipe-read", "peer=%d queued=5", ends[1]);
  made(ends[1], "pipe-write", "peer=%d", ends[0]);
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) abort();
  close(ends[0]);
  made(ends[1], "pipe-unread", "peer=none");
  if (mkfifo(in_directory("fifo"), 0600) < 0) abort();
  made(open(in_directory("fifo"), O_RDWR | O_CLOEXEC), "fifo", "path=%s", in_directory("fifo"));
}
