// Signals, out of a descriptor.

#define _GNU_SOURCE
#include "CIPCShim.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

int ipc_signalfd(const int *signals, int count) {
  sigset_t set;
  sigemptyset(&set);
  for (int i = 0; i < count; i++)
    if (sigaddset(&set, signals[i]) < 0) return -errno;
  int descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (descriptor < 0) return -errno;
  // Only then: what is blocked and not read would be lost. A signal that comes between does what it did before.
  int wrong = pthread_sigmask(SIG_BLOCK, &set, NULL);
  if (!wrong) return descriptor;
  close(descriptor);
  return -wrong;
}

int ipc_signalfd_read(int descriptor, struct ipc_signal *signal) {
  struct signalfd_siginfo info;
  ssize_t got;
  do
    got = read(descriptor, &info, sizeof info);
  while (got < 0 && errno == EINTR);
  if (got < 0) return errno == EAGAIN ? 0 : -errno;
  signal->number = (int32_t)info.ssi_signo;
  signal->pid = (int32_t)info.ssi_pid;
  signal->uid = info.ssi_uid;
  signal->has_ended = info.ssi_code == CLD_EXITED || info.ssi_code == CLD_KILLED || info.ssi_code == CLD_DUMPED;
  signal->exit.signaled = info.ssi_code != CLD_EXITED;
  signal->exit.code = info.ssi_status;
  return 1;
}
