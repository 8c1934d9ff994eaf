// What stands in the file system, and what /proc and the kernel tell of descriptors: path.c, fifo.c, census.c,
// diagnostics.c.

#define _GNU_SOURCE
#include "check.h"

#include <linux/netlink.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static void check_directories(void) {
  struct ipc_file_status status, same;
  int private = ipc_open_private_directory("private");
  assert(private >= 0 && ipc_status(private, &status) == 0 && status.mode == (S_IFDIR | 0700));
  assert(status.owner == getuid() && status.group == getgid());
  // Once more it is there already.
  int again = ipc_open_private_directory("private");
  assert(again >= 0 && ipc_status(again, &same) == 0 && same.inode == status.inode && same.device == status.device);
  assert(ipc_close(again) == 0 && WITHOUT_ROOM(ipc_open_private_directory("private")) == -EMFILE);
  assert(symlink("private", "link") == 0 && ipc_open_private_directory("link") == -ENOTDIR);
  assert(ipc_open_private_directory("missing/private") == -ENOENT);
  int place = ipc_open_directory("link"), itself = ipc_open_itself("link");
  assert(place >= 0 && itself >= 0 && ipc_status(place, &same) == 0 && same.inode == status.inode);
  assert(ipc_status(itself, &same) == 0 && S_ISLNK(same.mode) && ipc_status(CLOSED, &same) == -EBADF);
  assert(ipc_path_status("link", &same) == 0 && S_ISLNK(same.mode) && ipc_path_status("missing", &same) == -ENOENT);
  assert(ipc_open_directory("missing") == -ENOENT && ipc_open_itself("missing") == -ENOENT);
  assert(WITHOUT_ROOM(ipc_open_directory("/")) == -EMFILE && WITHOUT_ROOM(ipc_open_itself("/")) == -EMFILE);
  assert(ipc_close(itself) == 0 && ipc_close(place) == 0 && ipc_close(private) == 0);
}

static void check_locks(void) {
  struct ipc_file_status status;
  int lock = ipc_open_lock_file("lock"), other = ipc_open_lock_file("lock");
  assert(lock >= 0 && other >= 0 && ipc_status(lock, &status) == 0 && status.mode == (S_IFREG | 0600));
  assert(ipc_lock(lock) == 0 && ipc_lock(other) == -EWOULDBLOCK && ipc_unlock(lock) == 0 && ipc_lock(other) == 0);
  assert(ipc_lock(CLOSED) == -EBADF && ipc_unlock(CLOSED) == -EBADF);
  assert(ipc_open_lock_file("link") == -ELOOP && ipc_open_lock_file("missing/lock") == -ENOENT);
  assert(WITHOUT_ROOM(ipc_open_lock_file("lock")) == -EMFILE);
  assert(ipc_close(other) == 0 && ipc_close(lock) == 0);
  int file = ipc_open_itself("lock");
  assert(file >= 0 && ipc_change_mode(file, 0640) == 0 && ipc_change_owner(file, getuid(), UINT32_MAX) == 0);
  assert(ipc_status(file, &status) == 0 && status.mode == (S_IFREG | 0640));
  assert(ipc_change_mode(CLOSED, 0600) == -ENOENT && ipc_change_owner(CLOSED, 0, 0) == -EBADF);
  assert(ipc_close(file) == 0 && ipc_unlink("lock") == 0 && ipc_unlink("lock") == -ENOENT);
}

void check_paths(void) {
  check_directories();
  check_locks();
  assert(ipc_unlink("link") == 0 && rmdir("private") == 0);
}

void check_fifos(void) {
  char byte;
  assert(ipc_make_fifo("fifo", 0600) == 0 && ipc_make_fifo("fifo", 0600) == -EEXIST);
  assert(ipc_make_fifo("missing/fifo", 0600) == -ENOENT && ipc_open_fifo("missing", 0) == -ENOENT);
  assert(ipc_open_fifo("fifo", 1) == -ENXIO);
  int reading = ipc_open_fifo("fifo", 0);
  assert(reading >= 0 && ipc_fifo_has_writer(reading) == 0);
  int writing = ipc_open_fifo("fifo", 1);
  assert(writing >= 0 && ipc_fifo_has_writer(reading) == 1);
  assert(ipc_write(writing, "x", 1) == 1 && ipc_close(writing) == 0 && ipc_fifo_has_writer(reading) == 1);
  assert(ipc_read(reading, &byte, 1) == 1 && byte == 'x' && ipc_fifo_has_writer(reading) == 0);
  assert(ipc_fifo_has_writer(CLOSED) == -EBADF && WITHOUT_ROOM(ipc_fifo_has_writer(reading)) == -EMFILE);
  assert(WITHOUT_ROOM(ipc_open_fifo("fifo", 0)) == -EMFILE && ipc_close(reading) == 0);
  assert(symlink("fifo", "link") == 0 && ipc_open_fifo("link", 0) == -ELOOP);
  assert(ipc_open_fifo("/dev/null", 0) == -EINVAL);
  assert(ipc_unlink("link") == 0 && ipc_unlink("fifo") == 0);
}

