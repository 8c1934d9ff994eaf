"""The three ways in which windowd is restarted while its clients go on, and the windows that live through all of it."""

import os
import signal
import time

import daemon
from checks import becomes, wait_until
from survival import kill
from windows import started_at

COUNT = 8


def restart(manager, _):
    """systemctl restart"""
    manager.control("restart", "windowd.service")


def stop(manager, _):
    """systemctl stop, and the next client"""
    manager.control("stop", "windowd.service")


kill.__doc__ = "kill -9"
WAYS = (restart, kill, stop)


class Failed(Exception):
    """What must be true of a restart is not."""


def listed(windows):
    """All that is told of each window, by its id."""
    return {window["id"]: window for window in windows.ask("list-windows")["windows"]}


class Standing:
    """The windows that are meant to live, each with a shell that answers."""

    def __init__(self, windows):
        self.windows = windows
        self.turns = 0
        self.known = {}
        self.open()

    def open(self):
        """Opens them."""
        self.turns += 1
        names = [f"standing-{self.turns}-{number}" for number in range(COUNT)]
        numbers = self.windows.each(self.windows.create, names)
        told = listed(self.windows)
        self.known = {number: told[number] for number in numbers}
        self.alive = {number: started_at(window["pid"]) for number, window in self.known.items()}

    def check_alive(self):
        """They are as they were, and their shells answer."""
        told = listed(self.windows)
        changed = [number for number, window in self.known.items() if told.get(number) != window]
        dead = [number for number, window in self.known.items() if started_at(window["pid"]) != self.alive[number]]
        if changed or dead:
            raise Failed(
                f"of {COUNT} windows that outlive windowd, {len(changed)} are not as they were, {len(dead)} dead")
        self.turns += 1
        self.windows.say(f"turn-{self.turns}", self.known)
        silent = [number for number in self.known
                  if not becomes(lambda: f"heard turn-{self.turns} " in self.windows.output(number))]
        if silent:
            raise Failed(f"of {COUNT} windows that outlive windowd, {len(silent)} do not show what was printed")

    def check_hung_up(self):
        """They have gone, and are opened anew."""
        if not becomes(lambda: not any(started_at(window["pid"]) for window in self.known.values())):
            raise Failed("after a stop, there are programs that were not hung up")
        # Those that ignore a hang-up go on, as docs/systemd.md says; nobody else ends them.
        for process in daemon.programs(self.windows.manager.main_process()):
            if daemon.ignores_hang_up(process):
                os.kill(process, signal.SIGKILL)
        for number in self.known:
            os.close(self.windows.shells.pop(number))
        self.open()


def perform(way, manager, crew):
    """A restart, while clients come; the time that it took, in seconds."""
    process = manager.main_process()
    counted = int(manager.property("NRestarts"))
    begun = time.monotonic()
    crew.shared.stopped.value = way is stop
    crew.shared.peace.clear()
    crew.shared.begun.value += 1
    way(manager, process)
    wait_until(lambda: manager.state() == "active" and manager.main_process() not in (0, process), "windowd comes back")
    crew.shared.over.value += 1
    crew.shared.peace.set()
    again = int(manager.property("NRestarts"))
    # Only what systemd does by itself is counted, and not for long.
    expected = counted + 1 if way is kill else 0
    if again != expected:
        raise Failed(f"{way.__doc__}: NRestarts is {again}, not {expected}")
    return time.monotonic() - begun
