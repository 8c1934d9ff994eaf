// Requests, time and latencies. Latencies fall into buckets a 64th of their size wide, so that counting costs nothing.

#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <time.h>

enum { FINE = 6, BUCKETS = (64 - FINE + 1) << FINE };

static struct bounds limit;
static uint64_t start, last, deadline, begun, done, samples;
static uint64_t bucket[BUCKETS];

uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void measure_start(struct bounds bounds) {
  limit = bounds;
  start = last = now();
  deadline = start + (uint64_t)(bounds.seconds * 1e9);
}

int measure_begin(void) {
  if (limit.requests ? begun >= limit.requests : last >= deadline) return 0;
  begun++;
  return 1;
}

void measure_done(uint64_t requests) {
  done += requests;
  last = now();
}

static size_t bucket_of(uint64_t value) {
  if (value < 1u << FINE) return value;
  int shift = 63 - __builtin_clzll(value) - FINE;
  return ((size_t)(shift + 1) << FINE) + (size_t)((value >> shift) & ((1u << FINE) - 1));
}

// The middle of a bucket.
static double value_of(size_t index) {
  if (index < 1u << FINE) return (double)index;
  int shift = (int)(index >> FINE) - 1;
  uint64_t low = ((1ull << FINE) + (index & ((1u << FINE) - 1))) << shift;
  return (double)low + (double)(1ull << shift) / 2;
}

void measure_latency(uint64_t nanoseconds) {
  bucket[bucket_of(nanoseconds)]++;
  samples++;
}

static double percentile(double part) {
  uint64_t before = 0, wanted = (uint64_t)(part * (double)samples);
  for (size_t index = 0; index < BUCKETS; index++) {
    before += bucket[index];
    if (before > wanted) return value_of(index) / 1e3;
  }
  return 0;
}

void measure_print(void) {
  double seconds = (double)(last - start) / 1e9;
  printf("requests=%llu seconds=%.6f rate=%.1f", (unsigned long long)done, seconds, (double)done / seconds);
  if (samples) printf(" p50=%.2f p99=%.2f", percentile(.50), percentile(.99));
  putchar('\n');
}
