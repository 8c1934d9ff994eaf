// Descriptors that come with bytes, few and many, cut and whole: message.c.

#define _GNU_SOURCE
#include "check.h"

#include <sys/socket.h>

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

// Sends that many descriptors with three bytes.
static void send_many(int socket, int count) {
  int *numbers = calloc((size_t)count + 1, sizeof *numbers);
  assert(numbers && ipc_send_descriptors(socket, "abc", 3, numbers, count) == 3);
  free(numbers);
}

// Receives with exactly as much room as the function says that it needs, and closes what came.
static struct ipc_arrival receive(int socket, size_t room, int most) {
  char *bytes = malloc(room);
  int *numbers = malloc((size_t)(most + IPC_SPARE_DESCRIPTORS) * sizeof *numbers);
  struct ipc_arrival arrival;
  assert(bytes && numbers && ipc_receive_descriptors(socket, bytes, room, numbers, most, &arrival) == 3);
  assert(memcmp(bytes, "abc", room < 3 ? room : 3) == 0);
  for (int i = 0; i < arrival.descriptors; i++)
    assert(ipc_is_close_on_exec(numbers[i]) == 1 && ipc_close(numbers[i]) == 0);
  free(numbers);
  free(bytes);
  return arrival;
}

static void check_arrival(struct ipc_arrival arrival, int descriptors, int lacks_descriptors) {
  assert(arrival.descriptors == descriptors && arrival.lacks_descriptors == lacks_descriptors);
}

// With all else that a socket may be set to tell beside.
static void check_company(const int ends[2]) {
  const int on = 1;
  const int options[] = {SO_PASSCRED, SO_TIMESTAMPNS, SO_PASSSEC, SO_PASSPIDFD};
  int pidfds = 0;
  for (int i = 0; i < 4; i++) {
    int wrong = setsockopt(ends[1], SOL_SOCKET, options[i], &on, sizeof on);
    assert(wrong == 0 || options[i] == SO_PASSPIDFD);
    if (wrong == 0 && options[i] == SO_PASSPIDFD) pidfds = 1;
  }
  send_many(ends[0], IPC_MOST_DESCRIPTORS);
  check_arrival(receive(ends[1], 3, IPC_MOST_DESCRIPTORS), IPC_MOST_DESCRIPTORS, 0);
  send_many(ends[0], 0);
  check_arrival(receive(ends[1], 3, 0), 0, 0);
  // A pidfd that came where the credentials were expected is closed as well.
  if (!pidfds) return;
  const int off = 0;
  struct ipc_sender sender;
  char byte;
  for (int i = 0; i < 3; i++) assert(setsockopt(ends[1], SOL_SOCKET, options[i], &off, sizeof off) == 0);
  send_many(ends[0], 0);
  assert(ipc_receive_message_from(ends[1], &byte, 1, &sender) == 3 && !sender.is_known);
}

void check_messages(void) {
  int ends[2], numbers[IPC_SPARE_DESCRIPTORS];
  char byte;
  struct ipc_arrival arrival;
  assert(ipc_socket_pair(IPC_SEQPACKET, 1, ends) == 0);
  assert(ipc_receive_descriptors(ends[1], &byte, 1, numbers, 0, &arrival) == -EAGAIN);
  assert(ipc_receive_descriptors(ends[1], &byte, 1, numbers, -1, &arrival) == -EINVAL);
  assert(ipc_receive_descriptors(ends[1], &byte, 1, numbers, IPC_MOST_DESCRIPTORS + 1, &arrival) == -EINVAL);
  assert(ipc_receive_descriptors(CLOSED, &byte, 1, numbers, 0, &arrival) == -EBADF);
  assert(ipc_send_descriptors(ends[0], "x", 1, NULL, -1) == -EINVAL);
  assert(ipc_send_descriptors(ends[0], "x", 1, NULL, IPC_MOST_DESCRIPTORS + 1) == -EINVAL);
  assert(ipc_send_descriptors(CLOSED, "x", 1, NULL, 0) == -EBADF);
  numbers[0] = CLOSED;
  assert(ipc_send_descriptors(ends[0], "x", 1, numbers, 1) == -EBADF);
  const int counts[] = {0, 1, 2, 100, IPC_MOST_DESCRIPTORS};
  for (int i = 0; i < 5; i++) {
    send_many(ends[0], counts[i]);
    check_arrival(receive(ends[1], 8, counts[i]), counts[i], 0);
  }
  // Cut bytes lose no descriptor.
  send_many(ends[0], 2);
  check_arrival(receive(ends[1], 1, 2), 2, 0);
  // More than were asked for: as many as there is room for, and the rest is told.
  send_many(ends[0], IPC_SPARE_DESCRIPTORS);
  check_arrival(receive(ends[1], 3, 0), IPC_SPARE_DESCRIPTORS - 1, 1);
  send_many(ends[0], IPC_MOST_DESCRIPTORS);
  check_arrival(receive(ends[1], 3, 1), IPC_SPARE_DESCRIPTORS + 1, 1);
  // No room in the table: the kernel's limit stays where it was when valgrind is told of another.
  if (!is_watched()) {
    send_many(ends[0], 3);
    check_arrival(WITHOUT_ROOM(receive(ends[1], 3, 3)), 0, 1);
  }
  check_company(ends);
  int wrong = ipc_set_takes_descriptors(ends[1], 0);
  assert(wrong == 0 || wrong == -ENOPROTOOPT);
  numbers[0] = 0;
  if (wrong == 0) assert(ipc_send_descriptors(ends[0], "x", 1, numbers, 1) == -EPERM);
  assert(ipc_set_takes_descriptors(CLOSED, 0) == -EBADF);
  assert(ipc_close(ends[0]) == 0 && ipc_send_descriptors(ends[1], "x", 1, NULL, 0) == -EPIPE);
  assert(ipc_close(ends[1]) == 0);
}
