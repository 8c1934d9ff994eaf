// Loaded before the C library, it makes transfers short: at most SHORT_TRANSFERS bytes are written to a stream, or read
// from a file, at once, as a kernel may do at any time. Nothing else is cut: a datagram is whole or not at all, and what a
// read of a socket, a pipe or a terminal leaves behind is told by no event, so that no kernel leaves any. That something was
// cut is written to SHORT_TRANSFERS_LOG.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static size_t limit(void) {
  static size_t limit;
  if (limit == 0) limit = strtoul(getenv("SHORT_TRANSFERS"), NULL, 10);
  return limit;
}

#define NEXT(name, ...) ((ssize_t(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

// As many as are wanted, or the limit, which is told once.
static size_t cut(size_t count) {
  static int is_told;
  if (count <= limit()) return count;
  int log = is_told ? -1 : open(getenv("SHORT_TRANSFERS_LOG"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (log >= 0) is_told = NEXT(write, int, const void *, size_t)(log, "cut\n", 4) > 0, close(log);
  return limit();
}

static int is_stream(int descriptor) {
  struct stat status;
  int type = SOCK_STREAM;
  socklen_t size = sizeof type;
  // The counters that eventfd(2) and the like are have no type of file.
  if (fstat(descriptor, &status) < 0 || (status.st_mode & S_IFMT) == 0) return 0;
  if (S_ISSOCK(status.st_mode)) getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size);
  return type == SOCK_STREAM;
}

static size_t to_write(int descriptor, size_t count) {
  return is_stream(descriptor) ? cut(count) : count;
}

static size_t to_read(int descriptor, size_t count) {
  struct stat status;
  int is_file = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  return is_file ? cut(count) : count;
}

ssize_t read(int descriptor, void *bytes, size_t count) {
  return NEXT(read, int, void *, size_t)(descriptor, bytes, to_read(descriptor, count));
}

ssize_t pread(int descriptor, void *bytes, size_t count, off_t offset) {
  return NEXT(pread, int, void *, size_t, off_t)(descriptor, bytes, to_read(descriptor, count), offset);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
  return NEXT(write, int, const void *, size_t)(descriptor, bytes, to_write(descriptor, count));
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
  return NEXT(pwrite, int, const void *, size_t, off_t)(descriptor, bytes, to_write(descriptor, count), offset);
}

ssize_t send(int descriptor, const void *bytes, size_t count, int flags) {
  return NEXT(send, int, const void *, size_t, int)(descriptor, bytes, to_write(descriptor, count), flags);
}

// The first piece that is not empty, cut: who gathers must go on with the rest.
static struct iovec first(int descriptor, const struct iovec *pieces, size_t count) {
  struct iovec piece = {NULL, 0};
  for (size_t i = 0; i < count && piece.iov_len == 0; i++) piece = pieces[i];
  piece.iov_len = to_write(descriptor, piece.iov_len);
  return piece;
}

ssize_t writev(int descriptor, const struct iovec *pieces, int count) {
  struct iovec piece = first(descriptor, pieces, (size_t)count);
  int cut = is_stream(descriptor);
  return NEXT(writev, int, const struct iovec *, int)(descriptor, cut ? &piece : pieces, cut ? 1 : count);
}

ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags) {
  struct iovec piece = first(descriptor, message->msg_iov, message->msg_iovlen);
  struct msghdr shorter = *message;
  if (is_stream(descriptor)) shorter.msg_iov = &piece, shorter.msg_iovlen = 1;
  return NEXT(sendmsg, int, const struct msghdr *, int)(descriptor, &shorter, flags);
}
