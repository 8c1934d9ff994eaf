"""docs/reports/soak.md: what a run has shown, in figures, pictures and a sentence."""

import csv
import datetime
import json
import os
import platform
import statistics
import subprocess

import graphs
from trend import MOST_GROWTH, Lives, change, quantile

# What a cycle costs, and how long a client waits, hang on what else the machine does: told, not judged.
NOTICEABLE = 1.25
PROBES = {"ask": "list-windows", "open_one": "create-window -e true, and wait"}
TEXT = """# A long run of windowd

Written by `make soak`, which boots a systemd over what `make install` gives, has clients do right and wrong to windowd,
restarts it meanwhile, and looks at what it holds.

- {date}; {machine}
- {cycles:,} cycles in {minutes:.1f} minutes, {rate:.0f} a second over all; seed {seed}; {restarts} restarts
- {verdict}

## What came of it

{sentences}

CPU time and waits hang on what else the machine does: they are told, not judged.
{failures}
{pictures}

## Restarts

{ways}

There is one a minute at least, and none in the last third of the cycles: what grows slowly is seen in a long life alone.
After each of them, eight windows that are meant to live must be there with the same processes, which answer; but for a
stop, which must hang them up. What was not so would be among the failures.

## Memory

By how many bytes a cycle the memory in no file (heap, stacks, what windows printed) grows after the first quarter of
each life; all are short but the last, so that this is warming up for the most part:
{slopes}. From the end of one short life to the next: {over_all:.1f}.

## Latency

Of a client of its own beside all others, on the same CPUs. Those who met a restart are left out; the longest of them
waited {disturbed:.0f} ms.

{latencies}

## Cycles

{outcomes}
"""


def table(path):
    """The rows of a file, with numbers where there are any."""
    def value(text):
        try:
            return float(text)
        except ValueError:
            return text

    with open(path, encoding="utf-8") as file:
        return [{name: value(text) for name, text in row.items()} for row in csv.DictReader(file, delimiter="\t")]


def machine():
    """Where this was."""
    def first_line(*command):
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]

    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    swift = first_line(os.environ.get("SWIFT", "swift"), "--version").partition(" (")[0]
    systemd, model = first_line("systemctl", "--version"), models[0] if models else platform.machine()
    return f"{os.cpu_count()} CPUs ({model}), Linux {platform.release()}, {systemd}, {swift}"


def markdown(head, rows):
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def outcomes(found):
    """The cycles by kind, the most frequent first, the sampler's own at the end."""
    ordered = sorted(found.items(), key=lambda item: (item[0].startswith("probe"), -item[1][0]))
    return markdown(["cycle", "done", "begun again after a restart", "failed"], (
        (kind, f"{done:,}", again, failed) for kind, (done, again, failed) in ordered))


def latencies(times):
    """Quantiles of the probes."""
    parts = (0.5, 0.9, 0.99, 0.999, 1)
    return markdown(["ms", "probes", "median", "90 %", "99 %", "99.9 %", "longest"], (
        (words, len(times[name]), *(f"{quantile(times[name], part):.1f}" for part in parts))
        for name, words in PROBES.items() if times.get(name)))


def ways(restarts):
    """The restarts by kind."""
    found = {}
    for restart in restarts:
        found.setdefault(restart["way"], []).append(restart["seconds"])
    return markdown(["restart", "times", "s until it is back, median", "longest"], (
        (way, len(times), f"{statistics.median(times):.2f}", f"{max(times):.2f}") for way, times in found.items()))


def judge(lives, points):
    """What is judged: whether it is good, and a sentence."""
    unequal = lives.unequal()
    baseline = points[0]["expected"] - 2 * points[0]["windows"] if points else 0
    yield not unequal, (
        f"Descriptors: {'NOT FLAT' if unequal else 'flat'}. At {len(points) - unequal} of {len(points)} quiet points "
        f"there are as many as the first windowd had without a window, {baseline:.0f}, and two for each window.")
    growth, cycles = lives.growth() if points else (None, 0)
    if growth is None:
        yield True, "Memory: not judged. No windowd has lived for long enough to see beyond its warming up."
        return
    yield growth <= MOST_GROWTH, (
        f"Memory: {'flat' if growth <= MOST_GROWTH else 'NOT FLAT'}. In the second half of the last windowd's life, "
        f"the longest, {cycles:,.0f} cycles, what it has in no file changes by {growth:+,.0f} KiB; {MOST_GROWTH:+,} "
        "would be a failure.")


def tell(lives, samples):
    """What is told beside it."""
    waits = [row["list_median"] for row in samples if row["list_median"] != ""]
    told = {"CPU time of windowd a cycle": lives.processor(), "A client's wait for list-windows": waits}
    for words, values in told.items():
        if values:
            grown = change(values)
            flat = "flat" if grown < NOTICEABLE else "more in the end"
            yield (f"{words}: {flat}. {statistics.median(values):.2f} ms in the median; in the last third {grown:.2f} "
                   "times that of the first.")


def write(results, directory):
    """Writes the report and its pictures from the results; whether all that is judged is good."""
    summary = json.loads((results / "summary.json").read_text())
    samples, points = table(results / "samples.tsv"), table(results / "quiet.tsv")
    restarts, lives = table(results / "restarts.tsv"), Lives(points)
    judged = list(judge(lives, points))
    directory.mkdir(parents=True, exist_ok=True)
    # Of a run that broke off at once there is nothing to be seen.
    pictures = graphs.draw_all(directory, samples, points, restarts) if len(samples) > 1 and points else []
    failures = summary["failures"] + [sentence for good, sentence in judged if not good]
    listed = "\n".join(["\n## Failures\n", *(f"- `{failure}`" for failure in failures), ""])
    text = TEXT.format(
        date=datetime.date.today().isoformat(), machine=machine(), cycles=summary["cycles"],
        minutes=summary["seconds"] / 60, rate=summary["cycles"] / summary["seconds"], seed=summary["seed"],
        restarts=len(restarts), verdict=f"**Failed: {len(failures)}, below.**" if failures else "**Nothing failed.**",
        sentences="\n".join(f"- {sentence}" for sentence in [*(words for _, words in judged), *tell(lives, samples)]),
        failures=listed if failures else "", pictures="\n\n".join(f"![{name}](soak-{name}.svg)" for name in pictures),
        ways=ways(restarts), slopes=", ".join(f"{value:.0f}" for value in lives.memory_slopes()),
        over_all=lives.memory_over_all(), disturbed=summary["times"].get("disturbed", 0),
        latencies=latencies(summary["times"]), outcomes=outcomes(summary["outcomes"]))
    (directory / "soak.md").write_text(text, encoding="utf-8")
    for _, sentence in judged:
        print(f"# {sentence}")
    return all(good for good, _ in judged)
