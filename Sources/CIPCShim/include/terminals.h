// Terminals: a master's side, and a user's that was lent to us.

#ifndef CIPCSHIM_TERMINALS_H
#define CIPCSHIM_TERMINALS_H

#include "base.h"

// MARK: terminal.c — terminals

// open(2) of /dev/ptmx, TIOCSPTLCK and TIOCSWINSZ: a master, non-blocking.
int ipc_open_terminal(uint16_t columns, uint16_t rows);
int ipc_set_terminal_size(int terminal, uint16_t columns, uint16_t rows);
// TIOCGWINSZ.
int ipc_terminal_size(int terminal, uint16_t *IPC_NONNULL columns, uint16_t *IPC_NONNULL rows);
// TIOCGPTN: which of the pseudo-terminals it is the master of; -ENOTTY for what is no master.
int ipc_terminal_number(int master);
// TIOCGPGRP: the process group that runs in the foreground; on a master, of its other side.
int ipc_terminal_foreground(int terminal);
// TIOCGPTN, TIOCGPTPEER and fstat(2): whether `terminal` is what programs on `master` have.
int ipc_terminal_is_masters_other_side(int master, int terminal);
// open(2) of /proc/self/fd/N: another open file of the same terminal, non-blocking. -ENOTTY for what is none, or is a
// master; -ENXIO for /dev/tty, which would be another one here.
int ipc_reopen_terminal(int terminal);
// open(2) of /dev/tty and TIOCNOTTY, but in a session's leader; 0 as well where there is no such terminal.
int ipc_leave_terminal(void);

// The C library's termios, whatever is in it.
struct ipc_terminal_settings {
  uint64_t content[8];
};
// tcgetattr(3).
int ipc_get_terminal_settings(int terminal, struct ipc_terminal_settings *IPC_NONNULL settings);
// tcsetattr(3), at once.
int ipc_set_terminal_settings(int terminal, const struct ipc_terminal_settings *IPC_NONNULL settings);
// cfmakeraw(3).
void ipc_make_raw(struct ipc_terminal_settings *IPC_NONNULL settings);

#endif
