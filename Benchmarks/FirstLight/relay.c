// The floor of an attached window: a program on a pseudo-terminal, and what it prints on the terminal behind standard
// output, as script(1) does it. No window is kept, nobody else is served.
#define _GNU_SOURCE
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

int main(int count, char **arguments) {
  if (count < 2) return 64;
  struct termios before, raw;
  tcgetattr(0, &before);
  raw = before;
  cfmakeraw(&raw);
  tcsetattr(0, TCSANOW, &raw);
  int master;
  pid_t child = forkpty(&master, NULL, &before, NULL);
  if (child < 0) return 1;
  if (child == 0) {
    execvp(arguments[1], arguments + 1);
    _exit(127);
  }
  static char buffer[65536];
  struct pollfd watched[2] = {{master, POLLIN, 0}, {0, POLLIN, 0}};
  while (poll(watched, 2, -1) > 0) {
    if (watched[0].revents) {
      ssize_t got = read(master, buffer, sizeof buffer);
      if (got <= 0) break;
      for (ssize_t put = 0; put < got;) {
        ssize_t wrote = write(1, buffer + put, got - put);
        if (wrote < 0) return 1;
        put += wrote;
      }
    }
    if (watched[1].revents) {
      ssize_t got = read(0, buffer, sizeof buffer);
      if (got <= 0 || write(master, buffer, got) != got) break;
    }
  }
  waitpid(child, NULL, 0);
  tcsetattr(0, TCSANOW, &before);
  return 0;
}
