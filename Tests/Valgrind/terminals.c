// Pseudo-terminals, their settings, and signals out of a descriptor: terminal.c, signal.c.

#define _GNU_SOURCE
#include "check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

// The other side of a master, which is not taken for a controlling terminal.
static int open_side(int master) {
  char path[32];
  snprintf(path, sizeof path, "/dev/pts/%d", ipc_terminal_number(master));
  int side = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
  assert(side >= 0);
  return side;
}

static void check_settings(int side) {
  struct ipc_terminal_settings before, raw, now;
  struct termios found;
  assert(ipc_get_terminal_settings(side, &before) == 0 && ipc_get_terminal_settings(CLOSED, &now) == -EBADF);
  raw = before;
  ipc_make_raw(&raw);
  assert(memcmp(&raw, &before, sizeof raw) != 0 && ipc_set_terminal_settings(side, &raw) == 0);
  assert(ipc_get_terminal_settings(side, &now) == 0 && memcmp(&now, &raw, sizeof now) == 0);
  assert(tcgetattr(side, &found) == 0 && !(found.c_lflag & (ICANON | ECHO)));
  assert(ipc_set_terminal_settings(side, &before) == 0 && ipc_get_terminal_settings(side, &now) == 0);
  assert(memcmp(&now, &before, sizeof now) == 0 && ipc_set_terminal_settings(CLOSED, &before) == -EBADF);
}

// In a session that the terminal is the controlling one of, whose leader keeps it; others give it up, once and for all.
static void leave(int side) {
  assert(setsid() == getpid() && ioctl(side, TIOCSCTTY, 0) == 0 && ipc_leave_terminal() == 0);
  int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
  assert(terminal >= 0 && close(terminal) == 0);
  pid_t other = fork();
  if (other == 0) {
    assert(WITHOUT_ROOM(ipc_leave_terminal()) == -EMFILE && ipc_leave_terminal() == 0);
    assert(open("/dev/tty", O_RDWR | O_CLOEXEC) == -1 && errno == ENXIO && ipc_leave_terminal() == 0);
    _exit(0);
  }
  int status;
  assert(waitpid(other, &status, 0) == other && status == 0);
}

static void check_leaving(int side) {
  pid_t leader = fork();
  if (leader == 0) {
    // Its end hangs the terminal up.
    signal(SIGHUP, SIG_IGN);
    leave(side);
    _exit(0);
  }
  int status;
  assert(waitpid(leader, &status, 0) == leader && status == 0);
  // Whatever this one was started on, it can do without.
  assert(ipc_leave_terminal() == 0);
}

void check_terminals(void) {
  uint16_t columns = 0, rows = 0;
  int master = ipc_open_terminal(81, 25), other = ipc_open_terminal(80, 24), null = ipc_open_null();
  assert(master >= 0 && other >= 0 && WITHOUT_ROOM(ipc_open_terminal(80, 24)) == -EMFILE);
  int side = open_side(master);
  assert(ipc_terminal_size(side, &columns, &rows) == 0 && columns == 81 && rows == 25);
  assert(ipc_set_terminal_size(master, 100, 50) == 0 && ipc_terminal_size(master, &columns, &rows) == 0);
  assert(columns == 100 && rows == 50 && ipc_set_terminal_size(CLOSED, 1, 1) == -EBADF);
  assert(ipc_terminal_size(null, &columns, &rows) == -ENOTTY && ipc_set_terminal_size(null, 1, 1) == -ENOTTY);
  assert(ipc_terminal_number(master) >= 0 && ipc_terminal_number(side) == -ENOTTY);
  assert(ipc_terminal_number(CLOSED) == -EBADF);
  // Nobody has it as a controlling terminal.
  assert(ipc_terminal_foreground(master) == 0 && ipc_terminal_foreground(side) == -ENOTTY);
  assert(ipc_terminal_is_masters_other_side(master, side) == 1 && ipc_terminal_is_masters_other_side(other, side) == 0);
  assert(ipc_terminal_is_masters_other_side(side, side) == -ENOTTY);
  assert(ipc_terminal_is_masters_other_side(master, CLOSED) == -EBADF);
  // Valgrind takes no number away from a call that it does not know.
  if (!is_watched()) assert(WITHOUT_ROOM(ipc_terminal_is_masters_other_side(master, side)) == -EMFILE);
  int again = ipc_reopen_terminal(side);
  assert(again >= 0 && ipc_is_non_blocking(again) == 1 && ipc_is_non_blocking(side) == 0 && ipc_close(again) == 0);
  assert(ipc_reopen_terminal(master) == -ENOTTY && ipc_reopen_terminal(null) == -ENOTTY);
  assert(ipc_reopen_terminal(CLOSED) == -ENOTTY && WITHOUT_ROOM(ipc_reopen_terminal(side)) == -EMFILE);
  check_settings(side);
  check_leaving(side);
  assert(ipc_close(side) == 0 && ipc_close(null) == 0 && ipc_close(other) == 0 && ipc_close(master) == 0);
}

void check_signals(void) {
  const int wanted[] = {SIGUSR1, SIGUSR2}, wrong[] = {SIGUSR1, 100};
  struct ipc_signal signal;
  sigset_t before;
  assert(sigprocmask(SIG_SETMASK, NULL, &before) == 0);
  assert(ipc_signalfd(wrong, 2) == -EINVAL && WITHOUT_ROOM(ipc_signalfd(wanted, 2)) == -EMFILE);
  int descriptor = ipc_signalfd(wanted, 2);
  assert(descriptor >= 0 && ipc_signalfd_read(descriptor, &signal) == 0 && raise(SIGUSR2) == 0);
  assert(ipc_signalfd_read(descriptor, &signal) == 1 && signal.number == SIGUSR2 && signal.pid == getpid());
  assert(signal.uid == getuid() && !signal.has_ended && ipc_signalfd_read(CLOSED, &signal) == -EBADF);
  assert(ipc_close(descriptor) == 0 && sigprocmask(SIG_SETMASK, &before, NULL) == 0);
}
