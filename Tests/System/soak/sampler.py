"""A process that looks at windowd once a second, and is a client of its own in between to see how long that takes."""

import dataclasses
import statistics
import time

import daemon
import successes
from output import Table
from worker import Client

# How often in a second it asks for the windows, and how often it opens one of its own.
ASKED, OPENED = 20, 4
COLUMNS = (
    "time", "cycles", "restarts", *(field.name for field in dataclasses.fields(daemon.Usage)), "windows",
    "connections", "stored", "list_median", "list_max", "create_median", "create_max")


def ask(cycle):
    """probe: list-windows"""
    successes.lists(cycle)


def open_one(cycle):
    """probe: create-window -e true and wait"""
    successes.true(cycle)


def status(cycle):
    """probe: status"""
    with cycle.converse() as conversation:
        told = conversation.ask("status")
        # Beside this one.
        cycle.found.update(windows=told["windows"], connections=told["connections"] - 1, process=told["pid"])


class Sampler:
    """Takes the samples."""

    def __init__(self, client, manager, table, started):
        self.client = client
        self.manager = manager
        self.table = table
        self.started = started
        # Of all probes of each kind that met no restart, and the longest that met one.
        self.times = {ask: [], open_one: []}
        self.disturbed = 0

    def probe(self, kind):
        """The time of one probe in milliseconds."""
        made = self.client.make(kind, 0)
        if made is None:
            return []
        took, in_peace = made[0] * 1000, made[1]
        if in_peace:
            self.times[kind].append(took)
        else:
            self.disturbed = max(self.disturbed, took)
        return [took]

    def second(self):
        """One second and its sample."""
        begun = time.monotonic()
        took = {ask: [], open_one: []}
        for turn in range(ASKED):
            took[ask] += self.probe(ask)
            if turn % (ASKED // OPENED) == 0:
                took[open_one] += self.probe(open_one)
            if self.client.shared.pausing.value:
                break
            time.sleep(max(0, begun + (turn + 1) / ASKED - time.monotonic()))
        found = {}

        def look(cycle):
            """probe: status"""
            cycle.found = found
            status(cycle)

        self.client.make(look, 0)
        try:
            usage = daemon.usage(found["process"])
        except (FileNotFoundError, ProcessLookupError, KeyError):
            # It ended in this moment: the next second has the next one.
            return
        values = {f"{name}_{what.__name__}": what(took[kind]) for name, kind in (("list", ask), ("create", open_one))
                  for what in (statistics.median, max) if took[kind]}
        self.table.add(
            time=time.monotonic() - self.started, cycles=sum(self.client.shared.done), stored=self.manager.stored(),
            restarts=self.manager.property("NRestarts"), windows=found["windows"], connections=found["connections"],
            **dataclasses.asdict(usage), **values)


def sample(name, manager, shared, seed, output, started, pipe):
    """What the process does until it is told to end."""
    with output.open("samples.tsv") as file:
        client = Client(name, manager.socket, shared, seed)
        sampler = Sampler(client, manager, Table(file, COLUMNS), started)
        order = "go"
        while order != "end":
            while order == "go" and not shared.pausing.value:
                sampler.second()
            pipe.send(client.take_tally())
            order = pipe.recv()
        pipe.send({kind.__name__: times for kind, times in sampler.times.items()} | {"disturbed": sampler.disturbed})
