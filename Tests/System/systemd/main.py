#!/usr/bin/env python3
"""Checks windowd under a real systemd: root's, a user's, and root's for a user. To be run inside by boot-systemd.sh."""

import subprocess
import sys
import time

import activation
import clients
import echo
import edges
import survival
from checks import Manager, checking, failures
from windows import Windows

SYSTEM = [
    activation.units, activation.activation, activation.terminal, activation.reload, activation.stop,
    survival.everything(100), survival.everything(400, ("systemctl restart",)), clients.exit_in_the_gap,
    clients.waiting, clients.attached, clients.burst, clients.gap_seen, edges.changes, edges.held, edges.full_store,
    edges.quick_restarts, edges.idle_exit,
]
USER = [
    activation.units, activation.activation, activation.terminal, activation.reload, activation.stop,
    survival.everything(10), clients.exit_in_the_gap, clients.waiting, clients.attached, clients.burst,
]
FOR_USER = [activation.activation, activation.terminal, activation.stop, survival.everything(10, ("kill -9",))]


def run(title, manager, parts):
    """Each part begins with the units as installed, or as `prepare` leaves them, and no window."""
    for part in parts:
        begun = time.monotonic()
        with checking(f"{title}: {part.__doc__}"):
            manager.reset()
            with Windows(manager) as windows:
                part(manager, windows)
        print(f"# {title}, {part.__name__}: {time.monotonic() - begun:.1f} s", flush=True)


class ForUser(Manager):
    """The system's windowd as a drop-in makes it another user's."""

    def __init__(self, user):
        super().__init__(user=user)

    def reset(self):
        """With the drop-ins that docs/systemd.md has."""
        super().reset()
        self.control("stop", "windowd.socket")
        self.drop_in("[Service]\nUser=user1\n", name="user")
        self.drop_in("[Socket]\nSocketUser=user1\n", "socket", name="user")
        self.control("start", "windowd.socket")


with checking("echo"):
    echo.echo(Manager(unit="echo"))
run("the system's windowd", Manager(), SYSTEM)
# As lingering does it: the user's manager is there without a login.
subprocess.run(["systemctl", "start", "user@1000.service"], check=True)
run("a user's windowd", Manager(owner=1000), USER)
run("the system's windowd for a user", ForUser(1000), FOR_USER)
print(f"# {len(failures)} failed" if failures else "# all passed")
sys.exit(1 if failures else 0)
