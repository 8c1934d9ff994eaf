// Conversations of one line each: connect, ask, read the answer to the end of the file, close; WIDTH of them at once.

#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_AT_ONCE = 64 };

static const char question[] = "{\"list-windows\":{}}\n";
static const char answer[] = "{\"ok\":true}\n";

struct conversation {
  uint64_t begun;
  size_t received;
};

static int ask(const char *path, struct conversation *conversation, int rests) {
  static int knows_server;
  if (rests && knows_server) rest();
  *conversation = (struct conversation){.begun = now()};
  int descriptor = connect_to(path);
  if (rests && !knows_server) rest_learn_server(descriptor);
  knows_server = rests;
  ssize_t sent = send(descriptor, question, sizeof question - 1, MSG_NOSIGNAL);
  if (sent != (ssize_t)sizeof question - 1) fail("send: %s", strerror(errno));
  return descriptor;
}

// Reads once; 1 when the conversation has come to its right end.
static int hear(int descriptor, struct conversation *conversation) {
  char bytes[256];
  ssize_t got = recv(descriptor, bytes, sizeof bytes, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return 0;
  if (got < 0) fail("recv: %s", strerror(errno));
  if (got == 0 && conversation->received < sizeof answer - 1) fail("the server hung up before it answered");
  if (got == 0) return 1;
  size_t end = conversation->received + (size_t)got;
  if (end > sizeof answer - 1 || memcmp(bytes, answer + conversation->received, (size_t)got)) fail("a wrong answer");
  conversation->received = end;
  return 0;
}

void run_churn(const char *path, size_t width, struct bounds bounds) {
  struct pollfd entries[MOST_AT_ONCE];
  struct conversation conversations[MOST_AT_ONCE] = {{0, 0}};
  if (width > MOST_AT_ONCE) fail("at most %d conversations at once", MOST_AT_ONCE);
  measure_start(bounds);
  size_t open = 0;
  for (size_t i = 0; i < width; i++) {
    entries[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    if (!measure_begin()) continue;
    entries[i].fd = ask(path, &conversations[i], bounds.rests);
    open++;
  }
  while (open) {
    int count = poll(entries, width, PATIENCE_SECONDS * 1000);
    if (count < 0 && errno != EINTR) fail("poll: %s", strerror(errno));
    if (count == 0) fail("the server has been silent for %d s", PATIENCE_SECONDS);
    for (size_t i = 0; i < width; i++) {
      if (entries[i].fd < 0 || !entries[i].revents || !hear(entries[i].fd, &conversations[i])) continue;
      close(entries[i].fd);
      entries[i].fd = -1;
      measure_done(1);
      measure_latency(now() - conversations[i].begun);
      if (measure_begin())
        entries[i].fd = ask(path, &conversations[i], bounds.rests);
      else
        open--;
    }
  }
  measure_print();
}
