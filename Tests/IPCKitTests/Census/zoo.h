// What the zoo's files share: a line for each descriptor that was made, or for one that the kernel refused.

#pragma once

#include <sys/types.h>

// `NUMBER KIND DETAIL... inode=N cloexec=0|1 nonblocking=0|1`, or `- KIND refused ERROR` for a negative number, which
// leaves its error in errno. Gives the number back.
int made(int number, const char *kind, const char *detail, ...) __attribute__((format(printf, 3, 4)));

// The zoo's directory, and a path in it.
extern char directory[];
const char *in_directory(const char *name);

// The other process: it holds number 4, the other end of 3's socket pair, and 6, which writes to 5's pipe.
pid_t make_child(void);

void make_files(void);
void make_terminals(void);
void make_pipes(void);
void make_unix_sockets(void);
void make_network_sockets(void);
void make_other_sockets(void);
void make_kernel_objects(pid_t child);
