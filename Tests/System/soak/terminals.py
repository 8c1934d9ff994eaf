"""Cycles in which a window is put on a terminal, each as its first line says."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import time

from checks import PATIENCE, wait_until
from successes import HUNG_UP
from wire import Interrupted, Refused, Unexpected, expect, line

KEY = 28


class Visitor:
    """A client with a terminal of its own, at which a window is shown."""

    def __init__(self, cycle, **fields):
        self.master, self.slave = pty.openpty()
        self.shown = b""
        try:
            self.conversation = cycle.converse()
            try:
                self.conversation.send(line("attach", detach_key=KEY, **fields), [self.slave])
                self.number = self.conversation.reply()["attached"]
            except BaseException:
                self.conversation.socket.close()
                raise
        except BaseException:
            self.leave_terminal()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.conversation.socket.close()
        self.leave_terminal()

    def leave_terminal(self):
        """Closes the terminal, at which the kernel hangs it up."""
        if self.master is not None:
            os.close(self.master)
            os.close(self.slave)
            self.master = None

    def sees(self, text):
        """Reads from the terminal until the text is there."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.shown:
            left = deadline - time.monotonic()
            ready = select.select([self.master, self.conversation.socket], [], [], max(left, 0))[0]
            if self.master in ready:
                self.shown += os.read(self.master, 1 << 16)
            elif ready:
                told = self.conversation.reply()
                if told.get("ended") == "daemon-ended":
                    raise Interrupted("daemon-ended")
                raise Unexpected(f"while {text} was waited for: {told}")
            else:
                raise Unexpected(f"{text} is not shown, but {self.shown[-100:]!r}")

    def says(self, word):
        """Types a line at cat, which prints it once more."""
        os.write(self.master, word + b"\n")
        self.sees(word + b"\r\n" + word + b"\r\n")

    def hears(self, reason):
        """The visit has ended."""
        told = self.conversation.reply()
        if told.get("ended") == "daemon-ended":
            raise Interrupted("daemon-ended")
        expect(told.get("ended") == reason, f"not ended by {reason}", told)


@contextlib.contextmanager
def window(cycle):
    """A window with cat, which is closed in the end."""
    with cycle.converse() as conversation:
        number = cycle.create(conversation, "cat")
        yield number
        cycle.close(conversation, number, HUNG_UP)


def detached(cycle):
    """attach, and detach"""
    with window(cycle) as number, Visitor(cycle, id=number) as visitor:
        visitor.says(b"word")
        if cycle.random.random() < 0.5:
            visitor.conversation.send(line("resized"))
            visitor.conversation.send(line("detach"))
        else:
            os.write(visitor.master, bytes([KEY]))
        visitor.hears("detached")
        expect("config" in visitor.conversation.ask("get-config"), "get-config after a visit")


def ended(cycle):
    """attach with create, until the program ends"""
    title = cycle.title()
    create = {"command": ["sh", "-c", "read -r word; echo heard; exit 3"], "title": title}
    with Visitor(cycle, create=create) as visitor:
        cycle.windows[title] = visitor.number
        os.write(visitor.master, b"word\n")
        visitor.sees(b"heard\r\n")
        visitor.hears("window-ended")
        cycle.gone(visitor.conversation, visitor.number, {"status": 3})


def stolen(cycle):
    """attach that is stolen"""
    with window(cycle) as number, Visitor(cycle, id=number) as first:
        first.says(b"first")
        with Visitor(cycle, id=number, steal=True) as second:
            first.hears("taken-over")
            second.says(b"second")


def watched(cycle):
    """attach that is read-only, beside one that types"""
    with window(cycle) as number, Visitor(cycle, id=number) as typist:
        with Visitor(cycle, id=number, read_only=True) as watcher:
            os.write(watcher.master, b"passed over\n")
            typist.says(b"typed")
            watcher.sees(b"typed\r\ntyped\r\n")
            expect(b"passed" not in typist.shown, "what a watcher types is heard", typist.shown)


def lost(cycle):
    """attach whose terminal is hung up"""
    with window(cycle) as number, Visitor(cycle, id=number) as visitor:
        visitor.says(b"word")
        visitor.leave_terminal()
        visitor.hears("terminal-lost")


def left(cycle):
    """attach whose connection is closed"""
    with window(cycle) as number:
        with Visitor(cycle, id=number) as visitor:
            visitor.says(b"word")
            visitor.conversation.socket.close()


def no_terminal(cycle):
    """attach with what is no terminal, or with nothing"""
    with window(cycle) as number, cycle.converse() as conversation, open("/dev/null", "rb") as null:
        conversation.send(line("attach", id=number), [null.fileno()] if cycle.random.random() < 0.5 else [])
        conversation.refused("no-terminal")


def killed(cycle):
    """windowctl attach that is killed by -9"""
    with window(cycle) as number:
        master, slave = pty.openpty()
        try:
            # It becomes windowctl, in the foreground of its terminal.
            command = ["setsid", "--ctty", "windowctl", "attach", "--socket", str(cycle.path), str(number)]
            with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=subprocess.PIPE) as client:

                def has_window():
                    # A window that has gone with a stop explains windowctl's end.
                    holder = attached(conversation, number)
                    if holder != client.pid and client.poll() is not None:
                        raise Unexpected(f"windowctl ended with {client.returncode}: {client.stderr.read()}")
                    return holder == client.pid

                try:
                    with cycle.converse() as conversation:
                        wait_until(has_window, "windowctl attaches")
                        client.send_signal(signal.SIGKILL)
                        wait_until(lambda: attached(conversation, number) is None, "its window is free again")
                finally:
                    client.kill()
        finally:
            os.close(master)
            os.close(slave)


def attached(conversation, number):
    """The process that a window is attached to."""
    for window in conversation.ask("list-windows")["windows"]:
        if window["id"] == number:
            return window.get("attached")
    raise Refused("no-such-window", f"window {number} is not listed")
