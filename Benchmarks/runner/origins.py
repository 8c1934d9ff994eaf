"""What a descriptor costs from its making to its close, in instructions in user mode: with its origin recorded, and not.

Counted for N and for twice as many, as requests are; the difference is free of whatever happens once.
"""

import os
import subprocess

from runner.counts import traced
from runner.processes import Failed, child, fields
from runner.servers import PROGRAMS

# How many descriptors a round of each kind makes.
KINDS = {"eventfd": 1, "timerfd": 1, "duplicate": 1, "adopted": 1, "pipe": 2, "socketpair": 2}
ROUNDS = 200


def _instructions(kind, recording, core):
    """Of one descriptor."""
    environment = dict(os.environ, IPCKIT_ORIGINS="1" if recording else "0")
    words = [PROGRAMS / "ipckit-descriptors", kind]
    with child(words, core, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:

        def make(rounds):
            process.stdin.write(f"{rounds}\n")
            process.stdin.flush()
            if process.stdout.readline() != "done\n":
                raise Failed(f"ipckit-descriptors {kind} does not answer")

        def count(rounds):
            command = [PROGRAMS / "stepcount", process.pid]
            return fields(traced(command, lambda: make(rounds), core, lambda _: None))["instructions"]

        make(100)
        # The first time, what runs after an interrupted wait is looked up by the dynamic linker.
        count(1)
        once, twice = count(ROUNDS), count(2 * ROUNDS)
    return (twice - once) / ROUNDS / KINDS[kind]


def measure(core, say):
    """Instructions of a descriptor without its origin and with it, by kind."""
    found = {}
    for kind in KINDS:
        say(f"origins: {kind}")
        found[kind] = (_instructions(kind, False, core), _instructions(kind, True, core))
    return found
