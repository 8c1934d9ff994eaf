// Unix sockets, who is at their other end, and the messages that keep their bounds: socket.c, peer.c, datagram.c.

#define _GNU_SOURCE
#include "check.h"

#include <sys/socket.h>

static const uint8_t path[] = "socket", name[] = "\0watched by valgrind";
enum { PATH = sizeof path - 1, NAME = sizeof name - 1 };

static void close_both(const int ends[2]) { assert(ipc_close(ends[0]) == 0 && ipc_close(ends[1]) == 0); }

static void check_addresses(void) {
  uint8_t long_one[200], found[IPC_ADDRESS_LIMIT];
  memset(long_one, 'x', sizeof long_one);
  int socket = ipc_unix_socket(IPC_STREAM, 0);
  assert(ipc_bind(socket, path, 0, 0600) == -ENOENT);
  assert(ipc_bind(socket, long_one, sizeof long_one, 0600) == -ENAMETOOLONG);
  assert(ipc_connect(socket, path, 0) == -ENOENT && ipc_connect(socket, long_one, 108) == -ENAMETOOLONG);
  assert(ipc_connect(socket, path, PATH) == -ENOENT && ipc_connect(socket, name, NAME) == -ECONNREFUSED);
  assert(ipc_bind(CLOSED, path, PATH, 0600) == -EBADF && ipc_connect(CLOSED, path, PATH) == -EBADF);
  assert(ipc_socket_address(socket, found) == 0 && ipc_socket_address(CLOSED, found) == -EBADF);
  // As long as an address can be.
  assert(ipc_bind(socket, long_one, IPC_PATH_LIMIT, 0600) == 0);
  assert(ipc_socket_address(socket, found) == IPC_PATH_LIMIT && memcmp(found, long_one, IPC_PATH_LIMIT) == 0);
  assert(ipc_close(socket) == 0);
  long_one[IPC_PATH_LIMIT] = 0;
  assert(ipc_unlink((const char *)long_one) == 0);
  socket = ipc_unix_socket(IPC_DATAGRAM, 1);
  assert(ipc_bind(socket, name, NAME, 0600) == 0 && ipc_socket_address(socket, found) == NAME);
  assert(memcmp(found, name, NAME) == 0 && ipc_bind(socket, path, PATH, 0600) == -EINVAL && ipc_close(socket) == 0);
}

static void check_settings(int socket, int client) {
  int family, type, listening;
  assert(ipc_socket_kind(socket, &family, &type, &listening) == 0);
  assert(family == IPC_FAMILY_UNIX && type == IPC_STREAM && listening == 1);
  assert(ipc_socket_kind(CLOSED, &family, &type, &listening) == -EBADF);
  assert(ipc_socket_kind(0, &family, &type, &listening) == -ENOTSOCK && ipc_is_socket(socket) == 1);
  for (int of_sending = 0; of_sending < 2; of_sending++) {
    assert(ipc_set_buffer_size(client, of_sending, 8192) == 0 && ipc_buffer_size(client, of_sending) == 16384);
    assert(ipc_set_buffer_size(CLOSED, of_sending, 1) == -EBADF && ipc_buffer_size(CLOSED, of_sending) == -EBADF);
  }
  assert(ipc_set_send_timeout(client, 1) == 0 && ipc_set_send_timeout(client, 0) == 0);
  assert(ipc_set_send_timeout(CLOSED, 2500000000) == -EBADF);
}

void check_sockets(void) {
  check_addresses();
  char text[8] = "";
  int server = ipc_unix_socket(IPC_STREAM, 1), client = ipc_unix_socket(IPC_STREAM, 0);
  assert(server >= 0 && client >= 0 && ipc_is_non_blocking(server) == 1 && ipc_is_non_blocking(client) == 0);
  assert(ipc_unix_socket(77, 0) == -EINVAL && WITHOUT_ROOM(ipc_unix_socket(IPC_STREAM, 0)) == -EMFILE);
  assert(ipc_listen(CLOSED, 1) == -EBADF && ipc_listen(server, 1) == -EINVAL);
  assert(ipc_bind(server, path, PATH, 0600) == 0 && ipc_listen(server, 4) == 0 && ipc_accept(server) == -EAGAIN);
  struct ipc_file_status status;
  assert(ipc_path_status("socket", &status) == 0 && (status.mode & 07777) == 0600);
  check_settings(server, client);
  assert(ipc_connect(client, path, PATH) == 0 && ipc_connect(client, path, PATH) == -EISCONN);
  assert(WITHOUT_ROOM(ipc_accept(server)) == -EMFILE);
  // What was refused for want of room is gone with valgrind, whose limit is not the kernel's, and waits without it.
  if (is_watched()) {
    assert(ipc_close(client) == 0 && (client = ipc_unix_socket(IPC_STREAM, 0)) >= 0);
    assert(ipc_connect(client, path, PATH) == 0);
  }
  int connection = ipc_accept(server);
  assert(connection >= 0 && ipc_accept(CLOSED) == -EBADF && ipc_is_non_blocking(connection) == 1);
  assert(ipc_send(client, "ab", 2) == 2 && ipc_send_two(client, "c", 1, "de", 2) == 3);
  assert(ipc_read(connection, text, 8) == 5 && memcmp(text, "abcde", 5) == 0);
  assert(ipc_send_two(client, NULL, 0, "f", 1) == 1 && ipc_send(CLOSED, "x", 1) == -EBADF);
  assert(ipc_send_two(CLOSED, "x", 1, NULL, 0) == -EBADF && ipc_shutdown_sending(CLOSED) == -EBADF);
  assert(ipc_shutdown_sending(client) == 0 && ipc_send(client, "x", 1) == -EPIPE);
  assert(ipc_poll(connection, IPC_READABLE | IPC_READ_HANGUP, -1) == (int)(IPC_READABLE | IPC_READ_HANGUP));
  assert(ipc_read(connection, text, 8) == 1 && ipc_read(connection, text, 8) == 0 && ipc_close(client) == 0);
  assert(ipc_poll(connection, 0, -1) == (int)IPC_HANGUP && ipc_send_two(connection, "x", 1, "y", 1) == -EPIPE);
  assert(ipc_close(connection) == 0 && ipc_close(server) == 0 && ipc_unlink("socket") == 0);
  int ends[2];
  assert(ipc_socket_pair(77, 0, ends) == -EINVAL);
  // Valgrind takes the numbers away then, and says that all went well.
  if (!is_watched()) assert(WITHOUT_ROOM(ipc_socket_pair(IPC_STREAM, 0, ends)) == -EMFILE);
}

