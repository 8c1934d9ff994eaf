// Unix sockets and FIFOs: made, found, connected, asked who is there, and what goes through them.

#ifndef CIPCSHIM_SOCKETS_H
#define CIPCSHIM_SOCKETS_H

#include "base.h"

// MARK: path.c — names in the file system that a socket needs

struct ipc_file_status {
  uint64_t device;
  uint64_t inode;
  uint32_t mode;
  uint32_t owner;
  uint32_t group;
};
// lstat(2): a link is itself, not what it leads to.
int ipc_path_status(const char *IPC_NONNULL path, struct ipc_file_status *IPC_NONNULL status);
// fstat(2).
int ipc_status(int descriptor, struct ipc_file_status *IPC_NONNULL status);
// open(2): close-on-exec, and never the controlling terminal.
int ipc_open(const char *IPC_NONNULL path, int flags, unsigned int mode);
// open(2) of a lock file: created with mode 0600, never through a link.
int ipc_open_lock_file(const char *IPC_NONNULL path);
// flock(2), exclusive, not waiting: -EWOULDBLOCK when another holds it.
int ipc_lock(int descriptor);
// flock(2) with LOCK_UN: free at once, though a child that has not executed its program yet shares the open file.
int ipc_unlock(int descriptor);
// mkdir(2) with mode 0700, then open(2) of it without following a link: -EEXIST is no failure.
int ipc_open_private_directory(const char *IPC_NONNULL path);
// open(2) with O_PATH: a place to go on from, and nothing to read.
int ipc_open_directory(const char *IPC_NONNULL path);
// open(2) with O_PATH | O_NOFOLLOW: whatever stands there, be it a socket or a link.
int ipc_open_itself(const char *IPC_NONNULL path);
// fchownat(2) of an O_PATH descriptor's file; all ones leave an owner as it is.
int ipc_change_owner(int descriptor, uint32_t owner, uint32_t group);
// chmod(2) of an O_PATH descriptor's file, through /proc/self/fd.
int ipc_change_mode(int descriptor, uint32_t mode);
int ipc_unlink(const char *IPC_NONNULL path);

// MARK: socket.c — Unix sockets

#define IPC_FAMILY_UNIX 1
#define IPC_STREAM 1
#define IPC_DATAGRAM 2
#define IPC_SEQPACKET 5
// The longest path that fits an address, without its final NUL.
#define IPC_PATH_LIMIT 107
// The longest address: an abstract name has no final NUL, but one before it.
#define IPC_ADDRESS_LIMIT 108

int ipc_unix_socket(int type, int non_blocking);
int ipc_socket_pair(int type, int non_blocking, int ends[IPC_NONNULL 2]);
// An address is its bytes: a path without its final NUL, or a NUL and an abstract name. bind(2), after fchmod(2): a
// socket's file has this mode, less the umask, from its first moment.
int ipc_bind(int socket, const uint8_t *IPC_NONNULL address, size_t length, uint32_t mode);
int ipc_listen(int socket, int backlog);
int ipc_connect(int socket, const uint8_t *IPC_NONNULL address, size_t length);
// accept4(SOCK_CLOEXEC | SOCK_NONBLOCK).
int ipc_accept(int socket);
// send(MSG_NOSIGNAL).
int64_t ipc_send(int socket, const void *IPC_NONNULL bytes, size_t count);
// sendmsg(MSG_NOSIGNAL) of two pieces.
int64_t ipc_send_two(int socket, const void *IPC_NULLABLE head, size_t head_count, const void *IPC_NULLABLE body,
                     size_t body_count);
int ipc_shutdown_sending(int socket);
// SO_SNDBUF or SO_RCVBUF in bytes. What is set is doubled by the kernel, and capped.
int ipc_buffer_size(int socket, int of_sending);
int ipc_set_buffer_size(int socket, int of_sending, int size);
// SO_SNDTIMEO: also bounds a blocking connect. 0 or less: no limit.
int ipc_set_send_timeout(int socket, int64_t nanoseconds);
// SO_DOMAIN, SO_TYPE and SO_ACCEPTCONN in one call.
int ipc_socket_kind(int socket, int *IPC_NONNULL family, int *IPC_NONNULL type, int *IPC_NONNULL listening);
// getsockname(2): how many bytes the address that it is bound to has, 0 for an unnamed one.
int ipc_socket_address(int socket, uint8_t address[IPC_NONNULL IPC_ADDRESS_LIMIT]);

