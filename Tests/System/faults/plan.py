"""Which call is to fail in which run: each place that a run without failures has shown, with each of its errors."""

import collections
import random

import sites
from errnos import ANSWERS, ERRNOS
from traced import Fault


# Errors that were handled wrong once, where others were not: they are tried first.
_FIRST = {("accept4", "EMFILE"), ("dup3", "EINTR"), ("sendmsg", "ENOBUFS"), ("socket", "EMFILE")}


def calls_by_site(log, program):
    """The program's own calls, by their places; raises ValueError for one of which nobody has said how it can fail."""
    found = collections.defaultdict(list)
    for call in sites.calls(log):
        if site := own_site(call, program):
            if call.name not in ERRNOS:
                raise ValueError(f"{call.name} is not in errnos.py: {call.line}")
            found[site].append(call)
    return dict(found)


def loaded_by(log):
    """For each kind of call, the last of the loader's: of any thread, the how-many-th."""
    last = collections.Counter()
    for call in sites.calls(log):
        if call.is_loaders:
            last[call.name] = max(last[call.name], call.number)
    return last


def own_site(call, program):
    """Where the program itself made a call; None for the runtime's, the loader's and the allocator's."""
    site = call.site(program)
    return site if site and site.is_own else None


def faults(found, random_numbers):
    """For each site, each of its errors once, at one of the site's calls."""
    everything = [call for made in found.values() for call in made]
    # The tracer counts in each thread and in each child anew: what fails in one of them fails in all that get so far.
    again = {(call.name, call.number) for call in everything if call.thread != everything[0].thread}
    for site, made in found.items():
        for errno in random_numbers.sample(ERRNOS[site.call], len(ERRNOS[site.call])):
            call = random_numbers.choice(made)
            if (site.caller, errno) not in ANSWERS:
                yield site, Fault(call.name, errno, call.number, again=(call.name, call.number) in again)


def interruptions(found, loaded):
    """Each call interrupted every other time, once the program has begun and the loader, which does not call again, is
    done."""
    begun = [call for made in found.values() for call in made]
    first = {}
    for call in begun:
        # In the thread that the program begins as, if that makes it: the tracer counts in each.
        rank = (call.thread != begun[0].thread, call.number)
        first[call.name] = min(rank, first.get(call.name, rank))
    for name, (_, number) in sorted(first.items()):
        if "EINTR" in ERRNOS[name]:
            yield Fault(name, "EINTR", max(number, loaded[name] + 1), "+2")


class Plan:
    """At most so many runs, in rounds: each site once, those again that were not reached, then each once more; each time
    with the error of the call that was tried least by then, in all programs."""

    # How often a site is tried before it is given up: what one run has shown need not come in the next.
    PATIENCE = 8

    def __init__(self, found, loaded, runs, seed, tried):
        self._tried = tried
        self._random = random.Random(seed)
        self._left = runs
        self._rounds = 0
        self._first = list(interruptions(found, loaded))
        self._by_site = collections.defaultdict(list)
        for site, fault in faults(found, self._random):
            self._by_site[site].append(fault)

    def next_round(self, hit):
        """What is to fail next, when calls at these sites have failed; nothing when all runs or errors are used up."""
        waiting = {site: left for site, left in self._by_site.items() if left}
        if missing := {site: left for site, left in waiting.items() if site not in hit}:
            if 0 < self._rounds < self.PATIENCE:
                waiting = missing
        self._rounds += 1
        once = [self._next(left) for left in waiting.values()]
        self._random.shuffle(once)
        chosen = (self._first + once)[:self._left]
        self._first = []
        self._left -= len(chosen)
        return chosen

    def _next(self, left):
        """Takes out what is to be tried next."""
        kinds = [(fault.call, fault.errno) for fault in left]
        chosen = min(range(len(left)), key=lambda index: (self._tried[kinds[index]], kinds[index] not in _FIRST))
        self._tried[kinds[chosen]] += 1
        return left.pop(chosen)
