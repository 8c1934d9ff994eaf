// Sockets of every family that there is, in the states that they can be in.

#define _GNU_SOURCE
#include "zoo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_alg.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void must(int result) {
  if (result < 0) perror("zoo"), abort();
}

static int new_socket(int family, int type) {
  int number = socket(family, type | SOCK_CLOEXEC, 0);
  must(number);
  return number;
}

// A leading @ stands for the NUL of an abstract name.
static socklen_t unix_address(struct sockaddr_un *address, const char *name) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  strncpy(address->sun_path, name, sizeof address->sun_path - 1);
  if (*name == '@') address->sun_path[0] = 0;
  return offsetof(struct sockaddr_un, sun_path) + strlen(name) + (*name != '@');
}

static int bound(int type, const char *name) {
  struct sockaddr_un address;
  socklen_t length = unix_address(&address, name);
  int number = new_socket(AF_UNIX, type);
  must(bind(number, (struct sockaddr *)&address, length));
  if (type != SOCK_DGRAM) must(listen(number, 7));
  return number;
}

static int connected(int type, const char *name) {
  struct sockaddr_un address;
  socklen_t length = unix_address(&address, name);
  int number = new_socket(AF_UNIX, type);
  must(connect(number, (struct sockaddr *)&address, length));
  return number;
}

// Both ends of a pair; bytes are queued in the first.
static void pair(int type, const char *kind, const char *bytes) {
  int ends[2];
  must(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends));
  if (*bytes) must((int)write(ends[1], bytes, strlen(bytes)));
  made(ends[0], kind, "peer=%d queued=%zu", ends[1], strlen(bytes));
  made(ends[1], kind, "peer=%d queued=0", ends[0]);
}

void make_unix_sockets(void) {
  const char *path = in_directory("stream.sock");
  int listener = bound(SOCK_STREAM, path), client = connected(SOCK_STREAM, path);
  int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  must(accepted);
  made(listener, "unix-stream-listening", "path=%s waiting=1 backlog=7", path);
  made(client, "unix-stream-client", "path=%s peer=%d", path, accepted);
  made(accepted, "unix-stream-accepted", "path=%s peer=%d", path, client);
  made(connected(SOCK_STREAM, path), "unix-stream-waiting", "path=%s listener=%d", path, listener);

  char name[32];
  snprintf(name, sizeof name, "@zoo-%d", getpid());
  made(bound(SOCK_STREAM, name), "unix-stream-abstract", "name=%s waiting=0", name);
  made(new_socket(AF_UNIX, SOCK_STREAM), "unix-stream-unbound", "%s", "");
  pair(SOCK_STREAM, "unix-stream-pair", "bytes");
  int ends[2];
  must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends));
  close(ends[1]);
  made(ends[0], "unix-stream-peer-closed", "peer=none");

  path = in_directory("datagram.sock");
  int receiver = made(bound(SOCK_DGRAM, path), "unix-datagram-bound", "path=%s", path);
  made(connected(SOCK_DGRAM, path), "unix-datagram-connected", "path=%s peer=%d", path, receiver);
  pair(SOCK_DGRAM, "unix-datagram-pair", "");
  path = in_directory("packet.sock");
  made(bound(SOCK_SEQPACKET, path), "unix-seqpacket-listening", "path=%s waiting=0", path);
  pair(SOCK_SEQPACKET, "unix-seqpacket-pair", "");
}

union address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

// The port of its own end.
static int port(int number) {
  union address address;
  socklen_t length = sizeof address;
  must(getsockname(number, &address.any, &length));
  return ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
}

static socklen_t loopback(union address *address, int family, int port) {
  memset(address, 0, sizeof *address);
  if (family == AF_INET) {
    address->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    address->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sizeof address->v4;
  }
  address->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
  address->v6.sin6_addr = in6addr_loopback;
  return sizeof address->v6;
}

