// The floor: what a good C programmer writes for one thread, to compare servers with: c-epoll-server SOCKET MODE.

#define _GNU_SOURCE
#include "server.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BATCH = 64 };

static int poller;

void fail(const char *what) {
  fprintf(stderr, "c-epoll-server: %s: %s\n", what, strerror(errno));
  exit(1);
}

void *must_have(void *memory) {
  if (!memory) fail("memory");
  return memory;
}

static void watch(int operation, struct connection *connection) {
  uint32_t room = connection->wants_room ? EPOLLOUT : 0;
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET | room, .data.ptr = connection};
  if (epoll_ctl(poller, operation, connection->descriptor, &event) < 0) fail("epoll_ctl");
}

static void end(struct connection *connection) {
  close(connection->descriptor);
  free(connection->unread.start);
  free(connection->unsent.start);
  free(connection);
}

static void settle(struct connection *connection, enum outcome outcome) {
  switch (outcome) {
  case IS_OVER:
    end(connection);
    break;
  case GOES_ON:
    if (!connection->wants_room) break;
    connection->wants_room = 0;
    watch(EPOLL_CTL_MOD, connection);
    break;
  case HAS_MORE:
    // Registered anew, it is reported again after the others.
    connection->wants_room = 0;
    watch(EPOLL_CTL_MOD, connection);
    break;
  case WAITS_ROOM:
    if (connection->wants_room) break;
    connection->wants_room = 1;
    watch(EPOLL_CTL_MOD, connection);
    break;
  }
}

static void accept_one(int listener, enum mode mode) {
  int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor < 0) {
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
    fail("accept4");
  }
  struct connection *connection = must_have(calloc(1, sizeof *connection));
  connection->descriptor = descriptor;
  // Who connects sends at once, mostly: the first read comes before epoll hears of the connection, and if the reply
  // ends the conversation it never does.
  enum outcome outcome = serve_input(connection, mode, 0);
  if (outcome == IS_OVER) return end(connection);
  connection->wants_room = outcome == WAITS_ROOM;
  watch(EPOLL_CTL_ADD, connection);
}

static int listen_at(const char *path) {
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) errno = ENAMETOOLONG, fail(path);
  strcpy(address.sun_path, path);
  unlink(path);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4096) < 0)
    fail(path);
  return listener;
}

static enum mode mode_named(const char *name) {
  if (!strcmp(name, "echo")) return ECHO_LINES;
  if (!strcmp(name, "reply")) return REPLY_ONCE;
  if (!strcmp(name, "count")) return COUNT_LINES;
  errno = EINVAL;
  fail(name);
}

int main(int argc, char **argv) {
  if (argc != 3) return fprintf(stderr, "usage: c-epoll-server SOCKET echo|reply|count\n"), 64;
  enum mode mode = mode_named(argv[2]);
  int listener = listen_at(argv[1]);
  poller = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN};
  if (poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) < 0) fail("epoll");
  struct epoll_event events[BATCH];
  while (1) {
    int count = epoll_wait(poller, events, BATCH, -1);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < count; i++) {
      struct connection *connection = events[i].data.ptr;
      if (!connection) {
        accept_one(listener, mode);
        continue;
      }
      uint32_t what = events[i].events;
      int hung_up = (what & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
      if (connection->unsent.count)
        settle(connection, serve_room(connection, mode, hung_up));
      else
        settle(connection, serve_input(connection, mode, hung_up));
    }
  }
}
