#!/usr/bin/env python3
"""Makes the calls of windowd, windowctl, fdwatch and an echo server fail, one in each run, and looks what becomes of them.

main.py PROGRAM...: the programs, as `make programs examples` builds them.
"""

import argparse
import collections
import concurrent.futures
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
import typing

import commands
import daemon
import lasting
import plan
import report
import traced
from errnos import ANSWERS

SERVICES = [daemon.Own, daemon.Managed, daemon.Restored, daemon.Echo]


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", nargs="+")
    parser.add_argument("--runs", type=int, default=3000, help="at most so many")
    parser.add_argument("--quick", action="store_true", help="without what takes long to record")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=8, help="a run waits more than it works")
    parser.add_argument("--only", default="", help="what begins like this")
    parser.add_argument("--report", help="where the matrix is written to as well")
    return parser.parse_args()


class Record(typing.NamedTuple):
    """What a run showed in which nothing failed."""

    # Where calls are made, and the last that the loader makes.
    found: dict
    loaded: dict
    # The descriptors that are open when nobody is there.
    idle: list


def record(way, programs):
    """A run in which nothing fails."""
    problems, log, idle = way.run(programs)
    if problems:
        sys.exit(f"{way.name}: without a failing call: {problems}")
    found = plan.calls_by_site(log, f"{programs}/{way.program}")
    print(f"{way.name}: {len(found)} places that make calls", flush=True)
    return Record(found, plan.loaded_by(log), idle)


def attempt(way, programs, fault, idle):
    """One run, as a row of the report."""
    try:
        problems, log, _ = way.run(programs, fault, idle)
    except Exception as error:
        problems, log = [f"{type(error).__name__}: {error}"], ""
    if fault.lasts:
        return report.Row(way.name, fault, [], problems, "(INJECTED)" in log)
    failed = traced.injected(log)
    hit = [place for call in failed if (place := plan.own_site(call, f"{programs}/{way.program}"))]
    # Where the runtime's or the loader's failed and none of the program's, nothing of it was tried; nor where one was answered.
    is_foreign = failed and not hit or any((site.caller, fault.errno) in ANSWERS for site in hit)
    tried = bool(hit) or isinstance(fault, traced.Short) and bool(log)
    return report.Row(way.name, fault, hit, [] if is_foreign else problems, tried)


def lasting_failures(recorded, options):
    """Runs in which calls fail for good: some of all that there are."""
    random_numbers = random.Random(options.seed)
    every = [(way, fault) for way, run in recorded.items() for fault in lasting.faults(run.found, random_numbers)]
    return random_numbers.sample(every, min(options.runs // 3, len(every)))


def run_all(options, programs):
    """All that is planned; prints what goes wrong as it does."""
    ways = [way for way in [*SERVICES, *commands.COMMANDS] if way.name.startswith(options.only)]
    recorded = {way: record(way, programs) for way in ways if not (options.quick and way.takes_long)}
    total = sum(len(run.found) for run in recorded.values())
    tried = collections.Counter()
    plans = {way: plan.Plan(run.found, run.loaded, max(options.runs * len(run.found) // total, 1), options.seed, tried)
             for way, run in recorded.items()}
    waiting = [(way, traced.Short(f"{programs}/short.so", limit)) for way in recorded for limit in (1, 7)]
    waiting += lasting_failures(recorded, options)
    begun, rows, hit = time.monotonic(), [], collections.defaultdict(set)
    with concurrent.futures.ThreadPoolExecutor(options.at_once) as pool:
        while waiting := waiting + [(way, fault) for way in recorded for fault in plans[way].next_round(hit[way.name])]:
            running = [pool.submit(attempt, way, programs, fault, recorded[way].idle) for way, fault in waiting]
            waiting = []
            for done in concurrent.futures.as_completed(running):
                rows.append(done.result())
                hit[rows[-1].way].update(rows[-1].hit)
                if rows[-1].problems:
                    print(rows[-1], flush=True)
                if len(rows) % 100 == 0:
                    print(f"# {len(rows)} runs, {time.monotonic() - begun:.0f} s", flush=True)
    return rows, {way.name: run.found for way, run in recorded.items()}, time.monotonic() - begun


def main():
    options = parse()
    with tempfile.TemporaryDirectory(prefix="faults-programs-", dir="/tmp") as programs:
        for program in options.programs:
            shutil.copy(program, programs)
        source = pathlib.Path(__file__).with_name("short.c")
        subprocess.run(["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o",
                        f"{programs}/short.so", source], check=True)
        rows, found, seconds = run_all(options, programs)
    matrix = report.matrix(rows, found, seconds)
    print(matrix)
    if options.report:
        pathlib.Path(options.report).write_text(matrix, encoding="utf-8")
    if not options.quick and (missed := report.missed(found, rows)):
        sys.exit(f"calls of these have never failed: {', '.join(missed)}")
    # Where calls do not fail as planned, or not at all, nothing was tried, whatever did not go wrong.
    if sum(row.tried for row in rows) < len(rows) * 0.8:
        sys.exit("the calls that should have failed did not")
    sys.exit(1 if any(row.problems for row in rows) else 0)


main()
