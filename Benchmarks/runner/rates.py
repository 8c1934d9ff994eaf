"""Requests a second, latency and CPU time, in rounds in which each server has its turn."""

import os
import statistics
from dataclasses import dataclass

from runner.servers import serving


@dataclass(frozen=True)
class Scenario:
    """What the load generator does to a server of a mode."""

    title: str
    mode: str
    words: tuple
    connections: int


SCENARIOS = (
    *(
        Scenario(f"pingpong {connections} × {length} B", "echo", ("pingpong", connections, length), connections)
        for length in (64, 4096)
        for connections in (1, 16, 256)
    ),
    Scenario("churn 1", "reply", ("churn", 1), 1),
    Scenario("churn 8", "reply", ("churn", 8), 8),
    Scenario("pipelined 16 × 64 B", "echo", ("pipeline", 16, 64), 16),
)
WARM_UP = 2000


def cores(scenario):
    """The server's core and the load's: one for both where only one of them has something to do at a time.

    Apart they would measure how long the other core takes to wake up, and nothing else.
    """
    here = sorted(os.sched_getaffinity(0))
    return (here[0], here[0]) if scenario.connections == 1 else (here[0], here[-1])


def run_once(name, scenario, directory, seconds):
    """One run of one server."""
    ours, theirs = cores(scenario)
    with serving(name, scenario.mode, directory, ours) as server:
        server.load(*scenario.words, "-n", WARM_UP, core=theirs)
        before = server.cpu()
        result = server.load(*scenario.words, seconds, core=theirs)
        result["cpu"] = (server.cpu() - before) / 1000 / result["requests"]
    return result


def measure(names, directory, rounds, seconds, say):
    """Results by scenario and server, a list with a value for each round."""
    results = {scenario: {name: [] for name in names} for scenario in SCENARIOS}
    for number in range(rounds):
        for scenario in SCENARIOS:
            say(f"round {number + 1} of {rounds}: {scenario.title}")
            for name in names:
                results[scenario][name].append(run_once(name, scenario, directory, seconds))
    return results


def median(runs, key):
    """The middle value; None where it was not measured."""
    values = [run[key] for run in runs if key in run]
    return statistics.median(values) if values else None


def ratio(runs, floor, key):
    """The middle one of the ratios to the floor's run of the same round."""
    if not floor or key not in runs[0]:
        return None
    return statistics.median(run[key] / base[key] for run, base in zip(runs, floor))
