"""A client process: it makes one cycle after the other, several at once where they wait, and rests when it is told."""

import collections
import concurrent.futures
import itertools
import multiprocessing
import random
import threading
import time

import mix
from checks import PATIENCE
from wire import Cycle, Interrupted, Refused

# How many cycles of a worker may wait for something at a time.
WAITING = 12
# How many failures are told with their words.
TOLD = 100


class Shared:
    """What main tells all workers, in memory that they share."""

    def __init__(self, workers):
        self.pausing = multiprocessing.RawValue("b", True)
        # How many restarts have begun, and how many are over; and whether the windows were hung up by the last.
        self.begun = multiprocessing.RawValue("q", 0)
        self.over = multiprocessing.RawValue("q", 0)
        self.stopped = multiprocessing.RawValue("b", False)
        # Set while there is no restart.
        self.peace = multiprocessing.Event()
        self.peace.set()
        self.done = multiprocessing.RawArray("q", workers)

    def calm(self):
        """A number for the time between two restarts; nothing during one."""
        begun = self.begun.value
        return begun if self.over.value == begun else None


class Tally:
    """What has come of cycles."""

    def __init__(self):
        # For each kind, how many were right, were made again for a restart, and failed.
        self.outcomes = collections.defaultdict(lambda: [0, 0, 0])
        self.failures = []
        # Windows of cycles that were not brought to their end, by title: the id, and whether it must be known.
        self.left = {}

    def __getstate__(self):
        return {"outcomes": dict(self.outcomes), "failures": self.failures, "left": self.left}

    def add(self, other):
        """Takes what another has."""
        for kind, outcome in other.outcomes.items():
            self.outcomes[kind] = [mine + its for mine, its in zip(self.outcomes[kind], outcome)]
        self.failures += other.failures[:max(0, TOLD - len(self.failures))]
        self.left |= other.left

    @property
    def failed(self):
        """How many cycles failed."""
        return sum(outcome[2] for outcome in self.outcomes.values())


class Client:
    """Makes cycles, and keeps the tally."""

    def __init__(self, name, path, shared, seed):
        self.name = name
        self.path = path
        self.shared = shared
        self.random = random.Random(f"{seed} {name}")
        self.numbers = itertools.count()
        self.lock = threading.Lock()
        self.tally = Tally()

    def make(self, kind, dice):
        """One cycle, again if a restart came in between; its time in seconds and whether that was in peace; None if it
        failed."""
        again = 0
        while True:
            calm = self.shared.calm()

            def is_disturbed(calm=calm):
                return calm is None or self.shared.begun.value != calm

            cycle = Cycle(self.path, random.Random(dice), f"{self.name}-{next(self.numbers)}", is_disturbed)
            begun = time.monotonic()
            try:
                kind(cycle)
            except Exception as error:  # whatever it is, it is told
                if is_disturbed() and self.is_explained(error):
                    # At once, as clients do; who meets the same restart twice waits for its end.
                    if again:
                        self.shared.peace.wait(PATIENCE)
                    again += 1
                    self.leave(cycle, not self.shared.stopped.value)
                    continue
                self.leave(cycle, False)
                self.note(kind, 2, again, f"{type(error).__name__}: {error}")
                return None
            self.note(kind, 0, again)
            return time.monotonic() - begun, not is_disturbed()

    def is_explained(self, error):
        """Whether a restart makes such an error."""
        # A stop hangs windows up, and the next windowd knows nothing of them.
        hung_up = self.shared.stopped.value and isinstance(error, Refused) and error.code == "no-such-window"
        return isinstance(error, Interrupted) or hung_up

    def leave(self, cycle, must_be_known):
        """Remembers the windows of a cycle that is broken off."""
        with self.lock:
            for title, number in cycle.windows.items():
                self.tally.left[title] = (number, must_be_known)

    def note(self, kind, outcome, again, words=None):
        """Counts."""
        with self.lock:
            counted = self.tally.outcomes[mix.name(kind)]
            counted[outcome] += 1
            counted[1] += again
            if words and len(self.tally.failures) < TOLD:
                self.tally.failures.append(f"{mix.name(kind)}: {words}")

    def take_tally(self):
        """The tally so far; the next one begins."""
        with self.lock:
            taken, self.tally = self.tally, Tally()
        return taken


def work(number, client, shared, pipe):
    """What a worker process does until it is told to end."""
    room = threading.Semaphore(WAITING)
    with concurrent.futures.ThreadPoolExecutor(WAITING) as pool:
        def make(kind, dice):
            if client.make(kind, dice):
                with client.lock:
                    shared.done[number] += 1

        def make_waiting(kind, dice):
            try:
                make(kind, dice)
            finally:
                room.release()

        order = "go"
        while order != "end":
            while order == "go" and not shared.pausing.value:
                kind, dice = mix.draw(client.random), client.random.random()
                if kind in mix.WAITING:
                    room.acquire()
                    pool.submit(make_waiting, kind, dice)
                else:
                    make(kind, dice)
            if order == "patience":
                for kind in mix.PATIENT:
                    room.acquire()
                    pool.submit(make_waiting, kind, client.random.random())
            # All are back when there is room for all.
            for _ in range(WAITING):
                room.acquire()
            room.release(WAITING)
            pipe.send(client.take_tally())
            order = pipe.recv()