// MARK: datagram.c — messages, each sent and received whole

// All of them act at once: -EAGAIN where they would have to wait.

// send(2) to the connected peer.
int64_t ipc_send_message(int socket, const void *IPC_NULLABLE bytes, size_t count);
// sendto(2) an address, as ipc_bind takes it.
int64_t ipc_send_message_to(int socket, const void *IPC_NULLABLE bytes, size_t count,
                            const uint8_t *IPC_NONNULL address, size_t length);

// Who sent a message.
struct ipc_sender {
  uint8_t address[IPC_ADDRESS_LIMIT];
  // How many bytes of it: 0 where the sender has none.
  int32_t length;
  // Whether the credentials came, as they do for ipc_set_receives_credentials.
  int32_t is_known;
  int32_t pid;
  uint32_t uid;
  uint32_t gid;
};
// Both answer how long the message was, though no more than `count` bytes of it are stored. Descriptors that came with it
// are closed. recv(2).
int64_t ipc_receive_message(int socket, void *IPC_NULLABLE buffer, size_t count);
// recvmsg(2).
int64_t ipc_receive_message_from(int socket, void *IPC_NULLABLE buffer, size_t count,
                                 struct ipc_sender *IPC_NONNULL sender);
// SO_PASSCRED.
int ipc_set_receives_credentials(int socket, int on);

// MARK: message.c — bytes with descriptors

// SCM_MAX_FD: the most that the kernel takes with one message.
#define IPC_MOST_DESCRIPTORS 253
// Room for ancillary data of other kinds, in bytes, whatever a socket is set to tell beside: the peer's credentials, pidfd
// and security label, the time, how much is left.
#define IPC_MORE_ANCILLARY 256
// What may come beyond the most that were asked for, because that room was not needed.
#define IPC_SPARE_DESCRIPTORS 65

struct ipc_arrival {
  // How many descriptors were stored; all are this process's from now on.
  int32_t descriptors;
  // Others were with the message, and the kernel had no room for them: in the message, or in this process's table.
  int32_t lacks_descriptors;
};
// sendmsg(MSG_NOSIGNAL | MSG_DONTWAIT) with SCM_RIGHTS.
int64_t ipc_send_descriptors(int socket, const void *IPC_NONNULL bytes, size_t count,
                             const int *IPC_NULLABLE descriptors, int descriptor_count);
// recvmsg(MSG_CMSG_CLOEXEC | MSG_TRUNC | MSG_DONTWAIT): answers the length of the message, of which `count` bytes at most
// were stored. Stores up to `most` + IPC_SPARE_DESCRIPTORS descriptors.
int64_t ipc_receive_descriptors(int socket, void *IPC_NONNULL bytes, size_t count, int *IPC_NULLABLE descriptors,
                                int most, struct ipc_arrival *IPC_NONNULL arrival);
// SO_PASSRIGHTS, from Linux 6.16: whether peers may send descriptors; else they get EPERM. -ENOPROTOOPT before.
int ipc_set_takes_descriptors(int socket, int on);

// MARK: peer.c — who is at the other end

// SO_PEERCRED.
int ipc_peer_credentials(int socket, int32_t *IPC_NONNULL pid, uint32_t *IPC_NONNULL uid, uint32_t *IPC_NONNULL gid);
// SO_PEERGROUPS and SO_PEERSEC answer how many there are of the peer's supplementary groups, and of the bytes of its label.
// When that is more than `capacity`, nothing was stored.
int ipc_peer_groups(int socket, uint32_t *IPC_NONNULL groups, size_t capacity);
int ipc_peer_security(int socket, uint8_t *IPC_NONNULL label, size_t capacity);
// SO_PEERPIDFD: a pidfd, close-on-exec. -ENOPROTOOPT before Linux 6.5.
int ipc_peer_process(int socket);

// MARK: fifo.c — pipes with a path

// mkfifo(3).
int ipc_make_fifo(const char *IPC_NONNULL path, uint32_t mode);
// open(2), non-blocking: -ELOOP for a link, -EINVAL for what is no FIFO, -ENXIO when it is to be written and nobody reads.
int ipc_open_fifo(const char *IPC_NONNULL path, int writing);
// Whether somebody can write to it now, or something that was written waits. tee(2).
int ipc_fifo_has_writer(int fifo);

#endif
