// The load generator for line servers on Unix sockets; one thread. It ends with 1 when a reply is wrong or late.

#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static const char usage[] = "usage: load SOCKET pingpong CONNECTIONS BYTES SECONDS\n"
                            "       load SOCKET pipeline CONNECTIONS BYTES SECONDS\n"
                            "       load SOCKET churn WIDTH SECONDS\n"
                            "       load SOCKET idle COUNT\n"
                            "       load SOCKET waiting COUNT\n"
                            "`-n REQUESTS` may stand in the place of SECONDS; with a further `-r`\n"
                            "each request waits until the server sleeps.\n";

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("load: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(1);
}

int connect_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) fail("%s is too long", path);
  strcpy(address.sun_path, path);
  int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) fail("socket: %s", strerror(errno));
  if (connect(descriptor, (struct sockaddr *)&address, sizeof address) < 0) fail("connect: %s", strerror(errno));
  return descriptor;
}

// Whatever hangs where nobody looks at a clock, such as connect(2), ends by the alarm's signal.
enum { MOST_SECONDS = 600 };

static void misuse(void) {
  fputs(usage, stderr);
  exit(64);
}

static size_t number(const char *text, size_t least, size_t most) {
  char *end;
  unsigned long long value = strtoull(text, &end, 10);
  if (!*text || *end || value < least || value > most) misuse();
  return value;
}

static struct bounds bounds_of(char **arguments, int count) {
  int rests = count == 3 && !strcmp(arguments[2], "-r");
  if (count == 2 + rests && !strcmp(arguments[0], "-n")) {
    alarm(MOST_SECONDS);
    return (struct bounds){.requests = number(arguments[1], 1, 100000000), .rests = rests};
  }
  char *end;
  double seconds = count == 1 ? strtod(arguments[0], &end) : 0;
  if (count != 1 || *end || !(seconds > 0 && seconds <= MOST_SECONDS)) misuse();
  alarm((unsigned)seconds + 3 * PATIENCE_SECONDS);
  return (struct bounds){.seconds = seconds};
}

int main(int argc, char **argv) {
  if (argc < 4) misuse();
  const char *path = argv[1], *kind = argv[2];
  size_t count = number(argv[3], 1, MOST_CONNECTIONS);
  int streams = !strcmp(kind, "pingpong") || !strcmp(kind, "pipeline");
  if (streams && argc > 5) {
    size_t length = number(argv[4], 2, LONGEST_LINE);
    run_stream(path, count, length, !strcmp(kind, "pipeline"), bounds_of(argv + 5, argc - 5));
  } else if (!strcmp(kind, "churn") && argc > 4) {
    run_churn(path, count, bounds_of(argv + 4, argc - 4));
  } else if (!strcmp(kind, "idle") && argc == 4) {
    run_hold(path, count, 0);
  } else if (!strcmp(kind, "waiting") && argc == 4) {
    run_hold(path, count, 1);
  } else {
    misuse();
  }
  return 0;
}
