"""Paths that others have been to first, and daemons that want the same one at once."""

import contextlib
import fcntl
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from checks import PATIENCE, check, wait_until
from hostile_daemon import Daemon
from services import IS_ROOT, connect

# What the daemon ends with where somebody else serves.
SERVED = 75


def bound(path, kind=socket.SOCK_STREAM, listens=True):
    """A socket of somebody's."""
    made = socket.socket(socket.AF_UNIX, kind)
    made.bind(str(path))
    if listens and kind != socket.SOCK_DGRAM:
        made.listen()
    return made


def full(path):
    """A listener that takes nobody more."""
    listener = bound(path, listens=False)
    listener.listen(0)
    clients = []
    with contextlib.suppress(BlockingIOError):
        while True:
            clients.append(socket.socket(socket.AF_UNIX))
            clients[-1].setblocking(False)
            clients[-1].connect(str(path))
    return listener, clients


# What stands at the path, and how a daemon that wants it ends; None where it serves.
AT_SOCKET = {
    "a link to nothing": (lambda path: path.symlink_to("/nonexistent/s"), 1),
    "a link to where something could be made": (lambda path: path.symlink_to(path.with_name("other")), 1),
    "a link to itself": (lambda path: path.symlink_to(path.name), 1),
    "a file": (lambda path: path.write_text("precious"), 1),
    "a directory": (lambda path: path.mkdir(), 1),
    "a FIFO": (os.mkfifo, 1),
    "somebody's listener": (bound, SERVED),
    "a listener that is full": (full, SERVED),
    "somebody's datagram socket": (lambda path: bound(path, socket.SOCK_DGRAM), SERVED),
    "somebody's seqpacket listener": (lambda path: bound(path, socket.SOCK_SEQPACKET), SERVED),
    "a socket that nobody has": (lambda path: bound(path).close(), None),
}
AT_LOCK = {
    "a link to nothing": (lambda path: path.symlink_to("/nonexistent/s"), 1),
    "a link to a file": (lambda path: path.symlink_to("/etc/passwd"), 1),
    "a directory": (lambda path: path.mkdir(), 1),
    "a socket": (bound, 1),
    "a file": (lambda path: path.write_text("precious"), None),
}
DEVICES = {"a terminal": (5, 0), "a device that nobody drives": (250, 77)}


def paths(programs, directory):
    """Nothing that stands at the socket's or at the lock's path is touched, unless it is a socket that nobody has."""
    if IS_ROOT:
        for name, number in DEVICES.items():
            def node(path, number=number):
                os.mknod(path, 0o20600, os.makedev(*number))
            AT_SOCKET[name] = AT_LOCK[name] = (node, 1)
    for suffix, cases in ("", AT_SOCKET), (".lock", AT_LOCK):
        for name, (make, expected) in cases.items():
            place = pathlib.Path(tempfile.mkdtemp(dir=directory))
            path = place / f"s{suffix}"
            there = make(path)
            before = os.lstat(path)
            daemon = Daemon(programs, place)
            serves = daemon.begins()
            status = daemon.end()
            after = path.lstat() if expected or suffix else before
            good = serves == (expected is None) and status == (expected or 0)
            good &= (after.st_ino, after.st_mode, after.st_size) == (before.st_ino, before.st_mode, before.st_size)
            said = daemon.said().strip().splitlines()
            good &= expected is None or len(said) == 1 and str(path) in said[0]
            check(good, f"s{suffix} is {name}", f"{status}, {said}")
            del there


