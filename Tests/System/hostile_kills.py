"""A windowd that is killed at each call that it makes while it has somebody's terminal: he has it again as it was."""

import collections
import concurrent.futures
import fcntl
import os
import pathlib
import pty
import re
import subprocess
import tempfile
import termios

from checks import becomes, check, wait_until
from hostile_daemon import Daemon
from services import IS_ROOT

# Whether only a process's parent may trace it; the file is not there where anyone may.
SCOPE = pathlib.Path("/proc/sys/kernel/yama/ptrace_scope")
# How many seconds windowctl waits for another windowd.
TIMEOUT = 1
# A line of a trace; the second part of a call that others have come between begins otherwise.
CALL = re.compile(r"^(\d+) +(\w+)\(")
DETACH = b"typed\r\x1c"


def traced(process, log, *options):
    """A tracer that has taken hold of a process."""
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-e", "signal=none", *options, "-o", log, "-p", str(process)])
    status = pathlib.Path(f"/proc/{process}/task").glob("*/status")
    wait_until(lambda: all("TracerPid:\t0" not in path.read_text() for path in status), "it is traced")
    return tracer


def visit(programs, path):
    """windowctl's end on a terminal that a window is shown on; what is wrong with the two of them."""
    master, slave = pty.openpty()
    try:
        before = termios.tcgetattr(slave)
        # As a shell starts it: with this terminal as its own.
        command = [programs / "windowctl", "attach", "--socket", path, "--timeout", str(TIMEOUT), "1"]
        client = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                  preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        with client:
            becomes(lambda: client.poll() is not None or not termios.tcgetattr(slave)[3] & termios.ICANON)
            os.write(master, DETACH)
            if not becomes(lambda: client.poll() is not None):
                client.kill()
                return "windowctl does not end"
        return "" if termios.tcgetattr(slave) == before else f"not given back; windowctl ended with {client.returncode}"
    finally:
        os.close(master)
        os.close(slave)


def trial(programs, directory, *options):
    """A visit to a windowd that is traced like this; what is wrong, whether windowd has died, and the trace."""
    place = pathlib.Path(tempfile.mkdtemp(dir=directory))
    daemon = Daemon(programs, place)
    try:
        if not daemon.begins():
            raise RuntimeError(daemon.said())
        daemon.create("cat")
        with traced(daemon.process.pid, place / "trace", *options) as tracer:
            wrong = visit(programs, daemon.path)
            has_died = daemon.process.poll() is not None
            daemon.process.kill()
            tracer.wait()
        return wrong, has_died, (place / "trace").read_text(errors="replace")
    finally:
        daemon.end()


def kills(programs, directory):
    """At the first call of each kind, the second, and so on."""
    if not IS_ROOT and SCOPE.exists() and SCOPE.read_text().strip() != "0":
        print("# not tried: to kill it at its calls; nobody but root may trace here", flush=True)
        return
    wrong, has_died, trace = trial(programs, directory)
    made = collections.Counter(call.groups() for call in map(CALL.match, trace.splitlines()) if call)
    # The tracer counts in each thread.
    most = collections.Counter()
    for (_, name), count in made.items():
        most[name] = max(most[name], count)
    places = [(name, number) for name, count in most.items() for number in range(1, count + 1)]
    check(not wrong and not has_died, "a window is shown on a terminal, which is given back", wrong)

    def kill(place):
        name, number = place
        options = "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}"
        wrong, has_died, _ = trial(programs, directory, *options)
        return f"at {name} {number}: {wrong}" if wrong else "", has_died

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(kill, places))
    wrong = "; ".join(words for words, _ in outcomes if words)
    died = sum(has_died for _, has_died in outcomes)
    check(not wrong, f"killed at {died} of the calls that it makes meanwhile, windowd leaves no terminal as it needs it", wrong)
    check(died > len(places) / 2, "most of them are met", f"{died} of {len(places)}")
