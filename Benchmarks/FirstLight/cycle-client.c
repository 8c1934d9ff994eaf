// Opens windows that run `true` and waits for each to have gone, over CONNECTIONS connections at once; prints cycles/s.
// cycle-client SOCKET N CONNECTIONS

#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static int connect_to(const char *path) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) perror("connect"), exit(1);
  return fd;
}

static void say(int fd, const char *text) {
  if (write(fd, text, strlen(text)) != (ssize_t)strlen(text)) perror("write"), exit(1);
}

int main(int argc, char **argv) {
  if (argc < 4) return 64;
  int count = atoi(argv[2]), width = atoi(argv[3]), begun = 0, done = 0;
  struct pollfd entries[64];
  int waits[64] = {0};
  const char *create = "{\"create-window\":{\"command\":[\"true\"]}}\n";
  double start = now();
  for (int i = 0; i < width; i++) {
    entries[i] = (struct pollfd){connect_to(argv[1]), POLLIN, 0};
    say(entries[i].fd, create);
    begun++;
  }
  while (done < count) {
    poll(entries, width, -1);
    for (int i = 0; i < width; i++) {
      if (!entries[i].revents) continue;
      char reply[4096];
      ssize_t got = read(entries[i].fd, reply, sizeof reply - 1);
      if (got <= 0) return fprintf(stderr, "the daemon has gone\n"), 1;
      reply[got] = 0;
      if (strstr(reply, "\"error\"")) return fputs(reply, stderr), 1;
      if (!waits[i]) {
        char request[64];
        snprintf(request, sizeof request, "{\"wait\":{\"id\":%lld}}\n", atoll(strstr(reply, "\"id\":") + 5));
        say(entries[i].fd, request);
        waits[i] = 1;
      } else {
        waits[i] = 0;
        done++;
        if (begun < count) {
          say(entries[i].fd, create);
          begun++;
        }
      }
    }
  }
  printf("%.1f\n", count / (now() - start));
  return 0;
}
