"""windowd and windowctl, killed at each call that they make while a window is shown on somebody's terminal: he has it
again as it was, whichever of the two is left."""

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
TRACER = ["strace", "-f", "-qq", "-e", "signal=none"]
# A line of a trace; the second part of a call that others have come between begins otherwise.
CALL = re.compile(r"^(\d+) +(\w+)\(")
# Leads the session, so that the terminal outlives windowctl, and tells how that has ended.
SHELL = 'trap : QUIT; "$@"; echo $? >"$0"; while :; do sleep 1000; done'
TYPED = b"typed\r\x1c"
KILLED = 128 + 9


class Terminal:
    """A terminal that windowctl is run on."""

    def __init__(self, status, *command):
        self.status = status
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.shell = subprocess.Popen(
            ["sh", "-c", SHELL, status, *command], stdin=self.slave, stdout=self.slave, stderr=self.slave,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def is_raw(self):
        return not termios.tcgetattr(self.slave)[3] & termios.ICANON

    def has_ended(self):
        """windowctl's status as a shell has it, once there is one."""
        return self.status.exists() and self.status.read_text().strip()

    def visit(self):
        """Types something, and the key that detaches; what is wrong in the end."""
        wait_until(lambda: self.has_ended() or self.is_raw(), "the window is shown")
        if not self.has_ended():
            os.write(self.master, TYPED)
        if not becomes(self.has_ended):
            return "windowctl does not end"
        if not becomes(lambda: termios.tcgetattr(self.slave) == self.before):
            return f"not given back; windowctl ended with {self.has_ended()}"
        return ""

    def close(self):
        self.shell.kill()
        self.shell.wait()
        os.close(self.master)
        os.close(self.slave)


def take_hold(daemon, command):
    """Has a tracer take hold of it; what is interrupted then may be the call that kills it."""
    tracer = subprocess.Popen([*command, "-p", str(daemon.process.pid)])
    threads = pathlib.Path(f"/proc/{daemon.process.pid}/task")

    def is_traced():
        return all("TracerPid:\t0" not in path.read_text() for path in threads.glob("*/status"))

    wait_until(lambda: daemon.process.poll() is not None or is_traced(), "it is traced")
    return tracer


def trial(programs, directory, traced, *options):
    """A visit while one of the two is traced like this; what is wrong, whether that one was killed, and the trace."""
    place = pathlib.Path(tempfile.mkdtemp(dir=directory))
    tracer = [*TRACER, *options, "-o", place / "trace"]
    # windowctl waits for a second for another windowd.
    client = [programs / "windowctl", "attach", "--socket", place / "s", "--timeout", "1", "1"]
    daemon = Daemon(programs, place)
    try:
        if not daemon.begins():
            raise RuntimeError(daemon.said())
        daemon.create("cat")
        held = daemon.at_rest()
        if traced == "windowd":
            tracer = take_hold(daemon, tracer)
        else:
            client = [*tracer, *client]
        terminal = Terminal(place / "status", *client)
        try:
            wrong = terminal.visit()
            if traced == "windowd":
                was_killed = daemon.process.poll() is not None
                daemon.process.kill()
                tracer.wait()
            else:
                was_killed = terminal.has_ended() == str(KILLED)
                if not becomes(lambda: daemon.held() == held):
                    wrong += f" windowd holds {daemon.held()}, not {held}"
        finally:
            terminal.close()
    finally:
        daemon.end()
    return wrong, was_killed, (place / "trace").read_text(errors="replace")


def places(trace):
    """The first call of each kind, the second, and so on, as often as a thread makes it: in each the tracer counts anew."""
    made = collections.Counter(call.groups() for call in map(CALL.match, trace.splitlines()) if call)
    most = collections.Counter()
    for (_, name), count in made.items():
        most[name] = max(most[name], count)
    return [(name, number) for name, count in most.items() for number in range(1, count + 1)]


def kills(programs, directory):
    """Each of the two, at each of these."""
    for traced in "windowd", "windowctl":
        if traced == "windowd" and not IS_ROOT and SCOPE.exists() and SCOPE.read_text().strip() != "0":
            print("# not tried: to kill windowd at its calls; nobody but root may trace here", flush=True)
            continue
        wrong, was_killed, trace = trial(programs, directory, traced)
        check(not wrong and not was_killed, f"a window is shown on a terminal, with {traced} traced", wrong)

        def kill(place, traced=traced):
            name, number = place
            options = "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}"
            wrong, was_killed, _ = trial(programs, directory, traced, *options)
            return f"at {name} {number}: {wrong}" if wrong else "", was_killed

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(kill, places(trace)))
        wrong = "; ".join(words for words, _ in outcomes if words)
        killed = sum(was_killed for _, was_killed in outcomes)
        check(not wrong, f"killed at {killed} of its calls, {traced} leaves the terminal as it was", wrong)
        check(killed > len(outcomes) / 2, "most of them are met", f"{killed} of {len(outcomes)}")
