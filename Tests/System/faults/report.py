"""The matrix: calls and errors that were tried, and in how many runs something was wrong."""

import collections
import dataclasses
import datetime
import os
import platform


@dataclasses.dataclass
class Row:
    """A run: what was to fail where, where something did, and what was wrong afterwards."""

    way: str
    fault: object
    site: object
    hit: list
    problems: list
    seconds: float

    def __str__(self):
        place = self.site.caller if self.site else "everywhere"
        where = "" if self.site is None or self.site in self.hit else " (did not fail there)"
        hits = {" < ".join(symbol[:60] for symbol, _ in site.stack[:4]) for site in self.hit}
        return f"not ok - {self.way}: {self.fault} in {place}{where}: {'; '.join(self.problems)} [{' | '.join(hits)}]"


def _cell(tried, failed):
    return f"{tried}" if not failed else f"{tried} ({failed} failed)"


def matrix(rows, found, seconds):
    """The report, as Markdown."""
    tried, failed = collections.Counter(), collections.Counter()
    errors = collections.defaultdict(collections.Counter)
    hit = collections.defaultdict(set)
    for row in rows:
        # What failed is what the tracer says; where it never came to the call, nothing was tried.
        if not row.hit and not row.problems:
            continue
        tried[row.fault.call] += 1
        errors[row.fault.call][row.fault.errno] += 1
        failed[row.fault.call] += bool(row.problems)
        hit[row.way].update(row.hit)
    lines = [
        "# Calls that fail", "",
        f"{sum(tried.values())} runs in which a call failed, on {datetime.date.today()}; Linux {platform.release()},"
        f" {os.cpu_count()} cores, {seconds / 60:.0f} minutes. {sum(failed.values())} of them went wrong.", "",
        "| program | places that make calls | of which failed at least once |", "|---|---|---|",
    ]
    for way, places in found.items():
        lines.append(f"| {way} | {len(places)} | {len(hit[way] & set(places))} |")
    lines += ["", "| call | runs | errors |", "|---|---|---|"]
    for call in sorted(tried):
        told = ", ".join(f"{errno} {count}" for errno, count in sorted(errors[call].items()))
        lines.append(f"| {call} | {_cell(tried[call], failed[call])} | {told} |")
    return "\n".join(lines) + "\n"
