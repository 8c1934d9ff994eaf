// Where descriptors were made: a table by number, which costs nobody anything but a look at a flag until it is asked for.

#define _GNU_SOURCE
#include "CIPCShim.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

int ipc_origin_flag;

struct place {
  // Null where none is known.
  const char *file;
  uint32_t line;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct place *places;
static size_t capacity;

static void acquire(void) { pthread_mutex_lock(&lock); }
static void release(void) { pthread_mutex_unlock(&lock); }

__attribute__((constructor)) static void begin(void) {
  // A child of fork(2) has the thread that forked alone: no other may hold the lock then.
  pthread_atfork(acquire, release, release);
  // Not the word of whoever starts a program that has more rights than he.
  const char *wanted = secure_getenv("IPCKIT_ORIGINS");
  if (wanted && *wanted && strcmp(wanted, "0") != 0) ipc_set_records_origins(1);
}

void ipc_set_records_origins(int on) {
  acquire();
  __atomic_store_n(&ipc_origin_flag, on != 0, __ATOMIC_RELAXED);
  // What is closed from now on would not be forgotten.
  if (!on) {
    free(places);
    places = NULL;
    capacity = 0;
  }
  release();
}

// Whether there is a place for the number. Where there is no memory, what cannot be kept is not.
static int has_room(size_t number) {
  if (number < capacity) return 1;
  size_t wanted = capacity ? capacity : 64;
  while (wanted <= number) wanted *= 2;
  struct place *larger = realloc(places, wanted * sizeof *places);
  if (!larger) return 0;
  memset(larger + capacity, 0, (wanted - capacity) * sizeof *larger);
  places = larger;
  capacity = wanted;
  return 1;
}

void ipc_record_origin(int descriptor, const char *file, uint32_t line) {
  if (descriptor < 0) return;
  acquire();
  // It may have been switched off since the caller looked.
  if (ipc_records_origins() && has_room((size_t)descriptor)) places[descriptor] = (struct place){file, line};
  release();
}

void ipc_forget_origin(int descriptor) {
  acquire();
  if (descriptor >= 0 && (size_t)descriptor < capacity) places[descriptor].file = NULL;
  release();
}

int ipc_origin(int descriptor, const char **file, uint32_t *line) {
  int is_known = 0;
  acquire();
  if (descriptor >= 0 && (size_t)descriptor < capacity && places[descriptor].file) {
    *file = places[descriptor].file;
    *line = places[descriptor].line;
    is_known = 1;
  }
  release();
  return is_known;
}