void check_peers(void) {
  int ends[2];
  int32_t pid;
  uint32_t uid, gid;
  assert(ipc_socket_pair(IPC_SEQPACKET, 1, ends) == 0);
  assert(ipc_peer_credentials(ends[0], &pid, &uid, &gid) == 0 && pid == getpid() && uid == getuid() && gid == getgid());
  assert(ipc_peer_credentials(CLOSED, &pid, &uid, &gid) == -EBADF);
  // Exactly as much room as there must be: a number beyond it would be written behind it.
  int own = getgroups(0, NULL), count = ipc_peer_groups(ends[0], NULL, 0);
  uint32_t *groups = malloc((size_t)(own > 0 ? own : 1) * sizeof *groups);
  assert(groups && count == own && ipc_peer_groups(ends[0], groups, (size_t)own) == own);
  uint32_t sum = 0;
  for (int i = 0; i < own; i++) sum |= groups[i];
  assert(own == 0 || sum != UINT32_MAX);
  free(groups);
  assert(ipc_peer_groups(CLOSED, NULL, 0) == -EBADF);
  uint8_t label[256];
  int length = ipc_peer_security(ends[0], label, sizeof label);
  assert(length >= 0 || length == -ENOPROTOOPT);
  assert(ipc_peer_security(CLOSED, label, sizeof label) == -EBADF);
  int process = ipc_peer_process(ends[0]);
  assert(process == -ENOPROTOOPT || (process >= 0 && ipc_close(process) == 0));
  assert(ipc_peer_process(CLOSED) == -EBADF);
  // The kernel's limit stays where it was when valgrind is told of another.
  if (process >= 0 && !is_watched()) assert(WITHOUT_ROOM(ipc_peer_process(ends[0])) == -EMFILE);
  close_both(ends);
}

// A message with a descriptor, to somebody who did not ask for it.
static void send_one(int socket, int descriptor) {
  assert(ipc_send_descriptors(socket, "fd", 2, &descriptor, 1) == 2);
}

void check_datagrams(void) {
  char text[8] = "";
  struct ipc_sender sender;
  int receiver = ipc_unix_socket(IPC_DATAGRAM, 1), other = ipc_unix_socket(IPC_DATAGRAM, 1);
  assert(ipc_bind(receiver, path, PATH, 0600) == 0 && ipc_send_message(other, "x", 1) == -ENOTCONN);
  assert(ipc_send_message_to(other, "one", 3, path, PATH) == 3);
  assert(ipc_send_message_to(other, "x", 1, path, 0) == -ENOENT);
  assert(ipc_send_message_to(other, "x", 1, name, NAME) == -ECONNREFUSED);
  assert(ipc_receive_message_from(receiver, text, 8, &sender) == 3 && sender.length == 0 && !sender.is_known);
  assert(ipc_receive_message_from(receiver, text, 8, &sender) == -EAGAIN);
  assert(ipc_receive_message(receiver, text, 8) == -EAGAIN);
  assert(ipc_bind(other, name, NAME, 0600) == 0 && ipc_connect(other, path, PATH) == 0);
  assert(ipc_set_receives_credentials(receiver, 1) == 0 && ipc_set_receives_credentials(CLOSED, 1) == -EBADF);
  assert(ipc_send_message(other, "longer than there is room", 25) == 25 && ipc_send_message(other, NULL, 0) == 0);
  assert(ipc_receive_message_from(receiver, text, 4, &sender) == 25 && memcmp(text, "long", 4) == 0);
  assert(sender.length == NAME && memcmp(sender.address, name, NAME) == 0);
  assert(sender.is_known && sender.pid == getpid() && sender.uid == getuid() && sender.gid == getgid());
  assert(ipc_receive_message(receiver, NULL, 0) == 0);
  // What comes unasked is closed: beside the credentials, without them, and where nobody looks for it.
  send_one(other, receiver);
  assert(ipc_receive_message_from(receiver, text, 8, &sender) == 2 && sender.is_known);
  assert(ipc_set_receives_credentials(receiver, 0) == 0);
  send_one(other, receiver);
  assert(ipc_receive_message_from(receiver, text, 8, &sender) == 2 && !sender.is_known);
  send_one(other, receiver);
  assert(ipc_receive_message(receiver, text, 8) == 2);
  const int three[3] = {0, 1, receiver};
  assert(ipc_send_descriptors(other, "fd", 2, three, 3) == 2);
  assert(ipc_receive_message_from(receiver, text, 8, &sender) == 2);
  assert(ipc_receive_message(CLOSED, text, 8) == -EBADF);
  assert(ipc_receive_message_from(CLOSED, text, 8, &sender) == -EBADF);
  assert(ipc_close(other) == 0 && ipc_close(receiver) == 0 && ipc_unlink("socket") == 0);
}
