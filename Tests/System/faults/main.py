#!/usr/bin/env python3
"""Makes the calls of windowd, windowctl, fdwatch and an echo server fail, one in each run, and looks what becomes of them.

main.py PROGRAMS EXAMPLES: the directories of the built programs. With `--quick` it tries each place once at most.
"""

import argparse
import concurrent.futures
import sys
import time

import commands
import daemon
import plan
import report
import sites

WAYS = [daemon.Own, daemon.Managed, daemon.Restored, daemon.Echo, *commands.COMMANDS]


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs")
    parser.add_argument("--runs", type=int, default=3000, help="at most so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=4, help="a run waits more than it works")
    parser.add_argument("--only", default="", help="what begins like this")
    parser.add_argument("--report", help="where the matrix is written to as well")
    return parser.parse_args()


def record(way, options):
    """A run in which nothing fails: where calls are made, and which descriptors are opened later and kept."""
    problems, log, later = way.run(options.programs)
    if problems:
        sys.exit(f"{way.name}: without a failing call: {problems}")
    found = plan.calls_by_site(log, f"{options.programs}/{way.program}")
    print(f"{way.name}: {len(found)} places that make calls", flush=True)
    return found, later


def attempt(way, options, site, fault, later):
    """One run, as a row of the report."""
    begun = time.monotonic()
    try:
        problems, log, _ = way.run(options.programs, fault, later)
    except Exception as error:
        problems, log = [f"{type(error).__name__}: {error}"], ""
    failed = [call for call in sites.calls(log) if "(INJECTED)" in call.line]
    hit = [place for call in failed if (place := plan.own_site(call, f"{options.programs}/{way.program}"))]
    # Where it was the runtime or the loader that failed, nothing of the program's was tried.
    return report.Row(way.name, fault, site, hit, problems if hit or not failed else [], time.monotonic() - begun)


def main():
    options = parse()
    begun = time.monotonic()
    ways = [way for way in WAYS if way.name.startswith(options.only)]
    recorded = {way: record(way, options) for way in ways}
    total = sum(len(found) for found, _ in recorded.values())
    rows = []
    with concurrent.futures.ThreadPoolExecutor(options.at_once) as pool:
        waiting = []
        for way, (found, later) in recorded.items():
            for site, fault in plan.plan(found, options.runs * len(found) // total, options.seed):
                waiting.append(pool.submit(attempt, way, options, site, fault, later))
        for done in concurrent.futures.as_completed(waiting):
            rows.append(done.result())
            if rows[-1].problems:
                print(rows[-1], flush=True)
            elif len(rows) % 100 == 0:
                print(f"{len(rows)} of {len(waiting)} runs, {time.monotonic() - begun:.0f} s", flush=True)
    matrix = report.matrix(rows, {way.name: found for way, (found, _) in recorded.items()}, time.monotonic() - begun)
    print(matrix)
    if options.report:
        with open(options.report, "w", encoding="utf-8") as file:
            file.write(matrix)
    sys.exit(1 if any(row.problems for row in rows) else 0)


main()
