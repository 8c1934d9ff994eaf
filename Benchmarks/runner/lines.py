"""Lines out of a file, by C and by the library, in turns."""

import statistics

from runner.processes import Failed, fields, output_of
from runner.servers import PROGRAMS

SCANNERS = {
    "C, memchr": ("c-lines",),
    "borrowed": ("ipckit-lines", "borrowed"),
    "[UInt8]": ("ipckit-lines", "bytes"),
    "String": ("ipckit-lines", "string"),
}


def make_file(path, size):
    """Lines of 64 bytes that differ."""
    block = b"".join(b"%063d\n" % number for number in range(1 << 14))
    with open(path, "wb") as file:
        for _ in range(size // len(block)):
            file.write(block)
    return size // len(block) << 14


def measure(directory, size, rounds, seconds, core, say):
    """Gigabytes a second and the ratio to C's of the same round, by scanner."""
    path = directory / "lines"
    lines = make_file(path, size)
    rates = {title: [] for title in SCANNERS}
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}: lines of a file")
        for title, (program, *words) in SCANNERS.items():
            result = fields(output_of([PROGRAMS / program, path, *words, seconds], core))
            if not result["lines"] or result["lines"] % lines:
                raise Failed(f"{title}: a wrong number of lines")
            rates[title].append(result["gbps"])
    path.unlink()
    floor = rates["C, memchr"]
    return {
        title: (statistics.median(values), statistics.median(value / base for value, base in zip(values, floor)))
        for title, values in rates.items()
    }
