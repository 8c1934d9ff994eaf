"""The processes that work on windowd, which all stand still at once when they are told to."""

import contextlib
import multiprocessing
import multiprocessing.connection
import os

from checks import PATIENCE
from sampler import sample
from worker import Client, Shared, Tally, work

WORKERS = 4
# The longest cycles of all take no longer.
LONGEST = 4 * PATIENCE


class Crew:
    """Workers and the sampler."""

    def __init__(self, manager, seed, output, started):
        self.shared = Shared(WORKERS)
        self.tally = Tally()
        self.members = []
        for number in range(WORKERS):
            client = Client(f"worker{number}", manager.socket, self.shared, seed)
            self.start(work, number, client, self.shared)
        self.start(sample, "sampler", manager, self.shared, seed, output, started)

    def start(self, target, *arguments):
        """A process with a pipe to it."""
        mine, its = multiprocessing.Pipe()
        process = multiprocessing.Process(target=target, args=(*arguments, its), daemon=True)
        process.start()
        its.close()
        self.members.append((process, mine))

    @property
    def done(self):
        """How many cycles are done."""
        return sum(self.shared.done)

    def watch(self, seconds):
        """Lets them work for so long; one that ends meanwhile is an error."""
        ended = multiprocessing.connection.wait([process.sentinel for process, _ in self.members], seconds)
        if ended:
            raise RuntimeError("a client process has ended by itself")

    def pause(self):
        """All stand still when this returns; what has come of their cycles since the last time."""
        self.shared.pausing.value = True
        return self.collect()

    def collect(self):
        """What all of them tell."""
        tally = Tally()
        for _, pipe in self.members:
            if not pipe.poll(LONGEST):
                raise TimeoutError("a client process does not come to rest")
            tally.add(pipe.recv())
        self.tally.add(tally)
        return tally

    def order(self, word):
        """Says what comes next, while all stand still."""
        for _, pipe in self.members:
            pipe.send(word)

    def resume(self):
        """All go on."""
        self.shared.pausing.value = False
        self.order("go")

    def patience(self):
        """The cycles that come once, in the end; all stand still before and after."""
        self.order("patience")
        return self.collect()

    def end(self):
        """Ends all, and returns the sampler's times."""
        self.order("end")
        times = self.members[-1][1].recv()
        for process, _ in self.members:
            process.join(PATIENCE)
        return times

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process, pipe in self.members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, 9) if process.is_alive() else None
            process.join()
            pipe.close()
