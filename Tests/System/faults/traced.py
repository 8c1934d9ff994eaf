"""Programs under strace, which makes a call of theirs fail, and what became of them."""

import collections
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time

import sites
from errnos import LEFT_OUT

# A program that has neither answered nor ended by then does not: its own deadlines are five seconds and ten.
PATIENCE = 12
# More seconds of work than these were spent on waiting: a command is done with its own in a tenth of one, here.
WORK = 4


class Fault:
    """A call to fail: the how-many-th of each thread, or each from there on if `every` says which."""

    def __init__(self, call, errno, number, every="", again=False):
        self.call, self.errno, self.number, self.every = call, errno, number, every
        # Whether it comes again, in other threads or children; and whether it does every time.
        self.again, self.lasts = again or bool(every), bool(every) and errno != "EINTR"

    def __str__(self):
        return f"{self.call}:error={self.errno}:when={self.number}{self.every}"


class Short:
    """Not a call that fails, but all that read and write: they do so many bytes at once, at most."""

    call, every, again, lasts = "read, write", "", False, False

    def __init__(self, library, limit):
        self.library, self.limit, self.errno = library, limit, f"at most {limit}"

    def variables(self, log):
        """What has a program's transfers cut, unless it is linked statically, and those of what it starts."""
        return {"LD_PRELOAD": str(self.library), "SHORT_TRANSFERS": str(self.limit), "SHORT_TRANSFERS_LOG": str(log)}

    def __str__(self):
        return f"{self.limit} bytes a read or write"


def command(program, log, fault=None):
    """The command that runs a program, without what it executes, as the process that the command begins as."""
    if isinstance(fault, Short):
        return ["env", *(f"{name}={value}" for name, value in fault.variables(log).items()), str(program)]
    # The tracer is nobody's child, and the program keeps the number of who started it: systemd names it by that.
    strace = ["strace", "-D", "-f", "-qq", "-b", "execve", "-e", "signal=none", "-s", "0", "-o", str(log)]
    # Of calls that fail over and over, the stacks would take longer than they do: their descriptors will do.
    strace += ["-y"] if fault and fault.lasts else ["-k"]
    # Of the others there is nothing to know.
    if not fault:
        strace += ["-e", "trace=!" + ",".join(LEFT_OUT)]
    else:
        # A stack takes its time to find: that of the call which failed will do.
        strace += ["-e", f"trace={fault.call}", "-e", "status=failed", "-e", f"inject={fault}"]
    return [*strace, str(program)]


def injected(log):
    """The calls of a log that were made to fail."""
    return [call for call in sites.calls(log) if "(INJECTED)" in call.line]


def state(process):
    """The letter that the kernel has for what a process does; empty once nobody knows of it."""
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def is_alive(process):
    """Whether it has not ended yet."""
    return state(process) not in ("", "Z", "X")


def descriptors(process, directory):
    """What a process has open, without the numbers by which one file is told from the next."""
    found = []
    for number in os.listdir(f"/proc/{process}/fd"):
        try:
            target = os.readlink(f"/proc/{process}/fd/{number}").replace(directory, "")
            found.append(re.sub(r"\d+", "N", target))
        except OSError:
            pass
    return sorted(found)


def descriptors_at_rest(process, directory):
    """The same, once ten looks in a row have seen the same."""
    looks = collections.deque(maxlen=10)

    def settled():
        looks.append(descriptors(process, directory))
        return len(looks) == looks.maxlen and all(look == looks[0] for look in looks)

    wait(settled)
    return looks[-1]


def has_no_more(process, directory, *allowed):
    """Whether nothing is open beyond what one of these lists has: fewer, if something was on its way out there."""
    found = collections.Counter(descriptors(process, directory))
    return any(found <= collections.Counter(most) for most in allowed)


def children(process):
    """The processes that it has not reaped, and those that run."""
    found = []
    for thread in os.listdir(f"/proc/{process}/task"):
        with contextlib.suppress(OSError):
            found += pathlib.Path(f"/proc/{process}/task/{thread}/children").read_text().split()
    return [int(child) for child in found]


def worked(process):
    """How many seconds a process has been at work, and in how many turns, in all the threads that it has."""
    nanoseconds = turns = 0
    for path in pathlib.Path(f"/proc/{process}/task").glob("*/schedstat"):
        # A thread may end meanwhile.
        with contextlib.suppress(OSError):
            worked_for, _, times = map(int, path.read_text().split())
            nanoseconds, turns = nanoseconds + worked_for, turns + times
    return nanoseconds / 1e9, turns


def is_at_rest(process, span):
    """Whether it does next to nothing for so long. A traced one gives way at each call: among many it works little."""
    seconds, turns = worked(process)
    time.sleep(span)
    later = worked(process)
    return abs(later[0] - seconds) < 0.2 * span and abs(later[1] - turns) < 1000 * span


def wait(condition, patience=PATIENCE):
    """What the condition says when it is true, or at last."""
    deadline = time.monotonic() + patience
    while not (seen := condition()) and time.monotonic() < deadline:
        time.sleep(0.005)
    return seen


def run(program, arguments, log, fault, environment, **options):
    """A program's outcome when it has ended: its status, None if it had to be killed or was busy, and what it said."""
    # Not pipes, whose end would be that of what the program has started and left.
    with open(f"{log}-output", "w+b") as output, open(f"{log}-errors", "w+b") as errors:
        process = subprocess.Popen([*command(program, log, fault), *arguments], stdout=output, stderr=errors,
                                   env=environment, **options)
        work = 0

        def has_ended():
            nonlocal work
            work = max(work, worked(process.pid)[0])
            return process.poll() is not None

        # Many stacks take longer than one.
        if not wait(has_ended, PATIENCE if fault and not fault.every else 10 * PATIENCE):
            process.kill()
        status = process.wait()
        said = []
        for file in output, errors:
            file.seek(0)
            said.append(file.read().decode(errors="replace"))
    if status == -signal.SIGKILL:
        status = None
    elif fault and work > WORK:
        status, said[1] = None, f"{said[1]} has worked for {work:.1f} s"
    return status, *said
