"""Cycles in which a client does what it should not, each as its first line says, and what it must hear then."""

import contextlib
import os
import select
import time

from checks import PATIENCE
from wire import Interrupted, alacritty, expect, line

QUESTION = line("list-windows")
# One byte more than a message may have.
TOO_LONG = b'{"show":"' + b"x" * (1 << 20) + b'"}\n'
# How many lists of windows are several times what a socket takes.
UNREAD = 150


def no_command(cycle):
    """create-window of a program that is not there"""
    with cycle.converse() as conversation:
        conversation.send(line("create-window", command=["/nonexistent/cmd"], title=cycle.title()))
        conversation.refused("spawn-failed")


def no_directory(cycle):
    """create-window in a directory that is not there"""
    with cycle.converse() as conversation:
        conversation.send(line(
            "create-window", command=["true"], working_directory="/nonexistent", title=cycle.title()))
        conversation.refused("spawn-failed")


def alacritty_no_command(cycle):
    """Alacritty: CreateWindow of a program that is not there"""
    with cycle.converse() as conversation:
        conversation.send(alacritty(cycle.title(), "/nonexistent/cmd"))
        conversation.say_no_more()
        conversation.ended()


def no_window(cycle):
    """close-window, show and wait of a window that is not there"""
    with cycle.converse() as conversation:
        for name in ("close-window", "show", "wait"):
            conversation.send(line(name, id=1 << 60))
            conversation.refused("no-such-window")


def invalid(cycle, message, code="invalid-message"):
    """Says something that is refused, and stays until the end or goes at once."""
    with cycle.converse() as conversation:
        conversation.send(message)
        if cycle.random.random() < 0.5:
            conversation.say_no_more()
            conversation.refused(code)
            conversation.ended()
        else:
            conversation.refused(code)


def no_json(cycle):
    """a message that is no JSON"""
    messages = [b"hello\n", b'{"list-windows":{}\n', b"{}{}\n", b"[1,2\n", b"[" * 1000 + b"\n"]
    invalid(cycle, cycle.random.choice(messages))


def no_utf8(cycle):
    """a message that is not UTF-8"""
    invalid(cycle, cycle.random.choice([b'{"show":"\xff"}\n', b"\x80\n", b'{"\xc0\xaf":{}}\n', b"\x00\n"]))


def empty(cycle):
    """an empty message"""
    invalid(cycle, b"\n")


def unknown(cycle):
    """a request that nobody knows"""
    invalid(cycle, line(f"frobnicate-{cycle.random.random()}"), "unknown-request")


def half(cycle):
    """half a message, and the end"""
    message = line("create-window", command=["true"], title=cycle.title())
    part = message[:cycle.random.randrange(1, len(message) - 2)]
    with cycle.converse() as conversation:
        conversation.send(part)
        if cycle.random.random() < 0.5:
            conversation.say_no_more()
            conversation.refused("invalid-message")
            conversation.ended()


def not_listening(cycle):
    """a connection that is closed before the reply"""
    create = line("create-window", command=["true"], title=cycle.title())
    with cycle.converse() as conversation:
        question = cycle.random.choice([QUESTION, line("status"), create, line("get-config")])
        conversation.send(question * cycle.random.choice([1, 1, 5]))


def nothing(cycle):
    """a connection that is closed at once"""
    with cycle.converse():
        pass


def too_long(cycle):
    """a message that is too long"""
    with cycle.converse() as conversation:
        conversation.send(TOO_LONG)
        conversation.refused("message-too-long")
        conversation.say_no_more()
        conversation.ended()


def silent(cycle):
    """a client that says nothing for a while"""
    with cycle.converse() as conversation:
        time.sleep(cycle.random.uniform(0.1, 1))
        expect("windows" in conversation.ask("list-windows"), "list-windows")


def bytewise(cycle):
    """a byte at a time"""
    with cycle.converse() as conversation:
        for byte in QUESTION:
            conversation.send(bytes([byte]))
        expect("windows" in conversation.reply(), "list-windows")


def stuff(conversation):
    """Asks so much that the replies, which nobody reads, do not fit into the socket."""
    conversation.send(QUESTION * UNREAD)


def reads_nothing(cycle):
    """a client that never reads its replies"""
    with cycle.converse() as conversation:
        stuff(conversation)
        time.sleep(cycle.random.uniform(0, 0.5))


def hands_over(cycle):
    """descriptors that nobody has asked for"""
    count = cycle.random.choice([1, 1, 1, 2])
    reading, writing = os.pipe()
    try:
        try:
            with cycle.converse() as conversation:
                conversation.send(QUESTION, [writing] * count)
                if count == 1:
                    expect("windows" in conversation.reply(), "list-windows")
                else:
                    conversation.refused("invalid-message")
        finally:
            os.close(writing)
        # It ends when nobody has the other end any more.
        expect(select.select([reading], [], [], PATIENCE)[0], "what was handed over is closed", "no")
    finally:
        os.close(reading)


def hundred(cycle):
    """a hundred connections at once"""
    with contextlib.ExitStack() as stack:
        conversations = [stack.enter_context(cycle.converse()) for _ in range(100)]
        for conversation in conversations:
            conversation.send(QUESTION)
        for conversation in conversations:
            expect("windows" in conversation.reply(), "list-windows")


def given_up(cycle):
    """a client that reads nothing for 30 seconds is given up"""
    with cycle.converse() as conversation:
        stuff(conversation)
        time.sleep(35)
        with contextlib.suppress(Interrupted):
            conversation.everything()


def too_slow(cycle):
    """a message that is not complete after 30 seconds"""
    with cycle.converse() as conversation:
        conversation.send(QUESTION[:5])
        conversation.socket.settimeout(2 * PATIENCE)
        conversation.refused("message-too-slow")
        conversation.ended()
