// What the two halves of the floor share: connections, and what a line does to them.

#ifndef SERVER_H
#define SERVER_H

#include <stddef.h>
#include <sys/types.h>

enum mode { ECHO_LINES, REPLY_ONCE, COUNT_LINES };

// Bytes on the heap; none for a connection that has nothing unread and nothing unsent, so that an idle one is small.
struct bytes {
  char *start;
  size_t count;
};

struct connection {
  int descriptor;
  unsigned wants_room : 1; // Registered for EPOLLOUT.
  unsigned ending : 1;     // To be closed as soon as all is sent.
  size_t lines;
  struct bytes unread; // The beginning of a line.
  struct bytes unsent; // Replies that the socket had no room for.
};

// The longest line; a peer that sends a longer one is hung up on.
enum { LONGEST_LINE = 1 << 20, READ_SIZE = 1 << 16 };

enum outcome {
  GOES_ON,    // All that there was has been read.
  HAS_MORE,   // Its turn is over before its bytes are.
  WAITS_ROOM, // Replies wait for the peer to read.
  IS_OVER,    // To be closed.
};

// Reads, serves the lines and writes the replies; `hung_up` when the kernel said that the end is near.
enum outcome serve_input(struct connection *connection, enum mode mode, int hung_up);

// Sends what was left unsent.
enum outcome serve_room(struct connection *connection, enum mode mode, int hung_up);

void *must_have(void *memory);
void fail(const char *what) __attribute__((noreturn));

#endif
