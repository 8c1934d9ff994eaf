// A connection's bytes: read into one buffer that all connections share, cut into lines, answered one write a batch.

#define _GNU_SOURCE
#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// Reads in a row before others have their turn.
enum { MOST_READS = 16 };

// The start of a line is put before what is read next, and a batch's replies are no longer than its lines.
static char input[LONGEST_LINE + READ_SIZE];
static char output[LONGEST_LINE + READ_SIZE];
static size_t output_count;

static void keep(struct bytes *bytes, const char *start, size_t count) {
  free(bytes->start);
  bytes->start = NULL;
  bytes->count = count;
  if (count) bytes->start = memcpy(must_have(malloc(count)), start, count);
}

static void put(const char *bytes, size_t count) {
  memcpy(output + output_count, bytes, count);
  output_count += count;
}

// One line, newline included; 0 when the conversation is over.
static int handle_line(struct connection *connection, enum mode mode, const char *line, size_t length) {
  static const char okay[] = "{\"ok\":true}\n";
  switch (mode) {
  case ECHO_LINES:
    put(line, length);
    return 1;
  case REPLY_ONCE:
    put(okay, sizeof okay - 1);
    return 0;
  default:
    connection->lines++;
    return 1;
  }
}

// Cuts `count` bytes of input into lines, the first `searched` of which hold no newline, and keeps the rest.
static int handle_input(struct connection *connection, enum mode mode, size_t count, size_t searched) {
  const char *line = input, *end = input + count, *search = input + searched, *newline;
  while ((newline = memchr(search, '\n', (size_t)(end - search)))) {
    if (!handle_line(connection, mode, line, (size_t)(newline + 1 - line))) return 0;
    line = search = newline + 1;
  }
  size_t rest = (size_t)(end - line);
  if (rest > LONGEST_LINE) return 0;
  if (rest || connection->unread.count) keep(&connection->unread, line, rest);
  return 1;
}

static void handle_end(struct connection *connection, enum mode mode) {
  if (mode == COUNT_LINES) {
    size_t lines = connection->lines + (connection->unread.count > 0);
    output_count += (size_t)sprintf(output, "%zu\n", lines);
  } else if (connection->unread.count) {
    // The last line needs no newline; its echo has one.
    char *line = must_have(malloc(connection->unread.count + 1));
    memcpy(line, connection->unread.start, connection->unread.count);
    line[connection->unread.count] = '\n';
    handle_line(connection, mode, line, connection->unread.count + 1);
    free(line);
  }
  connection->ending = 1;
}

// Sends the batch; what does not fit becomes the connection's.
static enum outcome flush(struct connection *connection) {
  size_t count = output_count;
  output_count = 0;
  ssize_t sent = count ? send(connection->descriptor, output, count, MSG_NOSIGNAL) : 0;
  if (sent < 0 && errno != EAGAIN) return IS_OVER;
  if (sent < 0) sent = 0;
  if ((size_t)sent < count) {
    keep(&connection->unsent, output + sent, count - (size_t)sent);
    return WAITS_ROOM;
  }
  return connection->ending ? IS_OVER : GOES_ON;
}

enum outcome serve_input(struct connection *connection, enum mode mode, int hung_up) {
  if (connection->unsent.count) return WAITS_ROOM;
  for (int reads = 0; reads < MOST_READS; reads++) {
    size_t before = connection->unread.count;
    if (before) memcpy(input, connection->unread.start, before);
    ssize_t got = read(connection->descriptor, input + before, READ_SIZE);
    if (got < 0) return errno == EAGAIN ? GOES_ON : IS_OVER;
    if (got == 0)
      handle_end(connection, mode);
    else if (!handle_input(connection, mode, before + (size_t)got, before))
      connection->ending = 1;
    enum outcome outcome = flush(connection);
    if (outcome != GOES_ON) return outcome;
    // A short read took all that there was; only the end can be left, and the kernel has said whether it is.
    if (got < READ_SIZE && !hung_up) return GOES_ON;
  }
  return HAS_MORE;
}

enum outcome serve_room(struct connection *connection, enum mode mode, int hung_up) {
  struct bytes *unsent = &connection->unsent;
  ssize_t sent = send(connection->descriptor, unsent->start, unsent->count, MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN ? WAITS_ROOM : IS_OVER;
  if ((size_t)sent < unsent->count) {
    memmove(unsent->start, unsent->start + sent, unsent->count -= (size_t)sent);
    return WAITS_ROOM;
  }
  keep(unsent, NULL, 0);
  if (connection->ending) return IS_OVER;
  // What came meanwhile made no edge that is still to come.
  return serve_input(connection, mode, hung_up);
}
