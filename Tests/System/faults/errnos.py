"""Which calls are made to fail, and how: the errors that section 2 of the manual lists for each.

A call that is made to fail is skipped. So those are left out of which the kernel leaves nothing undone: close(2), which
closes even when it fails, and futex(2), whose waking wakes. EAGAIN says that there is nothing to read, to accept, or no
room: who waits for an edge may rely on it, so that it is tried where it says something else as well.
"""

# The programs' own calls that are not made to fail.
LEFT_OUT = {
    # As said above.
    "close", "futex",
    # They cannot, or not of a place that the program has.
    "clock_gettime", "exit", "exit_group", "getegid", "geteuid", "getgid", "getpgrp", "getpid", "getppid", "getsid",
    "gettid", "getuid", "munmap", "rt_sigreturn", "sched_yield", "umask",
    # The allocator's and the runtime's.
    "brk", "mprotect",
}

# What every call that takes a descriptor may say of it, or of the memory that it was given.
_DESCRIPTOR = "EBADF EINVAL"
_PATH = "EACCES ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR"
_SEND = "EAGAIN EBADF ECONNRESET EFAULT EINTR EINVAL EMSGSIZE ENOBUFS ENOMEM ENOTCONN ENOTSOCK EPIPE"
_RECEIVE = "EBADF ECONNREFUSED ECONNRESET EFAULT EINTR EINVAL ENOMEM ENOTCONN ENOTSOCK"

