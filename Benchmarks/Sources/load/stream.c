// Lines that come back: one at a time on each connection, or a window full of them.
//
// All connections send pieces of one pattern, whose lines differ; each begins at another line. So a line that is lost,
// doubled, cut, swapped or sent to somebody else is seen by one comparison of what came with the pattern.

#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WINDOW = 1 << 16, BATCH = 64, PATTERN_LINES = 61 };

struct stream {
  int descriptor;
  int waits_room;
  size_t phase;              // Where in the pattern it begins.
  uint64_t sent, allowed;    // Bytes since the beginning.
  uint64_t received, begun;  // `begun` is when the last line was sent, if they go one at a time.
};

static char *pattern;  // The lines once, and then as much again as is sent or read at once.
static size_t period, line_length;
static int poller, is_pipelined, rests;

static void make_pattern(void) {
  period = line_length * PATTERN_LINES;
  size_t total = period + WINDOW + line_length;
  pattern = malloc(total);
  if (!pattern) fail("no memory");
  for (size_t i = 0; i < total; i++) {
    size_t line = i % period / line_length, column = i % line_length;
    // Neighbouring lines differ in every byte, distant ones in their shift.
    pattern[i] = column + 1 == line_length ? '\n' : (char)('0' + (column * (1 + line % 3) + line) % 61);
  }
}

static void watch(struct stream *stream, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = stream};
  if (epoll_ctl(poller, operation, stream->descriptor, &event) < 0) fail("epoll_ctl: %s", strerror(errno));
}

// Sends what is allowed, as far as it fits.
static void send_allowed(struct stream *stream) {
  while (stream->sent < stream->allowed) {
    uint64_t left = stream->allowed - stream->sent;
    const char *bytes = pattern + (stream->phase + stream->sent) % period;
    size_t count = left < WINDOW ? left : WINDOW;
    ssize_t sent = send(stream->descriptor, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EAGAIN) break;
    if (sent < 0) fail("send: %s", strerror(errno));
    stream->sent += (size_t)sent;
  }
  int waits = stream->sent < stream->allowed;
  if (waits == stream->waits_room) return;
  stream->waits_room = waits;
  watch(stream, EPOLL_CTL_MOD, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void allow_lines(struct stream *stream, uint64_t lines) {
  while (lines-- && measure_begin()) stream->allowed += line_length;
}

// Reads once and checks it; how many lines are complete by that.
static uint64_t receive(struct stream *stream, char *room) {
  ssize_t got = recv(stream->descriptor, room, WINDOW, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return 0;
  if (got < 0) fail("recv: %s", strerror(errno));
  if (got == 0) fail("the server hung up after %llu bytes", (unsigned long long)stream->received);
  if (stream->received + (size_t)got > stream->sent) fail("more came back than was sent");
  if (memcmp(room, pattern + (stream->phase + stream->received) % period, (size_t)got))
    fail("what came back is not what was sent, after %llu bytes", (unsigned long long)stream->received);
  uint64_t before = stream->received / line_length;
  stream->received += (size_t)got;
  return stream->received / line_length - before;
}

static void serve(struct stream *stream, uint32_t events, uint64_t *open, char *room) {
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
    uint64_t lines = receive(stream, room);
    if (!lines) return;
    measure_done(lines);
    *open -= lines;
    if (!is_pipelined) measure_latency(now() - stream->begun);
    uint64_t before = stream->allowed;
    allow_lines(stream, lines);
    *open += (stream->allowed - before) / line_length;
    if (rests) rest();
    stream->begun = now();
  }
  if (stream->sent < stream->allowed) send_allowed(stream);
}

// The server answers the end with the end, and nothing else is left.
static void end(struct stream *stream) {
  char byte;
  struct pollfd entry = {.fd = stream->descriptor, .events = POLLIN};
  shutdown(stream->descriptor, SHUT_WR);
  if (poll(&entry, 1, PATIENCE_SECONDS * 1000) != 1) fail("no end within %d s", PATIENCE_SECONDS);
  ssize_t got = recv(stream->descriptor, &byte, 1, MSG_DONTWAIT);
  if (got) fail("no clean end: %s", got < 0 ? strerror(errno) : "a byte too many");
  close(stream->descriptor);
}

void run_stream(const char *path, size_t connections, size_t length, int pipelined, struct bounds bounds) {
  static char room[WINDOW];
  line_length = length;
  is_pipelined = pipelined;
  rests = bounds.rests;
  make_pattern();
  poller = epoll_create1(EPOLL_CLOEXEC);
  struct stream *streams = calloc(connections, sizeof *streams);
  if (!streams || poller < 0) fail("no memory");
  for (size_t i = 0; i < connections; i++) {
    streams[i].descriptor = connect_to(path);
    streams[i].phase = i % PATTERN_LINES * line_length;
    watch(&streams[i], EPOLL_CTL_ADD, EPOLLIN);
  }
  if (rests) rest_learn_server(streams[0].descriptor), rest();
  measure_start(bounds);
  uint64_t open = 0;
  for (size_t i = 0; i < connections; i++) {
    allow_lines(&streams[i], pipelined && WINDOW > line_length ? WINDOW / line_length : 1);
    open += streams[i].allowed / line_length;
    streams[i].begun = now();
    send_allowed(&streams[i]);
  }
  while (open) {
    struct epoll_event events[BATCH];
    int count = epoll_wait(poller, events, BATCH, PATIENCE_SECONDS * 1000);
    if (count < 0 && errno != EINTR) fail("epoll_wait: %s", strerror(errno));
    if (count == 0) fail("the server has been silent for %d s", PATIENCE_SECONDS);
    for (int i = 0; i < count; i++) serve(events[i].data.ptr, events[i].events, &open, room);
  }
  measure_print();
  for (size_t i = 0; i < connections; i++) end(&streams[i]);
}
