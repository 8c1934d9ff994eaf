"""Points at which nobody wants anything of windowd: then it has exactly what its windows cost, and nothing else."""

import dataclasses
import time
import types

import daemon
from checks import PATIENCE, becomes
from output import Table
from restarts import listed
from services import at_rest
from wire import Conversation, Refused

COLUMNS = (
    "time", "cycles", "life", "age", "windows", "expected", "good", "left",
    *(field.name for field in dataclasses.fields(daemon.Usage)))
# What a window costs: its terminal and its child's pidfd; and what the service manager keeps for it.
KINDS = {"sockets": 0, "pidfds": 1, "terminals": 1, "others": 0}
COST, STORED = sum(KINDS.values()), 3
# What nobody asks anything has nothing to do: seconds that are watched, and seconds of them that it may work. Its threads are
# its loop's and some that wait for what may block.
WATCHED, MOST_WORK, MOST_THREADS = 0.3, 0.05, 12


class Points:
    """Judges these points, and writes them down."""

    def __init__(self, manager, windows, output, started):
        self.manager = manager
        self.windows = windows
        self.started = started
        self.table = Table(output.open("quiet.tsv"), COLUMNS)
        self.count = 0
        # A windowd that has just started and has had a client has no window: this is what all have to come back to.
        self.process = self.windows.ask("status")["pid"]
        self.baseline = at_rest(types.SimpleNamespace(pid=self.process))
        self.kinds = daemon.descriptors(self.process)

    def judge(self, standing, left, **told):
        """What is wrong, in words; nothing when all is right."""
        wrong = self.clear(standing, left)
        self.count += 1
        process = self.manager.main_process()
        if process != self.process:
            wrong.append(f"windowd is process {process}, not {self.process}: it was restarted by nobody here")
            self.process = process
        if not becomes(lambda: not self.differences(standing)):
            wrong += self.differences(standing)
        usage = daemon.usage(process)
        wrong += self.unrest(usage)
        self.table.add(
            time=time.monotonic() - self.started, windows=len(standing.known), good=int(not wrong), left=len(left),
            expected=self.expected(standing), **told, **dataclasses.asdict(usage))
        return wrong

    def unrest(self, usage):
        """What it does, though there is nothing to do."""
        time.sleep(WATCHED)
        worked = daemon.usage(self.process).cpu - usage.cpu
        wrong = [f"works for {worked:.2f} s of {WATCHED}, with nothing to do"] if worked > MOST_WORK else []
        return wrong + ([f"{usage.threads} threads"] if usage.threads > MOST_THREADS else [])

    def expected(self, standing):
        """How many descriptors it must have."""
        return self.baseline + COST * len(standing.known)

    def differences(self, standing):
        """What it has beside what it must have."""
        usage = daemon.usage(self.process)
        wrong = []
        expected = {kind: self.kinds[kind] + cost * len(standing.known) for kind, cost in KINDS.items()}
        found = {kind: getattr(usage, kind) for kind in KINDS}
        if found != expected:
            wrong.append(f"{usage.descriptors} descriptors, {found}, not {self.expected(standing)}, {expected}")
        expected = {window["pid"] for window in standing.known.values()}
        programs = daemon.programs(self.process)
        if programs != expected:
            wrong.append(f"{len(programs)} processes, not {len(expected)}: {sorted(programs ^ expected)[:10]}")
        if usage.zombies or usage.children > len(expected):
            wrong.append(f"{usage.children} children, {usage.zombies} of them zombies")
        stored = self.manager.stored()
        if stored != STORED * len(expected):
            wrong.append(f"the service manager keeps {stored} descriptors, not {STORED * len(expected)}")
        return wrong

    def clear(self, standing, left):
        """Closes the windows of cycles that were broken off; all others must go by themselves."""
        wrong = []
        found = {}

        def strangers():
            found.clear()
            found.update(listed(self.windows))
            return {number: window["title"] for number, window in found.items()
                    if number not in standing.known and window["title"] not in left}

        if not becomes(lambda: not strangers()):
            wrong.append(f"windows that nobody meant to live: {list(strangers().items())[:5]}")
        with Conversation(self.manager.socket) as conversation:
            conversation.socket.settimeout(PATIENCE)
            for number in set(found) - set(standing.known):
                conversation.ask("close-window", id=number)
            for title, (number, must_be_known) in left.items():
                if number and must_be_known:
                    try:
                        conversation.ask("wait", id=number)
                    except Refused as refusal:
                        wrong.append(f"window {number}, {title}, is lost with a restart: {refusal}")
        return wrong
