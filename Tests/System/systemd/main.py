#!/usr/bin/env python3
"""Checks windowd under a real systemd: root's, a user's, and root's for a user. To be run inside by boot-systemd.sh."""

import sys

import activation
import survival
from checks import Manager, checking, failures
from windows import Windows

SYSTEM = [activation.units, activation.activation, activation.terminal, activation.reload, activation.stop,
          survival.everything(100)]


def run(title, manager, parts):
    """Each part begins with the units as installed and no window."""
    print(f"# {title}", flush=True)
    for part in parts:
        with checking(f"{title}: {part.__doc__.splitlines()[0]}"):
            manager.reset()
            with Windows(manager) as windows:
                part(manager, windows)


run("the system's windowd", Manager(), SYSTEM)
print(f"# {len(failures)} failed" if failures else "# all passed")
sys.exit(1 if failures else 0)
