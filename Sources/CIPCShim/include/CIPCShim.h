// The system calls that Swift on Linux cannot make, as plain functions.
//
// Glibc's Swift module has no accept4, epoll, pidfd, ancillary data or ioctl with a struct, and its macros do not import.
// So each is wrapped here in a function of this project's own plain types: no glibc header is re-exported, and
// _GNU_SOURCE stays in the .c files, where it cannot disagree with the module that Swift already built.
//
// Errors: a function that can fail returns its result (0 or more), or the negated errno. Nothing is retried but EINTR,
// and EINTR only where no time limit is involved. Every descriptor is born close-on-exec.

#ifndef CIPCSHIM_H
#define CIPCSHIM_H

#ifndef __linux__
#error "IPCKit is for Linux: it stands on epoll, pidfd, Unix sockets' ancillary data and systemd."
#endif

#include <stddef.h>
#include <stdint.h>

#if defined(__has_feature)
#if __has_feature(nullability)
#define IPC_NULLABLE _Nullable
#define IPC_NONNULL _Nonnull
#endif
#endif
#ifndef IPC_NULLABLE
#define IPC_NULLABLE
#define IPC_NONNULL
#endif

// MARK: descriptor.c — any descriptor

// close(2), called exactly once: Linux frees the number even when it reports an error.
int ipc_close(int descriptor);
// fcntl(F_DUPFD_CLOEXEC): the lowest free number that is at least `minimum`.
int ipc_duplicate(int descriptor, int minimum);
// dup2(2), without close-on-exec: for the standard streams of this process.
int ipc_redirect(int descriptor, int onto);
int64_t ipc_read(int descriptor, void *IPC_NONNULL buffer, size_t count);
int64_t ipc_write(int descriptor, const void *IPC_NONNULL bytes, size_t count);
// write(2) that answers a closed peer with EPIPE alone: a SIGPIPE it raises is taken back before anyone sees it.
int64_t ipc_write_without_signal(int descriptor, const void *IPC_NONNULL bytes, size_t count);
int ipc_is_close_on_exec(int descriptor);
int ipc_set_close_on_exec(int descriptor, int on);
int ipc_is_non_blocking(int descriptor);
int ipc_set_non_blocking(int descriptor, int on);
int ipc_is_socket(int descriptor);
int ipc_pipe(int ends[IPC_NONNULL 2], int non_blocking);
int ipc_eventfd(unsigned int initial);
// open(2) of /dev/null, read and write.
int ipc_open_null(void);

// What a wait was for, and what came. The values are poll(2)'s and epoll(7)'s own.
#define IPC_READABLE 0x001u
#define IPC_WRITABLE 0x004u
#define IPC_ERROR 0x008u
#define IPC_HANGUP 0x010u
#define IPC_READ_HANGUP 0x2000u
#define IPC_EDGE_TRIGGERED 0x80000000u

// ppoll(2) of one descriptor. `nanoseconds` below 0: for ever. Answers the events, 0 when the time is over; -EINTR passes.
int ipc_poll(int descriptor, unsigned int events, int64_t nanoseconds);
// clock_gettime(CLOCK_MONOTONIC) in nanoseconds.
int64_t ipc_monotonic_now(void);

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

// MARK: fifo.c — pipes with a path

// mkfifo(3).
int ipc_make_fifo(const char *IPC_NONNULL path, uint32_t mode);
// open(2), non-blocking: -ELOOP for a link, -EINVAL for what is no FIFO, -ENXIO when it is to be written and nobody reads.
int ipc_open_fifo(const char *IPC_NONNULL path, int writing);
// Whether somebody can write to it now, or something that was written waits. tee(2).
int ipc_fifo_has_writer(int fifo);

// MARK: peer.c — who is at the other end

// SO_PEERCRED.
int ipc_peer_credentials(int socket, int32_t *IPC_NONNULL pid, uint32_t *IPC_NONNULL uid, uint32_t *IPC_NONNULL gid);
// SO_PEERGROUPS and SO_PEERSEC answer how many there are of the peer's supplementary groups, and of the bytes of its label.
// When that is more than `capacity`, nothing was stored.
int ipc_peer_groups(int socket, uint32_t *IPC_NONNULL groups, size_t capacity);
int ipc_peer_security(int socket, uint8_t *IPC_NONNULL label, size_t capacity);
// SO_PEERPIDFD: a pidfd, close-on-exec. -ENOPROTOOPT before Linux 6.5.
int ipc_peer_process(int socket);

// MARK: event.c — readiness

struct ipc_event {
  uint32_t events;
  uint32_t data_low;
  uint32_t data_high;
};
int ipc_epoll_create(void);
int ipc_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t data);
int ipc_epoll_modify(int epoll, int descriptor, uint32_t events, uint64_t data);
int ipc_epoll_remove(int epoll, int descriptor);
// epoll_pwait2(2). `nanoseconds` below 0: for ever. Answers how many events were stored; EINTR counts as none.
int ipc_epoll_wait(int epoll, struct ipc_event *IPC_NONNULL events, int capacity, int64_t nanoseconds);
// signalfd(2) for up to `count` signals, which are blocked in the calling thread first.
int ipc_signalfd(const int *IPC_NONNULL signals, int count);
// The next signal's number, 0 when none waits.
int ipc_signalfd_read(int descriptor);

