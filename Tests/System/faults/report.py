"""The matrix: calls and errors that were tried, and in how many runs something was wrong."""

import collections
import dataclasses
import datetime
import os
import platform
import subprocess


@dataclasses.dataclass
class Row:
    """A run: what was to fail, where something did, and what was wrong afterwards."""

    way: str
    fault: object
    hit: list
    problems: list
    # Whether the call failed: what is planned by a run before need not come in the next.
    tried: bool

    def __str__(self):
        places = {" < ".join(symbol[:60] for symbol, _ in site.stack[:4]) for site in self.hit}
        return f"not ok - {self.way}: {self.fault}: {'; '.join(self.problems)} [{' | '.join(places)}]"


def _cell(tried, failed):
    return f"{tried}" if not failed else f"{tried} ({failed} failed)"


def missed(found, rows):
    """Which functions' calls have failed in no program, by whatever way they came to make them."""
    def functions(sites):
        return {f"{site.call} in `{site.caller}`" for site in sites}

    everywhere = functions(site for places in found.values() for site in places)
    return _readable(sorted(everywhere - functions(site for row in rows if row.tried for site in row.hit)))


def _never(missed):
    """A sentence about them."""
    begin = ("A place is a call and all its callers: the number of a call in a program that looks at others changes from run"
             " to run, so that not each of them is met. Of the functions that make calls themselves, ")
    return begin + (f"these have had none that failed: {', '.join(missed)}." if missed else "each call has failed.")


def _readable(names):
    """Swift's symbols as it is written."""
    if not names:
        return []
    told = subprocess.run(["swift", "demangle", "--compact", "--simplified"], input="\n".join(names), text=True,
                          capture_output=True, check=True)
    return told.stdout.splitlines()


def matrix(rows, found, seconds):
    """The report, as Markdown."""
    tried, failed = collections.Counter(), collections.Counter()
    errors = collections.defaultdict(collections.Counter)
    hit = collections.defaultdict(set)
    for row in rows:
        if not row.tried or row.fault.lasts:
            continue
        tried[row.fault.call] += 1
        errors[row.fault.call][row.fault.errno] += 1
        failed[row.fault.call] += bool(row.problems)
        hit[row.way].update(row.hit)
    lines = [
        "# Calls that fail", "",
        "Written by `make faults`: a program runs under strace, which makes one of its calls fail; a call is skipped then, and",
        "answers an error of its manual page. A service must serve others afterwards, have the descriptors and the children",
        "that it should have, and nothing to do; at its start it may end with a message. A command must do what it is for, or",
        "say that it did not. Places are told by their stacks; the loader's, the allocator's and the runtime's own calls are",
        "left out, and what no kernel does (`Tests/System/faults/errnos.py`).", "",
        f"{sum(tried.values())} runs in which a call failed, on {datetime.date.today()}; Linux {platform.release()},"
        f" {os.cpu_count()} cores, {seconds / 60:.0f} minutes. {sum(failed.values())} of them went wrong.", "",
        "| program | places that make calls | of which failed at least once |", "|---|---|---|",
    ]
    for way, places in found.items():
        lines.append(f"| {way} | {len(places)} | {len(hit[way] & set(places))} |")
    lines += ["", _never(missed(found, rows)), "", "| call | runs | errors |", "|---|---|---|"]
    for call in sorted(tried):
        told = ", ".join(f"{errno} {count}" for errno, count in sorted(errors[call].items()))
        lines.append(f"| {call} | {_cell(tried[call], failed[call])} | {told} |")
    return "\n".join(lines) + "\n" + lasting([row for row in rows if row.tried and row.fault.lasts])


def lasting(rows):
    """The same of calls that failed from some moment on."""
    runs = collections.defaultdict(list)
    for row in rows:
        runs[row.fault.call].append(row)
    lines = [
        "", "## For good", "",
        "Every call of the kind fails from one on: the program's first, the first of another place, or a late one. Who",
        "is served then, and with what, is not judged. A command must end, and a service when it is told to, and say",
        "why where it was not; neither may work on and on while it waits, crash, or leave a process behind. A loop",
        "that cannot wait or be woken any more ends its process deliberately.", "",
        f"{len(rows)} runs; {sum(bool(row.problems) for row in rows)} of them went wrong.", "",
        "| call | runs | errors |", "|---|---|---|",
    ]
    for call, tried in sorted(runs.items()):
        errors = ", ".join(sorted({row.fault.errno for row in tried}))
        lines.append(f"| {call} | {_cell(len(tried), sum(bool(row.problems) for row in tried))} | {errors} |")
    return "\n".join(lines) + "\n"
