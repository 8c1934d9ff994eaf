// What each part of the program that valgrind watches stands on.

#ifndef VALGRIND_CHECK_H
#define VALGRIND_CHECK_H

#undef NDEBUG
#include "CIPCShim.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The parts; each has as many descriptors at its end as at its beginning.
void check_descriptors(void);
void check_counters(void);
void check_memory(void);
void check_events(void);
void check_origins(void);
void check_paths(void);
void check_sockets(void);
void check_peers(void);
void check_datagrams(void);
void check_messages(void);
void check_fifos(void);
void check_census(void);
void check_diagnostics(void);
void check_terminals(void);
void check_signals(void);
void check_processes(void);
void check_spawns(void);
void check_handover(void);
void check_activation(void);
void check_notification(void);

// A number that nothing has.
#define CLOSED 900

// Whether valgrind watches.
int is_watched(void);
// Whether a call failed because valgrind does not know it; only a watched program may say so.
int is_unknown_call(int64_t result);
// No more than so many numbers are free for this process, and all are again.
void take_room(int left);
void give_room(void);
// What a call answers that would need one more descriptor.
#define WITHOUT_ROOM(call) \
  ({ \
    take_room(0); \
    __typeof__(call) answer = (call); \
    give_room(); \
    answer; \
  })

// An interval timer that interrupts whatever waits; the second time it writes a byte to `descriptor` first, unless that
// is -1.
void begin_interrupting(int descriptor);
void end_interrupting(void);

// A file with that content and mode.
void write_file(const char *path, const char *content, unsigned mode);

#endif
