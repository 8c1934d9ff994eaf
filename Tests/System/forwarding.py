#!/usr/bin/env python3
"""windowd through an ssh that forwards its socket: what docs/remote.md says, with a real sshd on the loopback device.

    forwarding.py [DIRECTORY]       where the programs are; .build/release, unless given

It logs in as this user, and as root as nobody too. Exit status: 0 all is as it should be; 1 something is not.
"""

import contextlib
import fcntl
import os
import pathlib
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "systemd"))

from checks import PATIENCE, becomes, check, checking, ended, failures, wait_until  # noqa: E402
from services import (  # noqa: E402
    IS_ROOT, activated, at_rest, check_descriptors, connect, descriptors, listening, run, service)
from forwarding_rights import settings, sharing, strangers  # noqa: E402
from sshd import quiet, sshd  # noqa: E402


class Far:
    """A windowd, its socket, and the near end of that."""

    def __init__(self, programs, directory):
        self.programs = programs
        self.socket = directory / "windowd.sock"
        self.near = directory / "near.sock"
        self.log = directory / "windowd.log"

    @contextlib.contextmanager
    def running(self):
        """The daemon."""
        command = [self.programs / "windowd", "--socket", self.socket]
        with open(self.log, "ab") as log, service(self.socket, *command, stderr=log) as daemon:
            yield daemon

    def control(self, *arguments, at=None, **options):
        """windowctl, through the tunnel: its status and what it says."""
        command = [self.programs / "windowctl", *arguments[:1], "--socket", at or self.near, *arguments[1:]]
        outcome = run(*command, **options)
        return outcome.returncode, (outcome.stdout + outcome.stderr).strip()

    def open_window(self):
        """A window that says hello and waits."""
        status, number = self.control("create-window", "-e", "sh", "-c", "echo hello; exec cat")
        if status != 0:
            raise RuntimeError(number)
        wait_until(lambda: "hello" in self.control("show", number)[1], "the window says hello")
        return number


def windows(server, far):
    """All but a terminal goes through."""
    with far.running() as daemon, server.tunnel(far.near, far.socket) as ssh:
        number = far.open_window()
        status, said = far.control("list-windows")
        check(status == 0 and "exec cat" in said, "a window is opened, listed and shown", said.splitlines()[-1])
        check(far.control("close-window", number)[0] == 0, "and closed")
        status, said = far.control("create-window", "--wait", "-e", "sh", "-c", "exit 7")
        check(status == 7, "one is waited for", said)
        if shutil.which("alacritty"):
            outcome = run("alacritty", "msg", "-s", far.near, "create-window", "-e", "cat")
            good = outcome.returncode == 0 and becomes(lambda: far.control("list-windows")[1].endswith("cat"))
            check(good, "alacritty's client opens one", outcome.stderr)
        else:
            print("SKIPPED - alacritty is not installed", flush=True)
        said = get_config(far.near)
        check(said.startswith(b'{"GetConfig":'), "who has ended sending reads the reply to its end", len(said))
        refused_terminals(far, daemon, ssh)
        had = at_rest(ssh)
        converse, leave = lambda: far.control("list-windows"), lambda: break_off(far.near)
        check_descriptors(daemon, converse, leave, "windowd", count=100)
        check(becomes(lambda: descriptors(ssh) == had), "and ssh", f"{had}, then {descriptors(ssh)}")


def get_config(path):
    """As alacritty's client of 0.16 asks: a message without an end, the end of sending, and then all that comes."""
    with connect(path) as connection:
        connection.sendall(b'{"GetConfig":{"window_id":null}}')
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").read()


def break_off(path):
    """Half a message, and no more."""
    with connect(path) as connection:
        connection.sendall(b'{"list-wi')


def refused_terminals(far, daemon, ssh):
    """Descriptors stay at the near end: whoever lends a terminal is told, and nobody keeps it."""
    number = far.open_window()
    before, had = at_rest(daemon), at_rest(ssh)
    for command in (["attach", number], ["create-window", "--attach", "-e", "cat"]):
        words = [far.programs / "windowctl", command[0], "--socket", far.near, *command[1:]]
        for _ in range(10):
            settings, *said, status, same = on_terminal(words)
            good = (said, status) == (["windowctl: no terminal came with the message"], "status 1")
            if not good or same != settings:
                break
        check(good, f"{' '.join(command[:2])}: refused", said)
        check(same == settings, "and the terminal is as it was")
    kept = becomes(lambda: (descriptors(daemon), descriptors(ssh)) == (before, had))
    check(kept, "neither windowd nor ssh keeps it", (descriptors(daemon) - before, descriptors(ssh) - had))


