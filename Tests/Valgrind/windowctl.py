#!/usr/bin/env python3
"""Each of windowctl's commands under valgrind, beside a windowd that nobody watches: done, refused, without an answer.

    windowctl.py DIRECTORY        where scripts/valgrind.sh has put the programs and the stand-ins

As root, a daemon of another user's is tried too. Exit status: 0 all is as it should be; 1 something is not.
"""

import contextlib
import json
import os
import pathlib
import pty
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "System/systemd"))

from checks import becomes, check, checking, ended, failures, wait_until  # noqa: E402
from reports import OPTIONS, complaints  # noqa: E402

build = pathlib.Path(sys.argv[1]).resolve()
# Long enough for a program that takes seconds to start.
TIMEOUT = "--timeout=60"
tried = set()


class Run:
    """A windowctl that valgrind watches; on a terminal, if its streams are one."""

    def __init__(self, directory, *arguments, program=build / "windowctl", terminal=None, **environment):
        self.name = " ".join(arguments)
        self.log = pathlib.Path(tempfile.mkdtemp(dir=directory))
        tried.update(arguments)
        streams = {name: terminal for name in ("stdin", "stdout", "stderr")}
        if terminal is None:
            streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(
            ["valgrind", *OPTIONS, f"--log-file={self.log}/%p", program, *arguments],
            **streams,
            start_new_session=True,
            text=True,
            env={"PATH": os.environ["PATH"], "HOME": "/", "SHELL": "/bin/sh", "LD_PRELOAD": f"{build}/standins.so"}
            | {"WINDOWD_SOCKET": f"{directory}/socket"}
            | environment,
        )

    def ends(self, status, saying=""):
        """Checks how it ends, and what valgrind has to say; returns what it has printed."""
        output, errors = self.process.communicate()
        wrong = [one for log in self.log.iterdir() for one in complaints(log.read_text())]
        if self.process.returncode != status:
            wrong.append(f"status {self.process.returncode}: {errors or output}")
        if saying not in (output or "") + (errors or ""):
            wrong.append(f"not said: {saying}")
        if not check(not wrong and any(self.log.iterdir()), f"windowctl {self.name}: {status}", "\n".join(wrong)):
            for log in self.log.iterdir():
                print(log.read_text())
        return output


@contextlib.contextmanager
def daemon(directory, **options):
    """A windowd that serves."""
    command = [build / "windowd", "--socket", directory / "socket"]
    with ended(subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **options)) as process:
        wait_until(lambda: "ready" in process.stderr.readline(), "windowd is ready")
        yield process


def commands(directory):
    """All that needs no terminal."""

    def run(status, *arguments, saying="", **options):
        return Run(directory, *arguments, **options).ends(status, saying)

    with daemon(directory):
        window = run(0, "create-window", "--title", "first", "-e", "sh", "-c", "echo printed; exec cat").strip()
        run(0, "list-windows", saying="first")
        run(0, "list-windows", "--json", saying='"windows"')
        wait_until(lambda: "printed" in control(directory, "show", window), "the window has printed")
        run(0, "show", window, saying="printed")
        run(0, "resize-window", window, "100", "30")
        run(0, "config", "--window", window, "hold=true")
        run(0, "config", "scrollback=65536")
        run(0, "get-config", "--window", window, saying="hold = true")
        run(0, "status", saying="descriptors")
        run(0, "status", "--descriptors", saying="terminal master")
        run(0, "config", "--window", window, "--reset")
        waiting = Run(directory, "wait", "--exit-status", window)
        run(0, "close-window", window)
        waiting.ends(129, f"window {window}")
        run(0, "wait", window, saying=f"window {window}")
        run(7, "create-window", "--wait", "-e", "sh", "-c", "exit 7")
        run(0, "create-window", "--working-directory", "/", "--class", "a,b", "--hold", "--env", "A=b", "-o", "scrollback=4096")
        # Refused.
        run(1, "create-window", "-e", "/nonexistent/program", saying="program")
        run(1, "create-window", "--working-directory", "/nonexistent", saying="nonexistent")
        run(125, "create-window", "--wait", "-e", "/nonexistent/program")
        run(1, "config", "nonsense=1", "scrollback=many")
        run(1, "get-config", "--window", "4711", "--json", saying='"error"')
        for more in (["show"], ["wait"], ["close-window"]):
            run(1, *more, "4711", saying="4711")
        run(125, "wait", "--exit-status", "4711")
        run(1, "resize-window", "4711", "1", "1", saying="4711")
        run(1, "attach", window, saying="terminal")
        # Not understood.
        run(64, "show", "none")
        run(64, "no-such-command")
        run(64, "list-windows", "--timeout", "-1")
        # A reader that has gone.
        reader, writer = os.pipe()
        os.close(reader)
    for command in ("help", "--help", "--version"):
        run(0, command)


def control(directory, *arguments):
    """What a windowctl prints that nobody watches."""
    environment = os.environ | {"WINDOWD_SOCKET": f"{directory}/socket"}
    return subprocess.run([build / "windowctl", *arguments], env=environment, capture_output=True, text=True).stdout