def locks(programs, directory):
    """Who holds the lock has the path, whether it runs or not, and nobody else has."""
    place = pathlib.Path(tempfile.mkdtemp(dir=directory))
    first = Daemon(programs, place)
    first.begins()
    first.process.send_signal(signal.SIGSTOP)
    second = Daemon(programs, place)
    check(not second.begins() and second.end() == SERVED, "a daemon that is stopped keeps its path")
    first.process.kill()
    first.end()
    # A stranger's process that has inherited the lock from whoever took it.
    with open(place / "s.lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[lock.fileno()]) as heir:
            lock.close()
            third = Daemon(programs, place)
            check(not third.begins() and third.end() == SERVED, "so does a lock that was inherited")
            heir.stdin.close()
    fourth = Daemon(programs, place)
    check(fourth.begins() and fourth.end() == 0, "until it goes: then the path is the next one's")


# What comes to the path in the moment in which a daemon has the lock and is about to bind; None for what it takes for one
# that is served.
PLANTED = ("a link to nothing", "a link to where something could be made", "a file", "a directory", "a FIFO",
           "somebody's listener", "a socket that nobody has")
BIND = 49


def planted(programs, directory):
    """What comes to the path between the lock and the socket is found, and stays what it is."""
    for name in PLANTED:
        place = pathlib.Path(tempfile.mkdtemp(dir=directory))
        path = place / "s"
        daemon = Daemon(programs, place, before=(
            "strace", "-D", "-qq", "-o", "/dev/null", "-e", "trace=bind", "-e", "inject=bind:delay_enter=500000"))
        call = pathlib.Path(f"/proc/{daemon.process.pid}/syscall")
        wait_until(lambda call=call: call.read_text().startswith(f"{BIND} "), "it is about to bind")
        there = AT_SOCKET[name][0](path)
        before = os.lstat(path)
        serves = daemon.begins()
        status, after = daemon.end(), os.lstat(path)
        good = not serves and status == SERVED and "Address already in use" in daemon.said()
        good &= (after.st_ino, after.st_mode, after.st_size) == (before.st_ino, before.st_mode, before.st_size)
        check(good, f"{name} comes between the lock and the socket", f"{status}, {daemon.said().strip()}")
        del there


def serving(path):
    """The process that answers there; None for nobody."""
    with contextlib.suppress(OSError), connect(path) as connection, connection.makefile("rb") as answers:
        connection.sendall(b'{"status":{}}\n')
        line = answers.readline().decode()
        if '"pid":' in line:
            return int(line.split('"pid":')[1].split(",")[0])
    return None


def races(programs, directory, seconds=4):
    """Daemons begin while another one begins, stops, dies or is stopped: one serves, and nothing stays behind it."""
    chance = random.Random(3)
    deadline = time.monotonic() + seconds
    rounds, wrong = 0, []
    while rounds < 8 or time.monotonic() < deadline:
        place = pathlib.Path(tempfile.mkdtemp(dir=directory))
        harm = [None, signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP][rounds % 4]
        rounds += 1
        daemons = []
        if harm is not None:
            daemons.append(Daemon(programs, place))
            daemons[0].begins()
        others = chance.choice((2, 2, 2, 10))
        moment = chance.randrange(others) if harm is not None else -1
        for number in range(others):
            if number == moment:
                daemons[0].process.send_signal(harm)
            log = place / f"{number}"
            log.mkdir()
            daemons.append(Daemon(programs, log, path=place / "s"))
        wrong += judge(programs, place, daemons, harm)
        shutil.rmtree(place)
    check(rounds >= 8 and not wrong, f"one serves in each of {rounds} races", wrong[:3])


def judge(programs, place, daemons, harm):
    """What is wrong once all of them serve or have ended."""
    wrong = []
    first = daemons[0] if harm is not None else None
    if harm in (signal.SIGTERM, signal.SIGKILL):
        first.process.wait(PATIENCE)
    alive = [daemon for daemon in daemons if daemon is not first and daemon.begins()]
    if harm == signal.SIGSTOP:
        first.process.send_signal(signal.SIGCONT)
        alive.append(first)
    if len(alive) > 1:
        wrong.append(f"{len(alive)} serve after {harm}")
    if not alive:
        # All of them came too early; the next one does not.
        last = place / "last"
        last.mkdir()
        alive = [Daemon(programs, last, path=place / "s")]
        alive[0].begins()
        daemons.append(alive[0])
    if serving(place / "s") != alive[0].process.pid:
        wrong.append(f"nobody answers after {harm}")
    statuses = [daemon.end() for daemon in daemons]
    if set(statuses) - {0, SERVED, -signal.SIGKILL}:
        wrong.append(f"ended with {statuses}")
    if {entry.name for entry in place.iterdir() if not entry.is_dir()} - {"log", "s.lock"}:
        wrong.append(f"left after {harm}: {list(place.iterdir())}")
    return wrong

