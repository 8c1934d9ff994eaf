"""Calls that fail every time from some moment on: which are made to, and what must hold whatever it is that fails.

Who is served then, and with what, is not judged: much may be beyond a program without such a call. But it must not
hang, work on and on, crash, or end without a word.
"""

import collections
import contextlib
import os
import pathlib
import signal
import tempfile

import traced
import windows
from errnos import ERRNOS
from traced import Fault, wait

# Errors that say to try again, as no kernel does for ever: of a stream that poll(2) calls writable, of a client that has
# gone. And answers: a standard stream is not open, and nothing is said on it; a program is a script, which a shell reads;
# a child that lives has ended and was reaped.
_LEFT_OUT = {(call, "EINTR") for call in ERRNOS} | {
    ("sendto", "EAGAIN"), ("accept4", "ECONNABORTED"), ("fcntl", "EBADF"), ("execve", "ENOEXEC"),
    ("pidfd_open", "ESRCH")}
# Without memory Swift ends the process, as SECURITY.md says.
_MEMORY = "mmap"
# More failures than these are a loop: what is asked again now and then in the seconds of a run has some hundreds.
_REPEATED = 10_000


def faults(found, random_numbers):
    """For each kind of call, from when on it fails: the program's first, that of some of its places, a late one."""
    begun = next(iter(found.values()))[0].thread
    kinds = collections.defaultdict(list)
    for site, made in found.items():
        kinds[site.call].append(made)
    for name, places in sorted(kinds.items()):
        errors = [errno for errno in ERRNOS[name] if (name, errno) not in _LEFT_OUT]
        if not errors or name == _MEMORY:
            continue
        # Not before its own first in the thread that it begins as, if there is one: the loader's calls come before.
        own = min((call.thread != begun, call.number) for made in places for call in made)[1]
        firsts = sorted({max(own, min(call.number for call in made)) for made in places})
        late = sorted(max(own, call.number) for made in places for call in made)
        few = random_numbers.sample(firsts, min(len(firsts), 3))
        for number in sorted({own, *few, random_numbers.choice(late[len(late) // 2:])}):
            # fstat(2) and lstat(2) are one call, so that every other fails of what does both each time that it tries.
            every = random_numbers.choice(("+", "+2")) if name == "newfstatat" else "+"
            yield Fault(name, random_numbers.choice(errors), number, every)


def run(way, programs, fault):
    """A service's run, as judge.run's."""
    problems = []
    with tempfile.TemporaryDirectory(prefix="faults-", dir="/tmp") as directory:
        daemon = way(programs, directory, fault)
        try:
            use(daemon, problems)
            is_alive = traced.is_alive(daemon.pid)
            status, said = daemon.end(), daemon.said()
        finally:
            daemon.clear()
        log, left = rest(directory, problems)
        if status is None:
            problems.append("does not end")
        elif is_deliberate(status, said, log):
            left = []
        elif is_alive and status == 0:
            pass
        elif status < 0:
            problems.append(f"ended with {status}")
        elif f"{daemon.program}: " not in said and not has_tried_to_speak(log):
            problems.append(f"ended with {status}, without a message")
        problems += left
        if problems:
            problems.append("said: " + " | ".join(said.splitlines()[-3:]))
    return problems, log, []


def use(daemon, problems):
    """Asks a service for as much as it answers, and waits until it is at rest, or has ended."""
    for part in daemon.parts:
        try:
            part(daemon.path)
        except windows.Silence:
            break
        except (windows.Refused, windows.Ended, AssertionError):
            pass
    if not wait(lambda: traced.is_at_rest(daemon.pid, 1), 20):
        problems.append("works without anything to do")


def judge_command(command, outcome, fault, directory, problems):
    """As any other's; answers its log."""
    status, output, errors = outcome
    log, left = rest(directory, problems)
    if is_deliberate(status, errors, log):
        return log
    if has_tried_to_speak(log):
        errors += f"{command.program}: "
    command.judge((status, output, errors), fault, problems)
    # Where it had to be killed, so had what it would have ended; a windowd that it started may come up after its end.
    if status is not None:
        problems += [one for one in left if "windowd --detached" not in one]
    return log


def has_tried_to_speak(log):
    return "write(2<" in log


def is_deliberate(status, said, log):
    """Whether a program has ended itself, with a message, as its loop would hear of nothing any more."""
    if status not in (-signal.SIGILL, -signal.SIGTRAP):
        return False
    return "Fatal error: epoll_pwait2: " in said or "<anon_inode:[eventfd]>" in log and has_tried_to_speak(log)


def rest(directory, problems):
    """The log of a run, and who of it had to be ended: all must end by themselves, once their terminals are closed."""

    def belongs(process):
        # Its arguments or its environment tell.
        with contextlib.suppress(OSError):
            return any(directory.encode() in process.joinpath(name).read_bytes() for name in ("cmdline", "environ"))
        return False

    def there():
        return [process for process in pathlib.Path("/proc").glob("[0-9]*") if belongs(process)]

    left = []
    if not wait(lambda: not there()):
        for process in there():
            with contextlib.suppress(OSError):
                left.append("left: " + process.joinpath("cmdline").read_text().replace("\0", " "))
                os.kill(int(process.name), signal.SIGKILL)
        wait(lambda: not there())
    path = pathlib.Path(directory, "log")
    log = path.read_text(errors="replace") if path.exists() else ""
    if (failures := log.count("(INJECTED)")) > _REPEATED:
        problems.append(f"has made the call {failures} times")
    return log, left
