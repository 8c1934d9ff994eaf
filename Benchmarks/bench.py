#!/usr/bin/env python3
"""Measures IPCKit's server beside C and SwiftNIO, and shows the figures as ratios to the C floor."""

import argparse
import pathlib
import shutil
import signal
import sys
import tempfile

sys.dont_write_bytecode = True

from runner import census, counts, lines, loops, memory, messages, plot, rates, report  # noqa: E402
from runner.processes import Failed, wide_file_limit  # noqa: E402
from runner.servers import HERE, VARIANTS, build, check  # noqa: E402


def arguments():
    """The command line; what --quick means, where nothing else was said."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="half a minute, without SwiftNIO; a smoke test")
    parser.add_argument("--servers", metavar="LIST", help=f"of {','.join(VARIANTS)}; comma-separated")
    parser.add_argument("--seconds", type=float, metavar="S", help="the length of a run; 1, quick .15")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often; 7, quick 3")
    parser.add_argument("--no-build", action="store_true", help="take the programs as they are")
    options = parser.parse_args()
    options.seconds = options.seconds or (0.15 if options.quick else 1)
    options.rounds = options.rounds or (3 if options.quick else 7)
    given = options.servers or ",".join(name for name in VARIANTS if not (options.quick and name == "nio"))
    options.servers = given.split(",")
    unknown = [name for name in options.servers if name not in VARIANTS]
    if unknown:
        parser.error(f"there is no server {', '.join(unknown)}; there are {', '.join(VARIANTS)}")
    return options


def say(text):
    """Progress, on a terminal in one line."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def count_all(options, directory, files):
    """What can be counted, by label and server."""
    has_strace = shutil.which("strace")
    if not has_strace:
        print("strace is not installed: system calls are not counted")
    connections = min(1000 if options.quick else 10_000, files - 100)
    steps = {counts.REQUEST: 5 if options.quick else 40, counts.CHURN: 3 if options.quick else 20}
    counted = {}
    for (kind, what), label in report.COUNTED_LABELS.items():
        if kind == "calls" and not has_strace:
            continue
        values = counted[label] = {}
        for name in options.servers:
            say(f"{label}: {name}")
            if kind == "calls":
                values[name] = counts.system_calls(name, what, directory, 200 if options.quick else 1000)
            elif kind == "steps":
                values[name] = counts.instructions(name, what, directory, steps[what])
            else:
                values[name] = memory.bytes_a_connection(name, what, directory, connections)
    return counted


def measure(options, directory):
    """Everything, in turn; the tables and the results that the picture shows."""
    files = wide_file_limit()
    ours = any(name.startswith("ipckit") for name in options.servers)
    core, _ = rates.cores(counts.REQUEST)
    for name in options.servers:
        check(name, directory)
    results = rates.measure(options.servers, directory, options.rounds, options.seconds, say)
    counted = count_all(options, directory, files)
    size = (32 if options.quick else 256) << 20
    scanned = lines.measure(directory, size, options.rounds, options.seconds, core, say)
    taken = census.measure(directory, options.rounds, options.seconds, core, say)
    passed = messages.measure(options.rounds, options.seconds, core, say)
    spread = [report.of_loops(loops.measure(directory, options.rounds, options.seconds, say))] if ours else []
    say("")
    tables = report.of_rates(options.servers, results)
    return [*tables, report.of_counts(options.servers, counted), *spread, report.of_lines(scanned),
            report.of_census(taken), report.of_messages(passed)], results


def main():
    """Builds, measures, shows."""
    options = arguments()
    # As Ctrl-C does it: by an exception, so that every block is left and ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if not options.no_build:
        build(options.servers)
    about = report.machine()
    memory_files = pathlib.Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="bench-", dir=memory_files if memory_files.is_dir() else None) as directory:
        tables, results = measure(options, pathlib.Path(directory))
    print("\n".join(about))
    for table in tables:
        print(f"\n{table.plain()}")
    if options.quick:
        return
    has_plot = plot.draw(HERE / "results.svg", options.servers, results)
    if not has_plot:
        print("no picture: it needs gnuplot and the server c")
    report.write(HERE / "RESULTS.md", about, tables, options.rounds, options.seconds, has_plot)
    print(f"\nwritten to {HERE / 'RESULTS.md'}")


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(f"bench.py: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
