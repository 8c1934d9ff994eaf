"""What is asked of a windowd while a call of its own fails: every way through it, and whether others are served after it."""

import array
import contextlib
import fcntl
import json
import os
import pty
import select
import socket
import struct
import termios

from traced import PATIENCE, wait


class Silence(Exception):
    """A client got neither an answer nor an end."""


class Refused(Exception):
    """An answer that is an error."""


class Ended(Exception):
    """The conversation ended without an answer."""


class Client:
    """A connection."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.received = b""
        try:
            self.socket.connect(path)
        except OSError as error:
            self.socket.close()
            raise Ended(str(error)) from error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def say(self, message, descriptor=None):
        data = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
        ancillary = [] if descriptor is None else [
            (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendmsg([data], ancillary)

    def answer(self):
        """The next line, as what it says."""
        while b"\n" not in self.received:
            self.received += self.more()
        line, _, self.received = self.received.partition(b"\n")
        reply = json.loads(line)
        if "error" in reply:
            raise Refused(reply["error"]["code"])
        return reply

    def more(self):
        """What comes next, which is not the end."""
        try:
            received = self.socket.recv(65536)
        except TimeoutError as error:
            raise Silence("neither an answer nor an end") from error
        except ConnectionResetError as error:
            raise Ended("reset") from error
        if not received:
            raise Ended("end of file")
        return received

    def end(self):
        """Until the conversation ends."""
        with contextlib.suppress(Ended):
            while True:
                self.more()


def listens(path):
    """Whether somebody does."""
    with contextlib.suppress(Ended), Client(path):
        return True
    return False


def ask(path, message):
    with Client(path) as client:
        client.say(message)
        return client.answer()


def create(path, *command, **fields):
    return ask(path, {"create-window": {"command": list(command), "environment": ["PS1="]} | fields})["id"]


def close(path, window):
    ask(path, {"close-window": {"id": window}})
    ask(path, {"wait": {"id": window}})


def refused(step):
    """The step, of which a refusal is what is right."""
    try:
        step()
    except Refused:
        return
    raise AssertionError("was not refused")


# The scenario's parts: each is told the path, opens what it needs, and closes it.


def status(path):
    ask(path, {"status": {"descriptors": True}})


def program(path):
    """A window whose program prints, is shown, resized and closed."""
    window = create(path, "sh", "-c", "echo hello; exec cat", title="t", working_directory="/tmp", options=["size=70x20"])
    if not wait(lambda: "hello" in ask(path, {"show": {"id": window}})["output"].get("utf8", "")):
        raise Silence("the program's output is not shown")
    ask(path, {"resize-window": {"id": window, "columns": 100, "rows": 30}})
    ask(path, {"list-windows": {}})
    with Client(path) as waiting:
        waiting.say({"wait": {"id": window}})
        close(path, window)
        waiting.answer()


def short_program(path):
    ask(path, {"wait": {"id": create(path, "true")}})


def held(path):
    window = create(path, "true", hold=True)
    if not wait(lambda: any("exit" in one for one in ask(path, {"list-windows": {}})["windows"])):
        raise Silence("a program's end is not told")
    close(path, window)


def no_program(path):
    refused(lambda: create(path, "/nonexistent"))


def no_directory(path):
    refused(lambda: create(path, "true", working_directory="/nonexistent"))


def settings(path):
    ask(path, {"config": {"options": ["size=90x20", "font.size=12"]}})
    ask(path, {"get-config": {}})
    ask(path, {"config": {"reset": True}})


def terminal():
    """A terminal of the client's: its user's end, and its own."""
    user, own = pty.openpty()
    fcntl.ioctl(own, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    return user, own


def type_and_see(user, client):
    """What is typed comes back twice, by the terminal and by cat; or the visit ends."""
    seen = b""
    # What is typed can be lost with the call that fails, so a user would type again.
    for _ in range(3):
        os.write(user, b"typed\r")
        while ready := select.select([user, client.socket], [], [], PATIENCE / 3)[0]:
            if client.socket in ready:
                return
            seen += os.read(user, 4096)
            if seen.count(b"typed\r\n") >= 2:
                return
    raise Silence("what was typed does not come back")


def attached(path):
    """A window that is attached, typed into, resized and detached from."""
    user, own = terminal()
    try:
        with Client(path) as client:
            client.say({"attach": {"create": {"command": ["cat"]}, "detach_key": 28}}, own)
            window = client.answer()["attached"]
            fcntl.ioctl(own, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 80, 0, 0))
            client.say({"resized": {}})
            type_and_see(user, client)
            os.write(user, b"\x1c")
            client.answer()
        close(path, window)
    finally:
        os.close(user)
        os.close(own)


def alacritty(path):
    """Alacritty's three messages, each answered by the end."""
    window = {"terminal_options": {"working_directory": None, "hold": False, "command": ["true"]},
              "window_identity": {"title": None, "class": None}, "option": []}
    for message in ({"CreateWindow": window}, {"Config": {"options": ["font.size=12"], "window_id": -1, "reset": False}},
                    {"GetConfig": {"window_id": -1}}):
        with Client(path) as client:
            client.say(message)
            client.socket.shutdown(socket.SHUT_WR)
            client.end()


def garbage(path):
    """Messages that are none, and one that is not finished."""
    with Client(path) as client:
        client.say(b"garbage\n")
        refused(client.answer)
    with Client(path) as client:
        client.say(b'{"status":')


def inherited(path):
    """The windows of the windowd before: one that runs, and one whose program has ended."""
    windows = ask(path, {"list-windows": {}})["windows"]
    if ["exit" in window for window in windows] != [False, True]:
        raise AssertionError(f"other windows than there were: {windows}")
    if ask(path, {"show": {"id": windows[0]["id"]}})["output"] != {"utf8": "hello\r\n"}:
        raise AssertionError("what was printed before is lost")
    for window in windows:
        close(path, window["id"])


PARTS = [status, program, short_program, held, no_program, no_directory, settings, attached, alacritty, garbage]
