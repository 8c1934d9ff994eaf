// The floor for messages, both ends in one thread: a descriptor with a byte over a stream, received and closed, or a packet
// of 4 KiB: c-messages descriptors|packets [SECONDS].

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { PACKET = 4096, BATCH = 256 };

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void pass_descriptor(const int ends[2], int passed) {
  char byte = 'x', got;
  struct iovec out = {&byte, 1}, in = {&got, 1};
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
  struct msghdr message = {.msg_iov = &out, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  control.header.cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(&control.header), &passed, sizeof(int));
  if (sendmsg(ends[0], &message, MSG_NOSIGNAL) != 1) fail("sendmsg");
  struct msghdr arrived = {.msg_iov = &in, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  if (recvmsg(ends[1], &arrived, MSG_CMSG_CLOEXEC) != 1 || arrived.msg_flags & MSG_CTRUNC) fail("recvmsg");
  struct cmsghdr *header = CMSG_FIRSTHDR(&arrived);
  if (!header || header->cmsg_type != SCM_RIGHTS) fail("nothing came");
  int received;
  memcpy(&received, CMSG_DATA(header), sizeof(int));
  if (close(received) < 0) fail("close");
}

static void pass_packet(const int ends[2], const char *bytes, char *room) {
  if (send(ends[0], bytes, PACKET, MSG_NOSIGNAL) != PACKET) fail("send");
  if (recv(ends[1], room, PACKET, 0) != PACKET) fail("recv");
}

int main(int count, char **arguments) {
  if (count < 2) return 64;
  int packets = strcmp(arguments[1], "packets") == 0;
  double seconds = count > 2 ? atof(arguments[2]) : 1;
  int ends[2];
  if (socketpair(AF_UNIX, (packets ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC, 0, ends) < 0) fail("socketpair");
  static char bytes[PACKET], room[PACKET];
  memset(bytes, 'x', sizeof bytes);
  double start = now(), end;
  long messages = 0;
  do {
    for (int i = 0; i < BATCH; i++) {
      if (packets)
        pass_packet(ends, bytes, room);
      else
        pass_descriptor(ends, 0);
    }
    messages += BATCH;
    end = now();
  } while (end < start + seconds);
  printf("messages=%ld rate=%.1f\n", messages, (double)messages / (end - start));
  return 0;
}