def on_terminal(command):
    """What a command says on a terminal of its own and its status, between the terminal's settings before and after."""
    master, slave = pty.openpty()
    words = ["sh", "-c", 'stty -g; "$@"; echo "status $?"; stty -g', "sh", *command]
    with subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                          preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)):
        os.close(slave)
        said = b""
        # The end of a terminal is an error.
        with contextlib.suppress(OSError):
            while more := os.read(master, 4096):
                said += more
    os.close(master)
    return said.decode().split("\r\n")[:-1]


def attached(server, far):
    """What a terminal needs: windowctl on the far side."""
    if not IS_ROOT:
        print("SKIPPED - ssh -t: sshd makes a terminal only as root", flush=True)
        return
    with far.running() as daemon, server.tunnel(far.near, far.socket):
        number = far.open_window()
        before = at_rest(daemon)
        there = [far.programs / "windowctl", "attach", "--socket", far.socket, number]
        command = [*server.command("-tt"), *map(str, there)]
        for leave in (lambda ssh, master: os.write(master, b"\x1c"), lambda ssh, master: ssh.kill()):
            master, slave = pty.openpty()
            with ended(subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave)) as ssh:
                os.close(slave)
                shown = b""
                while b"hello" not in shown:
                    shown += os.read(master, 4096)
                leave(ssh, master)
                status = ssh.wait(PATIENCE)
            os.close(master)
            lives = far.control("list-windows")[0] == 0 and number in far.control("list-windows")[1]
            what = "detached" if status == 0 else "lost with its ssh"
            lives = lives and status in (0, -signal.SIGKILL)
            check(lives, f"ssh -t: attached, {what}, and the window lives on", status)
            gone = becomes(lambda: descriptors(daemon) == before)
            check(gone, "ssh -t: windowd has given the terminal back", descriptors(daemon) - before)


def restarts(server, far):
    """The tunnel outlives windowd."""
    with server.tunnel(far.near, far.socket) as ssh:
        status, said = far.control("list-windows")
        check(status == 1 and "ended the conversation" in said, "without a windowd, ssh ends the conversation", said)
        status, said = far.control("create-window", "--start", "-e", "cat")
        check(status == 1 and not far.socket.exists(), "and --start starts none", said)
        for which in ("a windowd", "the next one"):
            with far.running():
                check(far.control("list-windows")[0] == 0, f"{which} is served by the same ssh")
        with far.running() as daemon, waiting_as_it_is_killed(far, daemon) as waiting:
            said = waiting.communicate(timeout=PATIENCE)[1].strip()
            told = waiting.returncode == 1 and "ended the conversation" in said
            check(told, "who waits as it goes is told so", said)
        far.socket.unlink()
        with listening(far.socket) as listener:
            waits_for_next(far, listener)
        check(ssh.poll() is None, "ssh has noticed nothing")
    check(far.near.exists(), "ssh leaves its socket behind")
    outcome = run(*server.command("-N", "-oExitOnForwardFailure=yes", "-L", f"{far.near}:{far.socket}"))
    refused = outcome.returncode == 255 and "in use" in outcome.stderr
    check(refused, "where the next finds no place without StreamLocalBindUnlink", outcome.stderr.splitlines()[:1])


def waits_for_next(far, listener):
    """A socket that systemd holds: who waits is not lost with windowd."""
    def windowd():
        return quiet(activated(far.programs / "windowd"), stdin=listener)

    with windowd() as daemon, waiting_as_it_is_killed(far, daemon) as waiting:
        # The next one knows nothing of the window, as nobody has kept it here.
        with windowd():
            said = waiting.communicate(timeout=PATIENCE)[1].strip()
    check("there is no window" in said, "who waits at a socket unit's socket comes to the next windowd", said)


@contextlib.contextmanager
def waiting_as_it_is_killed(far, daemon):
    """A windowctl that waits for a window, when the daemon has just been killed."""
    words = [far.programs / "windowctl", "wait", "--socket", far.near, far.open_window()]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as waiting:
        wait_until(lambda: re.search(r"connections +2$", far.control("status")[1], re.MULTILINE), "windowctl waits")
        daemon.kill()
        daemon.wait()
        yield waiting


def main():
    """Prints a line for each check."""
    programs = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".build/release").resolve()
    with tempfile.TemporaryDirectory(prefix="forwarding-") as name:
        directory = pathlib.Path(name)
        # Other users come in to what is theirs.
        directory.chmod(0o711)
        far = Far(programs, directory)
        with sshd(directory / "sshd") as server:
            for part in (windows, attached, restarts, sharing, strangers):
                with checking(f"{part.__name__} to its end"):
                    part(server, far)
        with checking("settings to their end"):
            settings(directory, far)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
