// A process that holds one descriptor of every kind and says which, for a census to be compared with: a line for each,
// then `ready`, and all is held until standard input is at its end.
//
//   gcc -o zoo zoo.c zoo-files.c zoo-sockets.c zoo-objects.c

#define _GNU_SOURCE
#include "zoo.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

char directory[PATH_MAX];

int made(int number, const char *kind, const char *detail, ...) {
  if (number < 0) {
    printf("- %s refused %s\n", kind, strerrorname_np(errno));
    return number;
  }
  printf("%d %s ", number, kind);
  va_list rest;
  va_start(rest, detail);
  int length = vprintf(detail, rest);
  va_end(rest);
  struct stat status;
  if (fstat(number, &status) < 0) abort();
  int closed_on_exec = fcntl(number, F_GETFD) & FD_CLOEXEC, nonblocking = fcntl(number, F_GETFL) & O_NONBLOCK;
  printf("%sinode=%lu cloexec=%d nonblocking=%d\n", length ? " " : "", status.st_ino, !!closed_on_exec, !!nonblocking);
  return number;
}

const char *in_directory(const char *name) {
  static char path[PATH_MAX + 32];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  return path;
}

pid_t make_child(void) {
  int pair[2], ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 || pipe2(ends, O_CLOEXEC) < 0) abort();
  pid_t parent = getpid(), child = fork();
  if (child < 0) abort();
  if (child == 0) {
    // It ends with the zoo, also where that is killed.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    for (const int *other = (int[]){pair[0], ends[0], 2, 1, 0, -1}; *other >= 0; other++) close(*other);
    char byte;
    while (read(pair[1], &byte, 1) > 0) continue;
    _exit(0);
  }
  close(pair[1]);
  close(ends[1]);
  made(pair[0], "unix-pair-with-child", "child=%d child-number=%d", child, pair[1]);
  made(ends[0], "pipe-with-child", "child=%d child-number=%d", child, ends[1]);
  return child;
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *walk) {
  (void)status, (void)flag, (void)walk;
  return remove(path);
}

int main(void) {
  // Numbers are the same wherever this is started from.
  close_range(3, UINT_MAX, 0);
  signal(SIGPIPE, SIG_IGN);
  const char *above = getenv("TMPDIR");
  snprintf(directory, sizeof directory, "%s/zoo-XXXXXX", above ? above : "/tmp");
  if (!mkdtemp(directory)) return perror(directory), 1;

  pid_t child = make_child();
  make_files();
  make_terminals();
  make_pipes();
  make_unix_sockets();
  make_network_sockets();
  make_other_sockets();
  make_kernel_objects(child);
  printf("ready pid=%d child=%d directory=%s\n", getpid(), child, directory);
  fflush(stdout);

  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0 || errno == EINTR) errno = 0;
  nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  return 0;
}