// MARK: process.c — children

// How a child ended: `code` is its exit status, or the signal that killed it.
struct ipc_exit {
  int32_t signaled;
  int32_t code;
};

// What spares a child a copy of its parent's table: handover.c says how. It must outlive the children that use it.
struct ipc_handover {
  // A connected pair of sockets that keep messages apart. The lower `receiving` is, the less is copied.
  int sending;
  int receiving;
  // The process that made the pair; another that has it through fork(2) does not use it.
  int32_t process;
  // Whose descriptors are on their way: a number for the child, 0 for nobody's. Zero at first, and then the shim's.
  uintptr_t claim;
};

// What a child is started with. Copied, so that it need not outlive the call.
struct ipc_spawn {
  // The files to try in order, as execvp(3) would.
  const char *IPC_NULLABLE const *IPC_NONNULL candidates;
  // The arguments with one spare entry in front, which a script without a #! line needs for its shell.
  char *IPC_NULLABLE *IPC_NONNULL arguments;
  char *IPC_NULLABLE const *IPC_NONNULL environment;
  // Changed to in order until one succeeds; the first one's error counts when none does.
  const char *IPC_NULLABLE const *IPC_NONNULL directories;
  // A pseudo-terminal's master whose slave becomes 0, 1, 2 and the controlling terminal; or -1.
  int terminal;
  // Without a terminal: what becomes 0, 1 and 2.
  int standard[3];
  // RLIMIT_NOFILE for the child.
  uint64_t descriptor_limit;
  uint64_t descriptor_maximum;
  // For a child on a terminal. Null: it begins with a copy of the table, as it does while another is on its way.
  struct ipc_handover *IPC_NULLABLE handover;
};

// What the child could not do.
enum ipc_spawn_step {
  IPC_SPAWN_SESSION = 1,
  IPC_SPAWN_TERMINAL,
  IPC_SPAWN_DESCRIPTORS,
  IPC_SPAWN_LIMITS,
  IPC_SPAWN_DIRECTORY,
  IPC_SPAWN_EXECUTE,
};

struct ipc_spawned {
  int32_t pid;
  int pidfd;
  // Ends empty when the program runs; holds one ipc_spawn_failure when a step failed. Readable when either is so, unless
  // the child ended while ipc_spawn_is_pending.
  int status;
  // What the child runs on until then: for ipc_spawn_release, once `status` has ended or the child was reaped.
  void *IPC_NULLABLE memory;
};

struct ipc_spawn_failure {
  int32_t step;
  int32_t error;
};

// clone(2) with CLONE_VM and a pidfd, then in the child: a table of its own, signals, setsid, the terminal, close_range,
// limits, directory, execve. Returns at once; `status` tells how it went. The parent's mask and dispositions are unchanged.
int ipc_spawn_start(const struct ipc_spawn *IPC_NONNULL spawn, struct ipc_spawned *IPC_NONNULL spawned);
// Reads `status` once: 1 when the program runs, 0 when a failure was stored, -EAGAIN while neither is known.
int ipc_spawn_result(const struct ipc_spawned *IPC_NONNULL spawned, struct ipc_spawn_failure *IPC_NONNULL failure);
// Whether the child's descriptors are on their way to it. The copies there are not closed by its death, so `status` would
// not end: look again now and then.
int ipc_spawn_is_pending(const void *IPC_NULLABLE memory);
// Frees what the child no longer uses, and takes back what it never took.
void ipc_spawn_release(void *IPC_NULLABLE memory);
// pidfd_open(2).
int ipc_pidfd_open(int32_t pid);
// pidfd_send_signal(2).
int ipc_pidfd_signal(int pidfd, int signal);
// kill(2) of the process group.
int ipc_signal_group(int32_t leader, int signal);
// waitid(P_PIDFD, WEXITED | WNOHANG): 1 when the child was reaped, 0 while it lives.
int ipc_reap(int pidfd, struct ipc_exit *IPC_NONNULL exit);
// posix_openpt(3), unlockpt(3) and TIOCSWINSZ: a master, non-blocking.
int ipc_open_terminal(uint16_t columns, uint16_t rows);
int ipc_set_terminal_size(int terminal, uint16_t columns, uint16_t rows);
// RLIMIT_NOFILE.
int ipc_descriptor_limit(uint64_t *IPC_NONNULL soft, uint64_t *IPC_NONNULL hard);
int ipc_set_descriptor_limit(uint64_t soft, uint64_t hard);

// MARK: activation.c — libsystemd, loaded when there is something to ask it

// sd_listen_fds_with_names(3) with the variables unset: how many descriptors were inherited, from number 3 on.
// `names` is then an array of that many strings, to be given to ipc_free_names. Without LISTEN_FDS nothing is loaded.
// -ENOPKG: LISTEN_FDS is for this process, and libsystemd.so.0 cannot be loaded.
int ipc_listen_descriptors(char *IPC_NULLABLE *IPC_NULLABLE *IPC_NONNULL names);
void ipc_free_names(char *IPC_NULLABLE *IPC_NULLABLE names, int count);

#endif
