// Terminals: the side that an emulator holds, and the side of a user's that was lent to us.

#define _GNU_SOURCE
#include "CIPCShim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

_Static_assert(sizeof(struct ipc_terminal_settings) >= sizeof(struct termios), "room for the C library's structure");

int ipc_open_terminal(uint16_t columns, uint16_t rows) {
  int master = ipc_open("/dev/ptmx", O_RDWR | O_NONBLOCK, 0);
  if (master < 0) return master;
  int unlocked = 0;
  int wrong = ioctl(master, TIOCSPTLCK, &unlocked) < 0 ? -errno : ipc_set_terminal_size(master, columns, rows);
  if (wrong) {
    close(master);
    return wrong;
  }
  return master;
}

int ipc_set_terminal_size(int terminal, uint16_t columns, uint16_t rows) {
  struct winsize size = {.ws_row = rows, .ws_col = columns};
  return ioctl(terminal, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

int ipc_terminal_size(int terminal, uint16_t *columns, uint16_t *rows) {
  struct winsize size;
  if (ioctl(terminal, TIOCGWINSZ, &size) < 0) return -errno;
  *columns = size.ws_col;
  *rows = size.ws_row;
  return 0;
}

int ipc_terminal_foreground(int terminal) {
  int group;
  return ioctl(terminal, TIOCGPGRP, &group) < 0 ? -errno : group;
}

int ipc_terminal_is_masters_other_side(int master, int terminal) {
  struct stat status, peer_status;
  unsigned int number;
  if (ioctl(master, TIOCGPTN, &number) < 0 || fstat(terminal, &status) < 0) return -errno;
  // The number alone first: another instance of the file system has the same ones.
  if (minor(status.st_rdev) != number) return 0;
  int peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (peer < 0) return -errno;
  int wrong = fstat(peer, &peer_status) < 0 ? -errno : 0;
  close(peer);
  if (wrong) return wrong;
  return status.st_dev == peer_status.st_dev && status.st_ino == peer_status.st_ino;
}

int ipc_terminal_number(int master) {
  unsigned int number;
  return ioctl(master, TIOCGPTN, &number) < 0 ? -errno : (int)number;
}

int ipc_reopen_terminal(int terminal) {
  struct termios settings;
  unsigned int number;
  struct stat lent, opened;
  if (tcgetattr(terminal, &settings) < 0) return -ENOTTY;
  // The master of a pair is no terminal to show something on, and opening it again would make another pair.
  if (ioctl(terminal, TIOCGPTN, &number) == 0) return -ENOTTY;
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", terminal);
  int descriptor = ipc_open(path, O_RDWR | O_NONBLOCK, 0);
  if (descriptor < 0) return descriptor;
  int wrong = fstat(terminal, &lent) < 0 || fstat(descriptor, &opened) < 0 ? -errno : 0;
  // /dev/tty is another terminal to everyone who opens it.
  if (!wrong && lent.st_rdev == makedev(5, 0)) wrong = -ENXIO;
  if (!wrong && (lent.st_rdev != opened.st_rdev || lent.st_ino != opened.st_ino)) wrong = -ENXIO;
  if (!wrong) return descriptor;
  close(descriptor);
  return wrong;
}

int ipc_leave_terminal(void) {
  if (getsid(0) == getpid()) return 0;
  int terminal = ipc_open("/dev/tty", O_RDONLY | O_NONBLOCK, 0);
  // There is none, or not even a place for one.
  if (terminal < 0) return terminal == -ENXIO || terminal == -ENOENT ? 0 : terminal;
  int wrong = ioctl(terminal, TIOCNOTTY) < 0 ? -errno : 0;
  close(terminal);
  return wrong;
}

int ipc_get_terminal_settings(int terminal, struct ipc_terminal_settings *settings) {
  struct termios found;
  // The holes in it too, so that the same settings are the same bytes.
  memset(&found, 0, sizeof found);
  memset(settings, 0, sizeof *settings);
  if (tcgetattr(terminal, &found) < 0) return -errno;
  memcpy(settings, &found, sizeof found);
  return 0;
}

int ipc_set_terminal_settings(int terminal, const struct ipc_terminal_settings *settings) {
  struct termios wanted;
  memcpy(&wanted, settings, sizeof wanted);
  int result;
  do
    result = tcsetattr(terminal, TCSANOW, &wanted);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : 0;
}

void ipc_make_raw(struct ipc_terminal_settings *settings) {
  struct termios raw;
  memcpy(&raw, settings, sizeof raw);
  cfmakeraw(&raw);
  memcpy(settings, &raw, sizeof raw);
}
