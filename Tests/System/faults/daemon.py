"""Services, and the ways in which they are started with a call of theirs failing."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

import echo
import judge
import lasting
import traced
import windows
from traced import wait

MANAGER = pathlib.Path(__file__).parents[2] / "WindowServiceTests/Support/manager.py"


class Service:
    """What all ways have in common."""

    program = "windowd"
    parts = windows.PARTS
    takes_long = False

    @classmethod
    def run(cls, programs, fault=None, whole=()):
        return lasting.run(cls, programs, fault) if fault and fault.lasts else judge.run(cls, programs, fault, whole)

    def is_served(self, again):
        """Whether a client is, when everybody has gone; where a call fails `again`, no program need start."""
        with contextlib.suppress(windows.Silence, windows.Refused, windows.Ended):
            for window in windows.ask(self.path, {"list-windows": {}})["windows"]:
                windows.close(self.path, window["id"])
            windows.status(self.path)
            if not again:
                windows.short_program(self.path)
            return True
        return False

    def last_process(self):
        """A process that must end with the service; None where a call fails that it takes."""
        with contextlib.suppress(windows.Silence, windows.Refused, windows.Ended):
            number = windows.create(self.path, "cat")
            listed = windows.ask(self.path, {"list-windows": {}})["windows"]
            return next((one["pid"] for one in listed if one["id"] == number), None)
        return None

    def said(self):
        self.errors.seek(0)
        return self.errors.read()

    def left(self):
        """What a service that has ended may not leave behind."""
        return False


class Own(Service):
    """A windowd with a path of its own."""

    name = "windowd"

    def __init__(self, programs, directory, fault):
        self.directory = directory
        self.path = f"{directory}/w.sock"
        self.errors = open(f"{directory}/said", "w+", encoding="utf-8", errors="replace")
        environment = {"PATH": os.environ["PATH"], "HOME": "/", "SHELL": "/bin/sh"}
        arguments = [*traced.command(f"{programs}/windowd", f"{directory}/log", fault), "--socket", self.path]
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=self.errors, env=environment)
        self.pid = self.process.pid
        wait(lambda: self.process.poll() is not None or self.ready())

    def ready(self):
        return self.process.poll() is None and windows.listens(self.path)

    def end(self):
        """Its status after SIGTERM; None for one that does not end."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.terminate()
            return self.process.wait(traced.PATIENCE)

    def left(self):
        return os.path.exists(self.path)

    def clear(self):
        self.process.kill()
        self.process.wait()
        self.errors.close()


class Managed(Service):
    """A windowd that a service manager starts, with its socket and a store for its windows."""

    name = "windowd, managed"
    restored = False

    def __init__(self, programs, directory, fault):
        self.begun, self.well = [], pathlib.Path(directory, "well")
        self.directory = directory
        self.path = f"{directory}/windowd.sock"
        self.errors = open(f"{directory}/said", "w+", encoding="utf-8", errors="replace")
        failing = " ".join(traced.command(f"{programs}/windowd", f"{directory}/log", fault))
        # The one whose windows are taken over is well.
        script = f"[ -e {directory}/well ] && exec {programs}/windowd; exec {failing}"
        if self.restored:
            self.well.touch()
        environment = {"PATH": os.environ["PATH"], "HOME": "/", "SHELL": "/bin/sh"}
        self.manager = subprocess.Popen([sys.executable, MANAGER, directory, "64", "/bin/sh", "-c", script],
                                        stdout=subprocess.PIPE, stderr=self.errors, env=environment)
        self.manager.stdout.readline()
        self.begin("start")
        if self.restored:
            self.inherit()
        self.pid = wait(lambda: self.tell("process"))

    def inherit(self):
        """Windows of a windowd that was killed: one that runs, and one whose program has ended."""
        printing = windows.create(self.path, "sh", "-c", "echo hello; exec cat")
        windows.create(self.path, "true", hold=True)
        wait(lambda: windows.ask(self.path, {"show": {"id": printing}})["printed"] > 0)
        wait(lambda: any("exit" in one for one in windows.ask(self.path, {"list-windows": {}})["windows"]))
        self.well.unlink()
        first = self.tell("process")
        self.begin("restart", str(signal.SIGKILL.value))
        wait(lambda: self.tell("process") != first)

    def begin(self, *words):
        """Has the manager do what it is done with once the service is ready, which it need not become."""
        connection = self.connect()
        connection.sendall(json.dumps(words).encode() + b"\n")
        self.begun.append(connection)

    def connect(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(traced.PATIENCE)
        connection.connect(f"{self.directory}/control")
        return connection

    def tell(self, *words):
        with self.connect() as connection, connection.makefile("r") as answers:
            connection.sendall(json.dumps(words).encode() + b"\n")
            return json.loads(answers.readline())

    def ready(self):
        return not isinstance(self.tell("state"), int)

    def end(self):
        with contextlib.suppress(TimeoutError):
            state = self.tell("state")
            return state if isinstance(state, int) else self.tell("stop")

    def clear(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        for connection in self.begun:
            connection.close()
        self.manager.kill()
        self.manager.wait()
        self.manager.stdout.close()
        self.errors.close()


class Restored(Managed):
    """A windowd that takes over the windows of one that was killed."""

    name = "windowd, restored"
    parts = [windows.inherited, *windows.PARTS[1:]]
    restored = True


class Echo(Own):
    """The library's server with a reply handler, on a socket that it was handed."""

    name = program = "echo-service"
    parts = [echo.lines, echo.half_a_line, echo.many]

    def __init__(self, programs, directory, fault):
        self.directory, self.path = directory, f"{directory}/echo.sock"
        self.errors = open(f"{directory}/said", "w+", encoding="utf-8", errors="replace")
        command = traced.command(f"{programs}/echo-service", f"{directory}/log", fault)
        hand_over = 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=echo exec "$@" 3<&0 </dev/null'
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path)
            listener.listen()
            self.process = subprocess.Popen(["sh", "-c", hand_over, "sh", *command], stdin=listener, stdout=self.errors,
                                            stderr=self.errors)
        self.pid = self.process.pid
        wait(lambda: self.process.poll() is not None or judge.serves(self))

    def is_served(self, again):
        with contextlib.suppress(windows.Silence, windows.Ended):
            echo.lines(self.path)
            return True
        return False

    def last_process(self):
        return None

    def left(self):
        return False