ERRNOS = {
    "accept4": "EBADF ECONNABORTED EFAULT EINTR EINVAL EMFILE ENFILE ENOBUFS ENOMEM ENOTSOCK EOPNOTSUPP EPERM EPROTO",
    "access": f"EINVAL EIO EPERM EROFS ETXTBSY {_PATH}",
    "bind": f"EADDRINUSE EROFS ENOTSOCK {_DESCRIPTOR} {_PATH}",
    "chdir": f"EIO {_PATH}",
    "clone": "EAGAIN ENOMEM EPERM ENOSPC EINVAL",
    "clone3": "EAGAIN ENOMEM EPERM ENOSPC EINVAL",
    "close_range": "EMFILE ENOMEM EINVAL",
    "connect": f"EAGAIN ECONNREFUSED EINTR EPROTOTYPE ENOTSOCK EBADF {_PATH}",
    "dup2": "EBADF EBUSY EINTR EMFILE",
    "dup3": "EBADF EBUSY EINTR EINVAL EMFILE",
    "epoll_create1": "EINVAL EMFILE ENFILE ENOMEM",
    "epoll_ctl": "EBADF EEXIST EINVAL ELOOP ENOENT ENOMEM ENOSPC EPERM",
    "epoll_pwait2": "EINTR EBADF EFAULT EINVAL",
    "eventfd2": "EINVAL EMFILE ENFILE ENODEV ENOMEM",
    "execve": "E2BIG EACCES EAGAIN EINVAL EIO EISDIR ELIBBAD ELOOP EMFILE ENAMETOOLONG ENFILE ENOENT ENOEXEC ENOMEM"
              " ENOTDIR EPERM ETXTBSY",
    "fchmod": "EBADF EIO EPERM EROFS ENOMEM",
    # Without those of locks, which nobody takes by it.
    "fcntl": "EBADF EBUSY EINVAL EMFILE EPERM",
    "flock": "EBADF EINTR EINVAL ENOLCK EAGAIN",
    "fstat": "EBADF ENOMEM EOVERFLOW",
    "ftruncate": "EBADF EFBIG EINTR EINVAL EIO EPERM",
    "getdents64": "EBADF EINVAL ENOENT ENOTDIR",
    "getrandom": "EAGAIN EINTR ENOSYS",
    "getsockname": "EBADF EINVAL ENOBUFS ENOTSOCK",
    "getsockopt": "EBADF EINVAL ENOPROTOOPT ENOTSOCK",
    "ioctl": "EBADF EFAULT EINVAL ENOTTY EIO",
    "kill": "EINVAL EPERM ESRCH",
    "listen": "EADDRINUSE EBADF ENOTSOCK EOPNOTSUPP",
    "lseek": "EBADF EINVAL ENXIO EOVERFLOW ESPIPE",
    "madvise": "EBADF EINVAL EIO ENOMEM EPERM",
    "memfd_create": "EFAULT EINVAL EMFILE ENFILE ENOMEM",
    "mmap": "EACCES EAGAIN EBADF EINVAL ENFILE ENODEV ENOMEM EPERM",
    "newfstatat": f"EBADF EINVAL EOVERFLOW {_PATH}",
    "openat": f"EDQUOT EEXIST EFBIG EINTR EINVAL EISDIR EMFILE ENFILE ENODEV ENOSPC ENXIO EPERM EROFS ETXTBSY {_PATH}",
    "pidfd_open": "EINVAL EMFILE ENFILE ENODEV ENOMEM ESRCH",
    "pidfd_send_signal": "EBADF EINVAL EPERM ESRCH",
    "pipe2": "EFAULT EINVAL EMFILE ENFILE",
    "poll": "EFAULT EINTR EINVAL ENOMEM",
    "ppoll": "EFAULT EINTR EINVAL ENOMEM",
    "pread64": "EBADF EINTR EINVAL EIO EISDIR ENXIO EOVERFLOW ESPIPE",
    "prlimit64": "EFAULT EINVAL EPERM ESRCH",
    "read": "EBADF EFAULT EINTR EINVAL EIO EISDIR",
    "readlink": f"EINVAL EIO {_PATH}",
    "readlinkat": f"EBADF EINVAL EIO {_PATH}",
    "recvmsg": f"EMFILE {_RECEIVE}",
    "rename": f"EBUSY EDQUOT EEXIST EINVAL EISDIR EMLINK ENOSPC ENOTEMPTY EPERM EROFS EXDEV {_PATH}",
    "rt_sigpending": "EFAULT",
    "rt_sigaction": "EFAULT EINVAL",
    "rt_sigprocmask": "EFAULT EINVAL",
    "sendmsg": f"EOPNOTSUPP ETOOMANYREFS {_SEND}",
    "sendto": f"EOPNOTSUPP ECONNREFUSED EACCES {_SEND}",
    "setsid": "EPERM",
    "setsockopt": "EBADF EINVAL ENOPROTOOPT ENOTSOCK",
    "signalfd4": "EBADF EINVAL EMFILE ENFILE ENODEV ENOMEM",
    "socket": "EACCES EAFNOSUPPORT EINVAL EMFILE ENFILE ENOBUFS ENOMEM EPROTONOSUPPORT",
    "socketpair": "EAFNOSUPPORT EFAULT EMFILE ENFILE EOPNOTSUPP EPROTONOSUPPORT",
    "statx": f"EBADF EINVAL {_PATH}",
    "timerfd_create": "EINVAL EMFILE ENFILE ENODEV ENOMEM EPERM",
    "timerfd_settime": "EBADF EFAULT EINVAL",
    "unlink": f"EBUSY EIO EISDIR EPERM EROFS {_PATH}",
    "wait4": "EINTR",
    # A call that is made to fail is skipped: after another error than this, the child stays unreaped, as no kernel leaves it.
    "waitid": "EINTR",
    "write": "EBADF EDQUOT EFAULT EFBIG EINTR EINVAL EIO ENOSPC EPERM EPIPE",
}
# Errors that are an answer to what was asked, and change what is right: a standard stream is not open; a program is a
# script, which a shell reads; a child that lives has ended.
ANSWERS = {("ipc_is_close_on_exec", "EBADF"), ("ipc_child_main", "ENOEXEC"), ("ipc_pidfd_open", "ESRCH")}
ERRNOS = {call: tuple(dict.fromkeys(names.split())) for call, names in ERRNOS.items()}
