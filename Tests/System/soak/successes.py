"""Cycles in which a client asks for what it may have, each as its first line says, and gets it."""

import json
import subprocess

from checks import PATIENCE, wait_until
from wire import Interrupted, Refused, alacritty, expect, line

HUNG_UP = {"signal": 1}
KILLED = {"signal": 9}
# Says when it is ready for a hang-up, which it takes in its own way.
TRAP = 'trap "$1" HUP; echo ready; while :; do read -r word; done'
IGNORE = 'trap "" HUP; echo ready; exec sleep 1000'


def lists(cycle):
    """list-windows"""
    with cycle.converse() as conversation:
        told = conversation.ask("list-windows")
    expect(isinstance(told.get("windows"), list), "no windows are listed", told)


def status(cycle):
    """status"""
    with cycle.converse() as conversation:
        told = conversation.ask("status", descriptors=cycle.random.random() < 0.2)
    expect(told["pid"] > 0 and told["connections"] > 0 and told["descriptors"]["epoll"] == 1, "status", told)


def config(cycle):
    """config and get-config"""
    value = str(cycle.random.randrange(1000))
    with cycle.converse() as conversation:
        # One key for each client and not for each cycle: there may be 256.
        key = f"soak.{cycle.name.partition('-')[0]}"
        expect(conversation.ask("config", options=[f"{key}={value}"]) == {"ok": True}, "config")
        told = conversation.ask("get-config")["config"]
    expect(key in told, "a setting that was made is not there", told)


def get_config(cycle):
    """get-config"""
    with cycle.converse() as conversation:
        told = conversation.ask("get-config")["config"]
    expect(told["size"] == "80x24", "get-config", told)


def several(cycle):
    """several requests at once on a connection"""
    count = cycle.random.randrange(2, 10)
    with cycle.converse() as conversation:
        conversation.send(b"".join([line("get-config"), line("list-windows")] * count))
        for _ in range(count):
            expect("config" in conversation.reply(), "get-config")
            expect("windows" in conversation.reply(), "list-windows")


def true(cycle):
    """create-window -e true and wait"""
    with cycle.converse() as conversation:
        cycle.gone(conversation, cycle.create(conversation, "true"), {"status": 0})


def create_and_close(cycle):
    """create-window and close-window"""
    with cycle.converse() as conversation:
        number = cycle.create(conversation, "cat")
        if cycle.random.random() < 0.3:
            expect(conversation.ask("show", id=number)["printed"] == 0, "a window that was silent has printed")
        cycle.close(conversation, number, HUNG_UP)


def shows(conversation, number):
    """All that a window printed."""
    return conversation.ask("show", id=number)["output"]["utf8"]


def prints(cycle):
    """create-window that prints, show and close-window"""
    count = cycle.random.randrange(1, 3000)
    text = "".join(f"{number}\r\n" for number in range(1, count + 1))
    with cycle.converse() as conversation:
        number = cycle.create(conversation, "seq", str(count), hold=True)
        wait_until(lambda: shows(conversation, number) == text, f"a window shows {len(text)} bytes")
        wait_until(lambda: conversation.ask("show", id=number)["printed"] == len(text), "so many are counted")
        told = conversation.ask("close-window", id=number)
        expect(told == {"ok": True}, "close-window", told)


def hung_up(cycle):
    """close-window of a program that minds the hang-up"""
    with cycle.converse() as conversation:
        number = cycle.create(conversation, "sh", "-c", TRAP, "sh", "exit 7")
        wait_until(lambda: "ready" in shows(conversation, number), "a shell is ready")
        cycle.close(conversation, number, {"status": 7})


def stubborn(cycle):
    """close-window of a program that ignores SIGHUP"""
    with cycle.converse() as conversation:
        number = cycle.create(conversation, "sh", "-c", IGNORE)
        wait_until(lambda: "ready" in shows(conversation, number), "a shell is ready")
        cycle.close(conversation, number, KILLED)


def appears(cycle, title):
    """Closes the window of this title once it is there."""
    with cycle.converse() as conversation:
        def listed():
            # The end of the file, which is all that this client hears, says nothing of what was done before a restart.
            if cycle.is_disturbed():
                raise Interrupted("a restart")
            windows = conversation.ask("list-windows")["windows"]
            return next((window["id"] for window in windows if window["title"] == title), None)

        number = cycle.windows[title] = wait_until(listed, f"a window of Alacritty's with the title {title}")
        cycle.close(conversation, number, HUNG_UP)


def alacritty_11(cycle):
    """Alacritty 0.11: CreateWindow, and the connection is closed at once"""
    title = cycle.title()
    with cycle.converse() as conversation:
        conversation.send(alacritty(title, "cat")[:-1])
    appears(cycle, title)


def alacritty_17(cycle):
    """Alacritty 0.17: CreateWindow, and the answer is the end of the file"""
    title = cycle.title()
    with cycle.converse() as conversation:
        conversation.send(alacritty(title, "cat"))
        conversation.say_no_more()
        conversation.ended()
    appears(cycle, title)


def alacritty_config(cycle):
    """Alacritty: GetConfig"""
    with cycle.converse() as conversation:
        conversation.send(line("GetConfig", window_id=None))
        conversation.say_no_more()
        told = conversation.everything()
    if not told:
        raise Interrupted("the end of the file and no configuration")
    told = json.loads(json.loads(told)["GetConfig"])
    expect(told["size"] == "80x24", "GetConfig", told)


def run(*command):
    """What a program prints that must do its work, without the last line feed."""
    outcome = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    if "the daemon ended the conversation" in outcome.stderr or '"stopping"' in outcome.stdout:
        raise Interrupted(outcome.stderr)
    if '"no-such-window"' in outcome.stdout:
        raise Refused("no-such-window", outcome.stderr.strip())
    expect(outcome.returncode == 0, " ".join(command), f"{outcome.returncode} {outcome.stderr.strip()}")
    return outcome.stdout.strip()


def windowctl(cycle):
    """windowctl: status, create-window and wait"""
    socket = ("--socket", str(cycle.path))
    told = json.loads(run("windowctl", "status", "--json", *socket))
    expect(told["pid"] > 0, "windowctl status", told)
    title = cycle.title()
    created = run("windowctl", "create-window", "--json", *socket, "--title", title, "-e", "true")
    number = cycle.windows[title] = json.loads(created)["id"]
    told = json.loads(run("windowctl", "wait", "--json", *socket, str(number)))
    expect(told == {"id": number, "exit": {"status": 0}}, "windowctl wait", told)


def alacritty_msg(cycle):
    """alacritty msg create-window"""
    title = cycle.title()
    run("alacritty", "msg", "-s", str(cycle.path), "create-window", "--title", title, "-e", "cat")
    appears(cycle, title)
