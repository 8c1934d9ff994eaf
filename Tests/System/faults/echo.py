"""What is asked of an echo server while a call of its own fails."""

import windows


def talk(path, *lines):
    """Lines that must come back, all in one conversation."""
    with windows.Client(path) as client:
        client.say(b"".join(lines))
        received = b""
        while len(received) < sum(map(len, lines)):
            received += client.more()
        if received != b"".join(lines):
            raise AssertionError("other bytes came back")


def lines(path):
    talk(path, b"hello\n", b"\n", b"again\n")


def half_a_line(path):
    """A client that goes away in the middle."""
    with windows.Client(path) as client:
        client.say(b"hel")


def many(path):
    """More than fits into the socket at once."""
    talk(path, *[b"x" * 4000 + b"\n"] * 40)
