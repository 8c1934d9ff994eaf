"""What was measured as tables, in plain text and in Markdown."""

import datetime
import os
import pathlib
import platform
import re
from dataclasses import dataclass, field

from runner import counts, rates
from runner.processes import output_of


@dataclass
class Table:
    """A title, the columns' names and rows of a label with its cells; remarks stand below."""

    title: str
    columns: list
    rows: list
    remarks: list = field(default_factory=list)

    def plain(self):
        """With columns in line."""
        grid = [["", *self.columns], *([label, *cells] for label, cells in self.rows)]
        widths = [max(len(row[index]) for row in grid) for index in range(len(grid[0]))]
        lines = [self.title]
        for label, *cells in grid:
            padded = (cell.rjust(width) for cell, width in zip(cells, widths[1:]))
            lines.append(f"  {label.ljust(widths[0])}  {'   '.join(padded)}".rstrip())
        return "\n".join([*lines, *(f"  {remark}" for remark in self.remarks)])

    def markdown(self):
        """As a section."""
        lines = [f"## {self.title}", "", f"| | {' | '.join(self.columns)} |", "|---|" + "--:|" * len(self.columns)]
        for label, cells in self.rows:
            # A ratio behind its value, in parentheses.
            pairs = (re.sub(r" +(\S+)$", r" (\1)", cell) for cell in cells)
            lines.append(f"| {label} | {' | '.join(pairs)} |")
        if self.remarks:
            lines += ["", *(f"- {remark}" for remark in self.remarks)]
        return "\n".join(lines) + "\n"


def _cell(value, ratio, form):
    """A value and its ratio to C's."""
    if value is None:
        return "–"
    if 0 < value < 0.1:
        form = ".4f"
    return format(value, form) + (f"  {ratio:6.2f}" if ratio is not None else "")


def _beside_c(name, ratio):
    return None if name == "c" else ratio


def _measured(title, names, results, key, form):
    """A table of one of the results' quantities."""
    rows = []
    for scenario, runs in results.items():
        if key not in runs[names[0]][0]:
            continue
        cells = [
            _cell(rates.median(runs[name], key), _beside_c(name, rates.ratio(runs[name], runs.get("c"), key)), form)
            for name in names
        ]
        rows.append((scenario.title, cells))
    return Table(title, names, rows)


def of_rates(names, results):
    """The tables of what was measured in rounds."""
    return [
        _measured("Requests a second, and as a part of C's", names, results, "rate", ",.0f"),
        _measured("CPU time of the server, µs a request, and times C's", names, results, "cpu", ".2f"),
        _measured("Latency, the median in µs, and times C's", names, results, "p50", ".1f"),
        _measured("Latency, the 99th percentile in µs, and times C's", names, results, "p99", ".1f"),
    ]


def of_counts(names, counted):
    """The table of what was counted: `counted` holds a dictionary by server for each label."""
    rows, remarks = [], []
    for label, values in counted.items():
        totals = {name: sum(value.values()) if isinstance(value, dict) else value for name, value in values.items()}
        floor = totals.get("c")
        form = ".2f" if "calls" in label else ",.0f"
        cells = []
        for name in names:
            value = totals[name]
            cells.append(_cell(value, _beside_c(name, value / floor if floor else None), form))
        rows.append((label, cells))
        for name, value in values.items():
            if isinstance(value, dict):
                each = ", ".join(f"{call} {number:.2f}" for call, number in value.items())
                futex = "" if any("futex" in call for call in value) else "; no futex"
                remarks.append(f"{label}, {name}: {each}{futex}")
    return Table("Counted, and times C's", names, rows, remarks)


def of_lines(scanned):
    """The table of line scanning."""
    rows = [(title, [f"{rate:.2f}", f"{ratio:.2f}"]) for title, (rate, ratio) in scanned.items()]
    return Table("Lines of 64 bytes out of a file", ["GB/s", "part of C's"], rows)


def of_census(taken):
    """The table of the census."""
    rows = [(title, [f"{floor:.1f}", f"{ours:.1f} {ratio:.2f}"]) for title, (floor, ours, ratio) in taken.items()]
    remarks = ["C reads the links and the information and goes no further; the census also asks what a path leads to, "
               "and which sockets belong together"]
    return Table("A census of 10,000 descriptors, ms of processor time", ["c", "ipckit"], rows, remarks)


def of_messages(passed):
    """The table of messages."""
    rows = [(title, [f"{floor:,.0f}", f"{rate:,.0f} {ratio:.2f}"]) for title, (floor, rate, ratio) in passed.items()]
    return Table("Messages a second, both ends in one thread", ["c", "ipckit"], rows)


def of_origins(found):
    """The table of what it costs to record where descriptors were made."""
    rows = [(kind, [f"{off:.0f}", f"{on:.0f}"]) for kind, (off, on) in found.items()]
    return Table("Instructions of a descriptor, made and closed", ["as it is", "its origin recorded"], rows)


def of_loops(found):
    """The table of what more loops than one gain."""
    rows = []
    for title, (alone, together, ratio, shares) in found.items():
        spread = " / ".join(f"{share:.0%}" for share in shares)
        rows.append((title, [f"{alone:,.0f}", f"{together:,.0f} ({ratio:.2f})", spread]))
    columns = ["one loop", "a loop for each core", "CPU time of each loop"]
    return Table("Requests a second on several loops; the load runs on the same cores", columns, rows)


def _first_line(command):
    try:
        # Without where it was built from.
        return output_of(command).splitlines()[0].split(" (http")[0]
    except OSError:
        return f"{command[0]} is not there"


def _value(path, key):
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith(key):
            return line.replace("=", ":", 1).split(":", 1)[1].strip().strip('"')
    return "unknown"


def machine():
    """What the figures were measured on, as a list of lines."""
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    return [
        f"date: {datetime.date.today().isoformat()}",
        f"CPU: {_value('/proc/cpuinfo', 'model name')}, {len(os.sched_getaffinity(0))} cores",
        f"kernel: {platform.system()} {platform.release()}",
        f"distribution: {_value('/etc/os-release', 'PRETTY_NAME')}",
        f"Swift: {_first_line(['swift', '--version'])}",
        f"C: {_first_line(['clang', '--version'])} (the one of the Swift toolchain)",
        f"load average when it began: {load}",
    ]


INTRODUCTION = """# Results

What `Benchmarks/bench.py` measured. A value is the median of {rounds} rounds of {seconds:g} s in which the servers took
turns; a ratio is the median of the ratios to the C server's run of the same round. With one connection, server and load
share a core; else each has its own. There a server that is done sooner sleeps more often, and its client pays for waking
it: the CPU time a request says more about a server than the rate.
"""


def write(path, about, tables, rounds, seconds, has_plot):
    """The whole report."""
    parts = [INTRODUCTION.format(rounds=rounds, seconds=seconds), "\n".join(f"- {line}" for line in about) + "\n"]
    if has_plot:
        parts.append("![Requests a second and CPU time beside C](results.svg)\n")
    path.write_text("\n".join([*parts, *(table.markdown() for table in tables)]))


COUNTED_LABELS = {
    ("calls", counts.REQUEST): "system calls a request",
    ("calls", counts.CHURN): "system calls a churned connection",
    ("steps", counts.REQUEST): "instructions a request",
    ("steps", counts.CHURN): "instructions a churned connection",
    ("bytes", "idle"): "bytes an idle connection",
    ("bytes", "waiting"): "bytes a connection in the middle of a line",
}
