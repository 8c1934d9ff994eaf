"""A conversation with windowd over a raw socket, how it may end, and a cycle as its kind sees it."""

import json
import socket

from services import connect

# What every unexpected reply is told with, at most.
SHOWN = 300


class Interrupted(Exception):
    """The daemon has ended the conversation before it said what it was asked: only a restart explains that."""


class Refused(Exception):
    """The daemon says no, with this code."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


class Unexpected(Exception):
    """Something else came than what is right."""


def expect(good, what, seen=""):
    """What is not so is a failure of the cycle."""
    if not good:
        raise Unexpected(f"{what}: {str(seen)[:SHOWN]}")


def line(name, **fields):
    """A request's bytes."""
    return json.dumps({name: fields}).encode() + b"\n"


def alacritty(title, *command):
    """The message of Alacritty's that opens a window."""
    terminal = {"working_directory": None, "hold": False, "command": command}
    return line("CreateWindow", terminal_options=terminal, window_identity={"title": title, "class": None}, option=[])


class Conversation:
    """One connection."""

    def __init__(self, path):
        self.socket = connect(path)
        self.unread = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, message, descriptors=()):
        """Sends bytes, and descriptors with them."""
        try:
            if descriptors:
                socket.send_fds(self.socket, [message], descriptors)
            else:
                self.socket.sendall(message)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Interrupted(f"while something was sent: {error}") from error

    def say_no_more(self):
        """Shuts the sending side down."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise Interrupted(f"before the sending side was shut down: {error}") from error

    def receive(self):
        """What comes next; nothing at the end of the file."""
        try:
            return self.socket.recv(1 << 16)
        except ConnectionResetError as error:
            raise Interrupted(str(error)) from error

    def line(self):
        """The next line."""
        while b"\n" not in self.unread:
            received = self.receive()
            if not received:
                raise Interrupted(f"the end of the file after {self.unread[:SHOWN]!r}")
            self.unread += received
        found, _, self.unread = self.unread.partition(b"\n")
        return found

    def reply(self):
        """The next reply."""
        told = json.loads(self.line())
        refusal = told.get("error")
        if not refusal:
            return told
        if refusal["code"] == "stopping":
            raise Interrupted(refusal["message"])
        raise Refused(refusal["code"], refusal["message"])

    def ask(self, name, **fields):
        """The reply to one request."""
        self.send(line(name, **fields))
        return self.reply()

    def refused(self, code):
        """Sees that the next reply is a refusal with this code."""
        try:
            told = self.reply()
        except Refused as refusal:
            if refusal.code != code:
                # A stop may explain another one.
                raise
        else:
            raise Unexpected(f"not refused with {code}: {str(told)[:SHOWN]}")

    def ended(self):
        """Sees that nothing comes any more."""
        rest = self.unread + self.receive()
        expect(not rest, "not the end of the file", rest)

    def everything(self):
        """What comes until the end of the file."""
        while received := self.receive():
            self.unread += received
        return self.unread


class Cycle:
    """What one cycle has: a daemon to talk to, dice, and the windows that it may leave if it is interrupted."""

    def __init__(self, path, random, name, is_disturbed):
        self.path = path
        # Whether windowd was, or is being, restarted since the cycle began.
        self.is_disturbed = is_disturbed
        self.random = random
        self.name = name
        # By their titles, which are nobody else's: their ids, None as long as nobody has told.
        self.windows = {}

    def converse(self):
        """A new conversation."""
        return Conversation(self.path)

    def title(self):
        """The title of a new window."""
        title = f"{self.name}-{len(self.windows)}"
        self.windows[title] = None
        return title

    def create(self, conversation, *command, **fields):
        """A new window's id."""
        title = self.title()
        number = conversation.ask("create-window", command=command, title=title, **fields)["id"]
        self.windows[title] = number
        return number

    def close(self, conversation, number, *exits):
        """Closes a window, which has then ended in one of these ways."""
        expect(conversation.ask("close-window", id=number) == {"ok": True}, "close-window")
        self.gone(conversation, number, *exits)

    def gone(self, conversation, number, *exits):
        """Waits for a window's end, which is one of these."""
        told = conversation.ask("wait", id=number)
        expect(told["id"] == number and told["exit"] in exits, f"not one of {exits}", told)
