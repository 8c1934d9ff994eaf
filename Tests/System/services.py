"""Services to try and clients of them: processes that end whatever happens, sockets that misbehave on purpose."""

import collections
import contextlib
import os
import pathlib
import socket
import subprocess
import threading

from checks import PATIENCE, becomes, check, wait_until

IS_ROOT = os.geteuid() == 0
# A user who owns nothing.
NOBODY = 65534
# For who is somebody else than this process.
HOMELESS = {"HOME": "/", "XDG_CONFIG_HOME": "/"}


def run(*command, user=None, **options):
    """A command's outcome."""
    return subprocess.run(command, **as_user(user), capture_output=True, text=True, timeout=PATIENCE, **options)


def as_user(user):
    """How a process becomes that user's; without one, it stays this one's."""
    return {} if user is None else {"user": user, "group": user, "extra_groups": []}


def connect(path):
    """A connection."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        raise
    return connection


def listens(path):
    """Whether somebody does."""
    with contextlib.suppress(OSError), connect(path):
        return True
    return False


def ask(path, *lines):
    """The lines that are answered, of one conversation."""
    with connect(path) as connection, connection.makefile("rb") as answers:
        connection.sendall(b"".join(lines))
        return [answers.readline() for _ in lines]


@contextlib.contextmanager
def service(path, *command, **options):
    """A process that serves the path. One that has not ended when this is left ends by SIGTERM."""
    with subprocess.Popen(command, **{"stdin": subprocess.DEVNULL} | options) as process:
        try:
            wait_until(lambda: process.poll() is not None or listens(path), f"{command[0]} listens")
            yield process
            if process.poll() is None:
                process.terminate()
                process.wait(PATIENCE)
        finally:
            process.kill()


def check_end(process, path, name):
    """Ends the service: with status 0 and without its socket."""
    process.terminate()
    status = process.wait(PATIENCE)
    check(status == 0 and not path.exists(), f"{name}: SIGTERM ends it with status 0, and its socket is gone", status)


@contextlib.contextmanager
def listening(path):
    """A socket that listens whether anybody serves it or not, as systemd's do."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        yield listener
    path.unlink()


def activated(program):
    """The command for a service that is handed what it has as its standard input, as systemd hands sockets over."""
    return ["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=echo exec "$0" 3<&0 </dev/null', program]


def descriptors(process):
    """How many a process has."""
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def check_descriptors(process, converse, break_off, name, count=200):
    """A service has as many descriptors after conversations as before, a third of which were broken off."""
    converse()
    before = at_rest(process)
    for number in range(count):
        break_off() if number % 3 == 0 else converse()
    # Fewer, if what was open before was on its way out.
    same = becomes(lambda: descriptors(process) <= before)
    check(same, f"{name}: as many descriptors after {count} conversations", f"{before}, then {descriptors(process)}")


def at_rest(process):
    """How many it has when a few looks have seen as many: a conversation is given up a little after its end."""
    looks = collections.deque(maxlen=10)

    def settled():
        looks.append(descriptors(process))
        return len(looks) == looks.maxlen and len(set(looks)) == 1

    wait_until(settled, "the service is at rest")
    return looks[-1]


@contextlib.contextmanager
def stand_in(path, replies, user=None):
    """A service that answers one line after the other with these: None for the end of the conversation, nothing for
    silence. Yields the lines as they come."""
    seen, silent, replies = [], [], iter(replies)

    def converse(connection):
        with connection.makefile("rb") as lines:
            for line in lines:
                seen.append(line)
                reply = next(replies, None)
                if not reply:
                    return silent.append(connection) if reply == b"" else connection.close()
                connection.sendall(reply)
        connection.close()

    def serve():
        with contextlib.suppress(OSError):
            while True:
                converse(listener.accept()[0])

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        # The kernel notes who calls this.
        with effective(user):
            listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield seen
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in silent:
                connection.close()
            path.unlink()


@contextlib.contextmanager
def effective(user):
    """This process is another user's meanwhile."""
    own = os.geteuid()
    os.seteuid(own if user is None else user)
    try:
        yield
    finally:
        os.seteuid(own)


class Trace:
    """strace of what a process does with its descriptors; the process stays its parent's child."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.command = ["strace", "-D", "-f", "-e", "trace=openat,recvmsg,close", "-o", str(path)]

    def lines(self):
        """What was written, once the process has ended; a call that another thread's came between is one line all the same."""
        wait_until(lambda: "+++ exited" in self.path.read_text(errors="replace"), "strace has seen the end")
        begun, whole = {}, []
        for line in self.path.read_text(errors="replace").splitlines():
            thread = line.partition(" ")[0]
            if line.endswith(" <unfinished ...>"):
                begun[thread] = line.removesuffix(" <unfinished ...>")
            elif " resumed>" in line and thread in begun:
                whole.append(begun.pop(thread) + line.partition(" resumed>")[2])
            else:
                whole.append(line)
        return whole
