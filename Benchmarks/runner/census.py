"""A census of a process with many descriptors, by C and by the library, in turns."""

import contextlib
import os
import socket
import statistics

from runner.processes import Failed, fields, output_of
from runner.servers import PROGRAMS

COUNT = 10_000


def pipes(directory, stack, count=COUNT):
    """Both ends of pipes."""
    for _ in range(count // 2):
        for end in os.pipe():
            stack.callback(os.close, end)


def sockets(directory, stack, count=COUNT):
    """Both ends of socket pairs."""
    for _ in range(count // 2):
        for end in socket.socketpair():
            stack.enter_context(end)


def counters(directory, stack, count=COUNT):
    """Files without a place."""
    for _ in range(count):
        stack.callback(os.close, os.eventfd(0))


def files(directory, stack, count=COUNT):
    """Regular files, each with a path of its own."""
    for number in range(count):
        stack.callback(os.close, os.open(directory / f"{number}", os.O_CREAT | os.O_RDWR))


def mixture(directory, stack):
    """As many of each."""
    for hold in (pipes, sockets, counters, files):
        hold(directory, stack, COUNT // 4)


HOLDINGS = {"a quarter of each": mixture, "pipes": pipes, "eventfds": counters, "files": files, "Unix sockets": sockets}


def measure(directory, rounds, seconds, core, say):
    """Milliseconds of processor time, of C and of the library, and the ratio within a round, by what is held."""
    results = {}
    for title, hold in HOLDINGS.items():
        times = {"c-census": [], "ipckit-census": []}
        with contextlib.ExitStack() as stack:
            hold(directory, stack)
            for number in range(rounds):
                say(f"round {number + 1} of {rounds}: a census of {title}")
                for program, values in times.items():
                    result = fields(output_of([PROGRAMS / program, os.getpid(), seconds / 2], core))
                    if result["descriptors"] < COUNT:
                        raise Failed(f"{program} has not seen all descriptors")
                    values.append(result["milliseconds"])
        floor, ours = times.values()
        results[title] = (statistics.median(floor), statistics.median(ours),
                          statistics.median(value / base for value, base in zip(ours, floor)))
    return results
