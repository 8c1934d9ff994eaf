"""Messages between two ends in one thread, by C and by the library, in turns."""

import statistics

from runner.processes import fields, output_of
from runner.servers import PROGRAMS

KINDS = {
    "a descriptor with a byte, received and closed": "descriptors",
    "a packet of 4 KiB": "packets",
}


def measure(rounds, seconds, core, say):
    """Messages a second: C's, the library's and the ratio of the same round, by kind."""
    found = {}
    for title, kind in KINDS.items():
        floors, rates = [], []
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}: {title}")
            floors.append(fields(output_of([PROGRAMS / "c-messages", kind, seconds], core))["rate"])
            rates.append(fields(output_of([PROGRAMS / "ipckit-messages", kind, seconds], core))["rate"])
        ratio = statistics.median(rate / floor for rate, floor in zip(rates, floors))
        found[title] = (statistics.median(floors), statistics.median(rates), ratio)
    return found