def absent(directory):
    """Nobody serves, or not as a daemon does."""
    arguments = [["list-windows"], ["status", "--json"], ["show", "1"], ["wait", "1"], ["close-window", "1"], ["config"]]
    for more in [*arguments, ["get-config"], ["resize-window", "1", "1", "1"], ["create-window"]]:
        Run(directory, *more).ends(3, "no-daemon" if "--json" in more else "nobody serves")
    Run(directory, "list-windows", "--socket", "/" + "x" * 5000).ends(1)
    answers = {"": "without an answer", "nonsense\n": "", None: "no answer in time"}
    for answer, said in answers.items():
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(directory / "socket"))
            listener.listen()
            server = threading.Thread(target=serve_one, args=(listener, answer))
            server.start()
            Run(directory, "list-windows", "--timeout", "2").ends(4 if answer is None else 1, said)
            server.join()
        (directory / "socket").unlink()
    if os.geteuid() == 0:
        directory.chmod(0o777)
        with daemon(directory, user=65534, group=65534, extra_groups=[]):
            Run(directory, "list-windows").ends(1, "not trusted")
            Run(directory, "list-windows", "--server-uid", "65534").ends(0)


def serve_one(listener, answer):
    """A daemon for one client: reads its request, and says something else, nothing, or nothing for ever."""
    connection, _ = listener.accept()
    with connection:
        connection.recv(4096)
        if answer is None:
            # Until the client has gone.
            connection.recv(4096)
        else:
            connection.sendall(answer.encode())


def starts(directory):
    """A daemon that is started when it is needed, and one that cannot be."""
    window = Run(directory, "create-window", "--start", TIMEOUT, "-e", "cat").ends(0).strip()
    process = int(json.loads(control(directory, "status", "--json"))["status"]["pid"])
    check(window == "1" and process > 0, "a daemon was started", process)
    pidfd = os.pidfd_open(process)
    os.kill(process, signal.SIGTERM)
    with open(pidfd, "rb") as file:
        wait_until(lambda: not pathlib.Path(f"/proc/{process}").exists(), "the daemon has ended")
        del file
    lost = {"WINDOWD_SOCKET": f"{directory}/missing/socket"}
    Run(directory, "create-window", "--start", TIMEOUT, **lost).ends(1, "cannot start windowd")
    # Alone where it stands, and with nothing in PATH.
    alone = directory / "alone"
    alone.mkdir()
    program = alone / "windowctl"
    program.write_bytes((build / "windowctl").read_bytes())
    program.chmod(0o755)
    path = f"{alone}:{os.path.dirname(os.path.realpath('/usr/bin/valgrind'))}"
    Run(directory, "create-window", "--start", TIMEOUT, program=program, PATH=path).ends(1, "cannot start windowd")


class Terminal:
    """A terminal of a user's, and all that is shown there."""

    def __init__(self):
        self.master, self.side = pty.openpty()
        self.shown = b""
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        """Until nobody has the other side any more."""
        with contextlib.suppress(OSError):
            while more := os.read(self.master, 4096):
                self.shown += more

    def shows(self, text):
        """Waits until it does."""
        wait_until(lambda: text.encode() in self.shown, f"the terminal shows {text}: {self.shown}")

    def type(self, text):
        os.write(self.master, text)


def attaches(directory):
    """A window on a terminal: detached, ended, taken over, left by a signal, without a daemon, refused."""

    def visit(*arguments):
        terminal = Terminal()
        return terminal, Run(directory, *arguments, terminal=terminal.side)

    with daemon(directory) as served:
        window = control(directory, "create-window", "-e", "sh", "-c", "echo printed; exec cat").strip()
        for end, status, said in ((b"\x1c", 0, "detached"), (signal.SIGTERM, 143, "detached")):
            terminal, run = visit("attach", window)
            terminal.shows("printed")
            terminal.type(b"typed\r") if isinstance(end, bytes) else None
            terminal.type(end) if isinstance(end, bytes) else run.process.send_signal(end)
            run.ends(status)
            terminal.shows(said)
        terminal, run = visit("attach", window)
        terminal.shows("printed")
        refused = visit("attach", window)
        refused[1].ends(1)
        other = visit("attach", "--steal", "--detach-key", "^A", window)
        run.ends(1)
        terminal.shows("taken over")
        watching = visit("attach", "--read-only", window)
        watching[0].shows("printed")
        watching[1].process.send_signal(signal.SIGWINCH)
        control(directory, "close-window", window)
        other[1].ends(0)
        watching[1].ends(0)
        terminal, run = visit("attach", "4711")
        run.ends(1)
        terminal.shows("4711")
        terminal, run = visit("create-window", "--attach", "--wait", "-e", "sh", "-c", "echo printed; read line; exit 6")
        terminal.shows("printed")
        terminal.type(b"\r")
        run.ends(6)
        terminal, run = visit("create-window", "--attach", "--timeout", "1", "-e", "sh", "-c", "echo printed; exec cat")
        terminal.shows("printed")
        served.kill()
        run.ends(3)
    visit("attach", window)[1].ends(3)


def main():
    """Prints a line for each check."""
    for trial in (commands, absent, starts, attaches):
        with tempfile.TemporaryDirectory(prefix="valgrind-") as name, checking(f"{trial.__name__} to its end"):
            trial(pathlib.Path(name))
    listed = subprocess.run([build / "windowctl", "--help"], capture_output=True, text=True, check=True).stdout
    known = set(re.findall(r"^  ([a-z-]+) ", listed.partition("SUBCOMMANDS:")[2], re.MULTILINE))
    check(known and known <= tried, "every command is tried", " ".join(sorted(known - tried)) or len(known))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
