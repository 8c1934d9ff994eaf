"""A windowctl that valgrind watches, and whom it has to do with: a windowd, a terminal of a user's."""

import contextlib
import os
import pathlib
import pty
import subprocess
import sys
import tempfile
import termios
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Tests/System/systemd"))

import checks  # noqa: E402
from checks import check, ended, wait_until  # noqa: E402
from reports import OPTIONS, complaints  # noqa: E402

# Where scripts/valgrind.sh has put the programs and the stand-ins.
BUILD = ROOT / ".build/valgrind"
SUPPRESSIONS = ROOT / "Tests/Valgrind/windowctl.supp"
# A program that is watched takes seconds until it does something.
checks.PATIENCE = 60
# What was said to windowctl so far.
tried = set()


class Run:
    """A windowctl that valgrind watches; on a terminal, if its streams are one."""

    def __init__(self, directory, *arguments, program=BUILD / "windowctl", terminal=None, **environment):
        self.name = " ".join(arguments)[:80]
        self.log = pathlib.Path(tempfile.mkdtemp(dir=directory))
        tried.update(arguments)
        streams = {name: terminal for name in ("stdin", "stdout", "stderr")}
        if terminal is None:
            streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        # Without a controlling terminal, unless it is this one.
        session = ["setsid"] if terminal is None else ["setsid", "--ctty"]
        valgrind = ["valgrind", *OPTIONS, f"--suppressions={SUPPRESSIONS}", f"--log-file={self.log}/%p"]
        self.process = subprocess.Popen(
            [*session, *valgrind, program, *arguments],
            **streams,
            text=True,
            env={"PATH": os.environ["PATH"], "HOME": "/", "SHELL": "/bin/sh"}
            | {"LD_PRELOAD": f"{BUILD}/standins.so", "WINDOWD_SOCKET": f"{directory}/socket"}
            | environment,
        )

    def ends(self, status, saying=""):
        """Checks how it ends, and what valgrind has to say; returns what it has printed."""
        output, errors = self.process.communicate()
        # Its own first, then those of what it has started.
        logs = sorted(self.log.iterdir(), key=lambda log: log.name != str(self.process.pid))
        said = "\n".join(log.read_text() for log in logs)
        wrong = complaints(said)
        if self.process.returncode != status:
            wrong.append(f"status {self.process.returncode}: {errors or output}")
        if saying not in (output or "") + (errors or ""):
            wrong.append(f"not said: {saying}")
        if not check(not wrong, f"windowctl {self.name}: {status}", "\n".join(wrong)):
            print(said)
        return output


@contextlib.contextmanager
def daemon(directory, **options):
    """A windowd that serves."""
    command = [BUILD / "windowd", "--socket", directory / "socket"]
    # Nobody's settings.
    environment = os.environ | {"HOME": "/"}
    with ended(subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, **options)) as process:
        wait_until(lambda: "ready" in process.stderr.readline(), "windowd is ready")
        yield process


def control(directory, *arguments):
    """What a windowctl prints that nobody watches."""
    environment = os.environ | {"WINDOWD_SOCKET": f"{directory}/socket"}
    return subprocess.run([BUILD / "windowctl", *arguments], env=environment, capture_output=True, text=True).stdout


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

    def resize(self, columns, rows):
        termios.tcsetwinsize(self.master, (rows, columns))

    def type(self, text):
        os.write(self.master, text)
