"""One loop and one for each core: what that gains, and how the work is spread over them."""

import os
import pathlib
import statistics

from runner.processes import child, wait_until
from runner.servers import PROGRAMS, Server

# What the load does, and how many steps the server computes before each answer; twelve thousand take about 20 µs.
CASES = {
    "pingpong 16 × 64 B": ("echo", ("pingpong", 16, 64), 0),
    "pingpong 16 × 64 B, 20 µs of work": ("echo", ("pingpong", 16, 64), 12_000),
    "pingpong 256 × 64 B, 20 µs of work": ("echo", ("pingpong", 256, 64), 12_000),
    "churn 8": ("reply", ("churn", 8), 0),
    "churn 8, 20 µs of work": ("reply", ("churn", 8), 12_000),
}
WARM_UP = 500


def times_of_threads(server):
    """Nanoseconds that each thread of a server has run."""
    tasks = pathlib.Path(f"/proc/{server.pid}/task").iterdir()
    return {int(task.name): int((task / "schedstat").read_text().split()[0]) for task in tasks}


def run_once(mode, words, work, loops, directory, seconds):
    """The rate, and the part of the CPU time that each of the serving threads had, the busiest first."""
    path = directory / "loops.sock"
    path.unlink(missing_ok=True)
    options = [f"loops={loops}", *([f"work={work}"] if work else [])]
    with child([PROGRAMS / "ipckit-bench-server", path, mode, "reply", *options]) as process:
        server = Server(process, path)
        wait_until(server.answers, "the start of a server on several loops")
        server.load(*words, "-n", WARM_UP)
        before = times_of_threads(server)
        rate = server.load(*words, seconds)["rate"]
        after = times_of_threads(server)
    used = sorted((after[thread] - before.get(thread, 0) for thread in after), reverse=True)[:loops]
    return rate, [time / sum(used) for time in used]


def measure(directory, rounds, seconds, say):
    """By case: the rates on one loop and on as many as there are cores, the ratio, and the shares of the loops."""
    count = len(os.sched_getaffinity(0))
    found = {}
    for title, (mode, words, work) in CASES.items():
        alone, together, shares = [], [], []
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}: loops, {title}")
            alone.append(run_once(mode, words, work, 1, directory, seconds)[0])
            rate, share = run_once(mode, words, work, count, directory, seconds)
            together.append(rate)
            shares.append(share)
        found[title] = (
            statistics.median(alone),
            statistics.median(together),
            statistics.median(many / one for many, one in zip(together, alone)),
            [statistics.median(share[place] for share in shares) for place in range(count)],
        )
    return found
