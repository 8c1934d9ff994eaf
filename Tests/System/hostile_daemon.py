"""A windowd to be hostile to, and what it holds and uses meanwhile."""

import array
import contextlib
import json
import os
import socket
import subprocess
import time

from checks import PATIENCE, becomes, check, wait_until
from services import listens

READY = "windowd: ready"


class Daemon:
    """A windowd that runs, its socket and its log."""

    def __init__(self, programs, directory, path=None, before=(), arguments=(), **options):
        self.path = path or directory / "s"
        self.log = directory / "log"
        command = [*before, programs / "windowd", "--socket", self.path, *arguments]
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options)

    def said(self):
        """The log so far."""
        return self.log.read_text(errors="replace")

    def begins(self):
        """Whether it serves, once it does or has ended."""
        # "already in use" is no readiness.
        wait_until(lambda: READY in self.said() or self.process.poll() is not None, "it serves or ends")
        return self.process.poll() is None

    def begins_to_answer(self):
        """The same without a look at its log."""
        wait_until(lambda: listens(self.path) or self.process.poll() is not None, "it serves or ends")
        return self.process.poll() is None

    def end(self):
        """Ends it as a manager does; its status."""
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()

    def ask(self, name, **properties):
        """One request of windowctl's kind, and its answer."""
        with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rb") as answers:
            # Where the door is crowded, this waits.
            connection.connect(str(self.path))
            connection.settimeout(PATIENCE)
            connection.sendall(json.dumps({name: properties}).encode() + b"\n")
            return json.loads(answers.readline() or b"null")

    def create(self, *command):
        """A window for a command: its id, or why not."""
        answer = self.ask("create-window", command=command)
        return answer.get("id") or answer["error"]["message"]

    def window(self, number):
        """What is told of a window; None when it has gone."""
        return next((window for window in self.ask("list-windows")["windows"] if window["id"] == number), None)

    def printed(self, number):
        """How many bytes a window has printed."""
        return self.ask("show", id=number)["printed"]

    def held(self):
        """What it has open: numbers and what they lead to."""
        found = {}
        for number in os.listdir(f"/proc/{self.process.pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                found[int(number)] = os.readlink(f"/proc/{self.process.pid}/fd/{number}")
        return found

    def at_rest(self):
        """What it has open with nobody connected: besides its listener, the two sockets for children are all there are."""
        wait_until(lambda: sum("socket:" in kind for kind in self.held().values()) == 3, "nobody is connected")
        return self.held()

    def memory(self):
        """Resident memory in KiB."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as pages:
            return int(pages.read().split()[1]) * 4

    def ticks(self):
        """Processor time so far, in hundredths of a second."""
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as line:
            return sum(int(field) for field in line.read().rsplit(")", 1)[1].split()[11:13])

    def check_rest(self, before, what):
        """It holds what it held before, and does nothing while nobody wants anything."""
        # Who came before us is accepted by then. Between two of them it holds what it held, and thousands may be queued.
        self.ask("status")
        same = becomes(lambda: self.held() == before)
        check(same, f"{what}: nothing is left of it", "" if same else self.held())
        ticks = self.ticks()
        time.sleep(0.3)
        used = self.ticks() - ticks
        check(used <= 5, f"{what}: it does not spin", f"{used} ticks")


@contextlib.contextmanager
def running(programs, directory, **options):
    """A daemon that serves, and that ends well."""
    daemon = Daemon(programs, directory, **options)
    try:
        if not daemon.begins():
            raise RuntimeError(daemon.said())
        yield daemon
    finally:
        status = daemon.end()
    check(status == 0 and not daemon.path.exists(), "it ends as it should, and its socket with it", status)


def send(connection, line, *descriptors):
    """A line with descriptors."""
    rights = array.array("i", descriptors)
    return connection.sendmsg([line], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
