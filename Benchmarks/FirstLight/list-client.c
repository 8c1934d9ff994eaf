// What `windowctl list-windows --json` does, in C: connect, ask, read the line, print it.

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 2) return 64;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) return perror("connect"), 3;
  const char request[] = "{\"list-windows\":{}}\n";
  if (write(fd, request, sizeof request - 1) < 0) return perror("write"), 1;
  char reply[65536];
  ssize_t total = 0, got;
  while ((got = read(fd, reply + total, sizeof reply - total)) > 0) {
    total += got;
    if (reply[total - 1] == '\n') break;
  }
  fwrite(reply, 1, total, stdout);
  return 0;
}
