#!/usr/bin/env python3
"""fdwatch on a real leak: Debian's own alacritty loses a terminal with every window whose command does not exist.

    alacritty-leak.py [FDWATCH [WINDOWS]]       .build/release/fdwatch and 5, unless given

Alacritty draws on an X server without a screen, in software: takes alacritty, xvfb, libegl1, libxcursor1 and libxi6.
Exit status: 0 all is as it should be, or SKIPPED with a line that says why; 1 something is not.
"""

import collections
import contextlib
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "systemd"))

from checks import PATIENCE, becomes, check, ended, failures, wait_until  # noqa: E402

# What a terminal's master is, wherever its file system is mounted.
MASTER = os.makedev(5, 2)
NOWHERE = "/nonexistent/shell"


class Skipped(Exception):
    """There is nothing here to try it on."""


def running(command, **options):
    """A process that has ended when this is left, by whatever way."""
    return ended(subprocess.Popen(command, stdin=subprocess.DEVNULL, **options))


@contextlib.contextmanager
def display(log):
    """An X server that has found itself a number."""
    number, write_end = os.pipe()
    with os.fdopen(number) as answer:
        command = ["Xvfb", "-displayfd", str(write_end), "-screen", "0", "640x480x24", "-nolisten", "tcp"]
        with running(command, pass_fds=[write_end], stdout=log, stderr=log):
            os.close(write_end)
            said = answer.readline().strip() if select.select([answer], [], [], PATIENCE)[0] else ""
            if not said:
                raise Skipped("Xvfb does not start")
            yield f":{said}"


class Alacritty:
    """A terminal with one window, and its socket."""

    def __init__(self, process, directory, environment):
        self.process = process
        self.directory = directory
        self.environment = environment
        self.socket = directory / "alacritty.sock"

    def answers(self):
        """Whether somebody listens at the socket."""
        if self.process.poll() is not None:
            words = (self.directory / "alacritty.log").read_text(errors="replace").split("\nstack backtrace")[0]
            raise Skipped(f"alacritty does not start: {' '.join(words.split())[:300]}")
        with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
            client.connect(str(self.socket))
            return True
        return False

    def open_window(self, *command):
        """What a user types. It is not told how that went."""
        words = ["alacritty", "msg", "-s", str(self.socket), "create-window", "-e", *command]
        subprocess.run(words, check=True, env=self.environment, timeout=PATIENCE)

    def descriptors(self):
        """How many there are of each kind; a terminal's master is `master`."""
        kinds = collections.Counter()
        directory = f"/proc/{self.process.pid}/fd"
        for name in os.listdir(directory):
            # Closed since it was listed.
            with contextlib.suppress(FileNotFoundError):
                link = os.readlink(f"{directory}/{name}")
                kind = "master" if os.stat(f"{directory}/{name}").st_rdev == MASTER else link.split("[")[0]
                kinds[kind] += 1
        return kinds

    def masters(self):
        """How many masters of terminals it holds."""
        return self.descriptors()["master"]

    def at_rest(self):
        """The descriptors, when a few looks have seen the same: what a window had is given back a little later."""
        looks = collections.deque(maxlen=10)

        def settled():
            looks.append(self.descriptors())
            return len(looks) == looks.maxlen and all(look == looks[0] for look in looks)

        wait_until(settled, "alacritty is at rest")
        return looks[-1]

    def lose_one(self):
        """A window whose command does not exist, and what that leaves: the difference in masters."""
        before = self.masters()
        self.open_window(NOWHERE)
        wait_until(lambda: self.masters() != before, "a failed window leaves a master")
        return self.masters() - before


@contextlib.contextmanager
def terminal(directory, shown_on):
    """Alacritty, when its first window's program runs."""
    usual = {name: value for name, value in os.environ.items() if not name.startswith(("ALACRITTY", "WAYLAND"))}
    environment = usual | {
        "DISPLAY": shown_on, "HOME": str(directory), "LIBGL_ALWAYS_SOFTWARE": "1", "TMPDIR": str(directory),
        "WINIT_UNIX_BACKEND": "x11", "XDG_CONFIG_HOME": str(directory), "XDG_RUNTIME_DIR": str(directory),
    }
    ready = directory / "ready"
    first = ["sh", "-c", f": >'{ready}'; exec cat"]
    with open(directory / "alacritty.log", "wb") as log:
        command = ["alacritty", "--socket", str(directory / "alacritty.sock"), "-e", *first]
        with running(command, env=environment, stdout=log, stderr=log) as process:
            alacritty = Alacritty(process, directory, environment)
            wait_until(alacritty.answers, "alacritty listens")
            wait_until(ready.exists, "the first window's program runs")
            yield alacritty


def leak(alacritty, windows):
    """Each window whose command does not exist takes one master away; one whose program ends takes nothing."""
    first = alacritty.masters()
    check(first == 1, "a window has one master", first)
    left = [alacritty.lose_one() for _ in range(windows)]
    check(left == [1] * windows, f"each of {windows} failed windows leaves one master", left)

    # Requests are served in order: when the last of these programs has run, nothing of the others is still to come.
    before = alacritty.at_rest()
    for number in range(windows):
        done = alacritty.directory / f"done-{number}"
        alacritty.open_window("sh", "-c", f": >'{done}'")
        wait_until(done.exists, "a window's program runs")
    gone = becomes(lambda: alacritty.descriptors() <= before)
    check(gone, f"{windows} windows whose programs end leave nothing", dict(alacritty.descriptors() - before) or "")
    check(alacritty.masters() == first + windows, "the lost masters are still held", alacritty.masters())


def watch(alacritty, fdwatch):
    """fdwatch, while windows fail, names what grows and by how much."""
    command = [fdwatch, str(alacritty.process.pid), "--interval", "2s", "--count", "4", "--json"]
    first = alacritty.masters()
    counts, report = [], {}
    with running(command, stdout=subprocess.PIPE, text=True) as watcher:
        for line in watcher.stdout:
            said = json.loads(line)
            if said["type"] == "report":
                report = said
                break
            counts.append(said["kinds"].get("terminal master", 0))
            # One window for each step between two samples.
            if len(counts) < 4:
                alacritty.lose_one()
    check(counts == [first, first + 1, first + 2, first + 3], "fdwatch sees one master more in each sample", counts)
    named = [suspect for suspect in report.get("suspects", []) if suspect["rule"] == "grows"]
    kinds = [suspect["growth"]["group"]["kind"] for suspect in named]
    check(kinds == ["terminal master"], "fdwatch names terminal masters as what grows", kinds)
    rates = [suspect["growth"]["perSample"] for suspect in named]
    check(rates == [1], "by one with each sample", rates)
    print(f"fdwatch: {named[0]['reason'] if named else 'nothing'}", flush=True)


def main():
    """Prints a line for each check."""
    fdwatch = sys.argv[1] if len(sys.argv) > 1 else ".build/release/fdwatch"
    windows = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    # As an exception, so that what was started is ended.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        for program in ("Xvfb", "alacritty"):
            if not shutil.which(program):
                raise Skipped(f"{program} is not installed")
        with tempfile.TemporaryDirectory(prefix="alacritty-leak-") as name:
            directory = pathlib.Path(name)
            with open(directory / "xvfb.log", "wb") as log, display(log) as shown_on:
                with terminal(directory, shown_on) as alacritty:
                    leak(alacritty, windows)
                    watch(alacritty, fdwatch)
    except Skipped as reason:
        print(f"SKIPPED - alacritty's leak: {reason}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
