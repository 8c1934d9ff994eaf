// Where descriptors were made, for whoever looks for one that was forgotten.

#ifndef CIPCSHIM_ORIGIN_H
#define CIPCSHIM_ORIGIN_H

#include "base.h"

// MARK: origin.c — a place in the source for each number

// Not to be touched but by the functions below.
extern __attribute__((visibility("hidden"))) int ipc_origin_flag;

// Whether places are recorded: what every descriptor pays for it where they are not.
static inline int ipc_records_origins(void) { return __atomic_load_n(&ipc_origin_flag, __ATOMIC_RELAXED); }

// From the beginning it is what IPCKIT_ORIGINS says: on, unless that is missing, empty or 0. Off forgets all places.
void ipc_set_records_origins(int on);
// `file` is kept as it is, and must live as long as the program. Whatever was recorded for the number is forgotten.
void ipc_record_origin(int descriptor, const char *IPC_NONNULL file, uint32_t line);
// ipc_close does it.
void ipc_forget_origin(int descriptor);
// 1 when the place was stored, 0 when none is known.
int ipc_origin(int descriptor, const char *IPC_NULLABLE *IPC_NONNULL file, uint32_t *IPC_NONNULL line);

#endif