// Whether the directory lists the number, and how many it lists, read `capacity` at a time.
static int lists(const char *path, int32_t wanted, int capacity, int *count) {
  int32_t numbers[600];
  int directory = ipc_open_listing(path), found = 0, got;
  assert(directory >= 0);
  *count = 0;
  while ((got = ipc_list_numbers(directory, numbers, capacity)) > 0) {
    for (int i = 0; i < got; i++) found |= numbers[i] == wanted;
    *count += got;
  }
  assert(got == 0 && ipc_close(directory) == 0);
  return found;
}

void check_census(void) {
  int few, many, ends[2];
  assert(ipc_socket_pair(IPC_STREAM, 1, ends) == 0);
  assert(lists("/proc/self/fd", ends[1], 4, &few) && lists("/proc/self/fd", ends[1], 600, &many) && few == many);
  // Among names that are no numbers, and numbers that nobody has.
  write_file("2147483648", "", 0600);
  assert(!lists(".", CLOSED, 600, &many) && many == 0 && ipc_unlink("2147483648") == 0);
  assert(ipc_open_listing("missing") == -ENOENT && ipc_open_listing("/dev/null") == -ENOTDIR);
  assert(WITHOUT_ROOM(ipc_open_listing("/")) == -EMFILE);
  int32_t number;
  assert(ipc_list_numbers(CLOSED, &number, 1) == -EBADF && ipc_list_numbers(ends[0], &number, 1) == -ENOTDIR);

  char text[256];
  struct ipc_held_status status;
  int listing = ipc_open_listing("/proc/self/fd"), told = ipc_open_listing("/proc/self/fdinfo"), null = ipc_open_null();
  int64_t length = ipc_read_link(listing, null, text, sizeof text);
  assert(length == 9 && memcmp(text, "/dev/null", 9) == 0 && ipc_read_link(listing, null, text, 4) == 4);
  assert(ipc_read_link(listing, CLOSED, text, sizeof text) == -ENOENT);
  length = ipc_read_entry(told, null, text, sizeof text);
  assert(length > 0 && memcmp(text, "pos:", 4) == 0 && ipc_read_entry(told, null, text, 2) == 2);
  assert(ipc_read_entry(told, CLOSED, text, sizeof text) == -ENOENT);
  assert(WITHOUT_ROOM(ipc_read_entry(told, null, text, sizeof text)) == -EMFILE);
  // A directory can be opened, and not read.
  assert(mkdir("7", 0700) == 0);
  int here = ipc_open_listing(".");
  assert(ipc_read_entry(here, 7, text, sizeof text) == -EISDIR && ipc_close(here) == 0 && rmdir("7") == 0);
  assert(ipc_held_status(listing, null, &status) == 0 && S_ISCHR(status.mode));
  assert(status.major == 1 && status.minor == 3);
  assert(status.inode > 0 && status.device > 0 && status.links > 0 && status.size == 0);
  assert(ipc_held_status(listing, CLOSED, &status) == -ENOENT);
  length = ipc_socket_protocol(listing, ends[0], text, sizeof text);
  assert(length > 0 && memcmp(text, "UNIX", 4) == 0 && ipc_socket_protocol(listing, null, text, sizeof text) < 0);
  assert(ipc_close(null) == 0 && ipc_close(told) == 0 && ipc_close(listing) == 0);
  assert(ipc_close(ends[0]) == 0 && ipc_close(ends[1]) == 0);
}

void check_diagnostics(void) {
  static char answer[65536];
  int diagnostics = ipc_diagnostics_open();
  assert(diagnostics >= 0 && WITHOUT_ROOM(ipc_diagnostics_open()) == -EMFILE);
  assert(ipc_diagnostics_ask_unix(diagnostics) == 0 && ipc_diagnostics_ask_unix(CLOSED) == -EBADF);
  int64_t size;
  do
    assert((size = ipc_diagnostics_receive(diagnostics, answer, sizeof answer)) >= (int64_t)sizeof(struct nlmsghdr));
  while (((const struct nlmsghdr *)(void *)answer)->nlmsg_type != NLMSG_DONE);
  // An answer that there is no room for.
  assert(ipc_diagnostics_ask_unix(diagnostics) == 0 && ipc_diagnostics_receive(diagnostics, answer, 8) == -EMSGSIZE);
  assert(ipc_diagnostics_receive(CLOSED, answer, sizeof answer) == -EBADF && ipc_close(diagnostics) == 0);
}