// The socket when the call for it has succeeded; else it is closed, and errno is the call's.
static int unless_failed(int number, int result) {
  if (result == 0) return number;
  int error = errno;
  close(number);
  errno = error;
  return -1;
}

// Bound to a free port of this family's loopback; -1 where the family is missing.
static int bound_port(int family, int type) {
  union address address;
  socklen_t length = loopback(&address, family, 0);
  int number = socket(family, type | SOCK_CLOEXEC, 0);
  return number < 0 ? number : unless_failed(number, bind(number, &address.any, length));
}

// -1 where the loopback interface is down.
static int connected_to(int family, int type, int port) {
  union address address;
  socklen_t length = loopback(&address, family, port);
  int number = new_socket(family, type);
  return unless_failed(number, connect(number, &address.any, length));
}

static const char *named(const char *what, int family) {
  static char name[64];
  snprintf(name, sizeof name, "%s%c", what, family == AF_INET ? '4' : '6');
  return name;
}

static void make_tcp(int family) {
  int listener = bound_port(family, SOCK_STREAM);
  if (listener >= 0) must(listen(listener, 7));
  made(listener, named("tcp-listening-v", family), "port=%d waiting=0 backlog=7", listener < 0 ? 0 : port(listener));
  if (listener < 0) return;
  int client = connected_to(family, SOCK_STREAM, port(listener));
  if (client < 0) {
    made(client, named("tcp-client-v", family), "%s", "");
    return;
  }
  int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  must(accepted);
  made(client, named("tcp-client-v", family), "port=%d peer-port=%d peer=%d", port(client), port(listener), accepted);
  made(accepted, named("tcp-accepted-v", family), "port=%d peer-port=%d peer=%d", port(listener), port(client), client);

  int leaving = connected_to(family, SOCK_STREAM, port(listener)), left = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  must(left);
  int peer = port(leaving);
  close(leaving);
  // The end of the stream has come when it is read.
  char byte;
  must((int)read(left, &byte, 1));
  made(left, named("tcp-close-wait-v", family), "port=%d peer-port=%d", port(listener), peer);
}

static void make_udp(int family) {
  int receiver = bound_port(family, SOCK_DGRAM);
  made(receiver, named("udp-bound-v", family), "port=%d", receiver < 0 ? 0 : port(receiver));
  if (receiver < 0) return;
  int sender = connected_to(family, SOCK_DGRAM, port(receiver));
  int own = sender < 0 ? 0 : port(sender);
  made(sender, named("udp-connected-v", family), "port=%d peer-port=%d", own, port(receiver));
}

void make_network_sockets(void) {
  for (const int *family = (int[]){AF_INET, AF_INET6, 0}; *family; family++) {
    make_tcp(*family);
    make_udp(*family);
  }
  made(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "tcp-unbound", "%s", "");
}

// Bound where an address is given.
static int other(int family, int type, int protocol, const void *address, socklen_t length) {
  int number = socket(family, type | SOCK_CLOEXEC, protocol);
  return number < 0 || length == 0 ? number : unless_failed(number, bind(number, address, length));
}

void make_other_sockets(void) {
  struct sockaddr_nl route = {.nl_family = AF_NETLINK};
  made(other(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &route, sizeof route), "netlink", "protocol=route");
  made(other(AF_PACKET, SOCK_DGRAM, 0, NULL, 0), "packet", "%s", "");
  made(other(AF_INET, SOCK_RAW, IPPROTO_ICMP, NULL, 0), "raw-v4", "protocol=icmp");
  struct sockaddr_vm machine = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = VMADDR_PORT_ANY};
  made(other(AF_VSOCK, SOCK_STREAM, 0, &machine, sizeof machine), "vsock", "%s", "");
  struct sockaddr_alg hash = {.salg_family = AF_ALG, .salg_type = "hash", .salg_name = "sha256"};
  made(other(AF_ALG, SOCK_SEQPACKET, 0, &hash, sizeof hash), "alg", "name=sha256");
}
