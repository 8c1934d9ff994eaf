// What the kinds of load share: how long they run, how they connect, what they measured.

#ifndef LOAD_H
#define LOAD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Nobody waits longer than this for a server.
enum { PATIENCE_SECONDS = 10, LONGEST_LINE = 1 << 16, MOST_CONNECTIONS = 100000 };

// When to stop: after a number of requests, or, where that is 0, after a time.
struct bounds {
  uint64_t requests;
  double seconds;
  int rests; // Each request waits until the server sleeps.
};

void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

// Nanoseconds on the monotonic clock.
uint64_t now(void);

// A blocking stream socket, connected.
int connect_to(const char *path);

// Who listens at the other end; and waiting until all threads of that process sleep.
void rest_learn_server(int descriptor);
void rest(void);

// A stretch of time with requests in it. `begin` takes one more request on, if the bounds allow it.
void measure_start(struct bounds bounds);
int measure_begin(void);
void measure_done(uint64_t requests);
void measure_latency(uint64_t nanoseconds);
// Prints the line for the machine; percentiles if there were latencies.
void measure_print(void);

void run_stream(const char *path, size_t connections, size_t line_length, int pipelined, struct bounds bounds);
void run_churn(const char *path, size_t width, struct bounds bounds);
void run_hold(const char *path, size_t count, int sends_byte);

#endif
