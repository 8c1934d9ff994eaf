#!/usr/bin/env python3
"""main.py DIRECTORY CYCLES SEED: so many cycles of clients with windowd under a real systemd, restarts among them, and
what came of it in files of the directory that is open as this descriptor. To be run inside by boot-systemd.sh, which
soak.py sees to."""

import json
import pathlib
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[1:1] = [str(TESTS / "systemd"), str(TESTS)]

from checks import Manager, check, checking, failures  # noqa: E402
from crew import Crew  # noqa: E402
from output import Output, Table  # noqa: E402
from quiet import Points  # noqa: E402
from restarts import WAYS, Failed, Standing, perform  # noqa: E402
from windows import Windows  # noqa: E402

# A windowd lives for so many seconds at most, and so many share the first two thirds of all cycles; the last one sees
# the last third, since what grows slowly is only seen in a long life.
LIFE, LIVES = 60, 12
# Each life has so many parts, with a quiet point after each and one at its beginning.
PARTS, LAST_PARTS = 3, 9
# After so many cycles clients are at full speed again.
LEAD = 300
# More failures than these tell nothing new.
ENOUGH = 50
# So that programs that ignore the hang-up do not hold everything up for the usual three seconds.
CONFIGURATION = "hang-up-grace = 1\n"


class Soak:
    """One run."""

    def __init__(self, cycles, manager, windows, output, crew, started):
        self.cycles = cycles
        self.started = self.told = started
        self.manager = manager
        self.crew = crew
        self.output = output
        self.restarts = Table(output.open("restarts.tsv"), ("time", "cycles", "way", "seconds"))
        self.points = Points(manager, windows, output, self.started)
        self.standing = Standing(windows)
        self.life = 0
        self.born = 0

    def work_until(self, cycles, seconds=float("inf")):
        """Lets clients work until they have done so many cycles, or for so long."""
        end = time.monotonic() + seconds
        while self.crew.done < cycles and time.monotonic() < end:
            self.crew.watch(0.1)
            if time.monotonic() - self.told > 10:
                self.tell()

    def tell(self):
        """How far it is."""
        self.told = time.monotonic()
        took = self.told - self.started
        print(
            f"# {took:.0f} s: {self.crew.done} of {self.cycles} cycles, {self.crew.done / took:.0f} a second, windowd "
            f"number {self.life + 1}, {self.crew.tally.failed} failed", flush=True)

    def quiet_point(self, tally):
        """Judges what is when all stand still."""
        done = self.crew.done
        for words in tally.failures:
            check(False, words)
        try:
            self.standing.check_alive()
        except (Failed, TimeoutError) as error:
            check(False, str(error))
        wrong = self.points.judge(self.standing, tally.left, cycles=done, life=self.life, age=done - self.born)
        right = f"{self.points.expected(self.standing)} descriptors for {len(self.standing.known)} windows"
        check(not wrong, f"quiet point {self.points.count}, {done} cycles, windowd number {self.life + 1}",
              "; ".join(wrong) or right)

    def live(self, cycles, seconds, parts):
        """What one windowd sees: so many cycles, unless they take longer."""
        begun = self.crew.done
        for part in range(1, parts + 1):
            self.crew.resume()
            self.work_until(begun + cycles * part // parts, seconds / parts)
            self.quiet_point(self.crew.pause())

    def restart(self, way):
        """One windowd ends amid its clients, and the next begins."""
        self.crew.resume()
        self.work_until(self.crew.done + LEAD, LIFE)
        begun = time.monotonic() - self.started
        done = self.crew.done
        try:
            took = perform(way, self.manager, self.crew)
        except Failed as failure:
            check(False, str(failure))
            took = time.monotonic() - self.started - begun
        self.restarts.add(time=begun, cycles=done, way=way.__doc__, seconds=took)
        self.born = done
        self.life += 1
        self.points.process = self.manager.main_process()
        self.work_until(self.crew.done + LEAD, LIFE)
        tally = self.crew.pause()
        if way is WAYS[2]:
            try:
                self.standing.check_hung_up()
            except Failed as failure:
                check(False, str(failure))
        self.quiet_point(tally)

    def work(self):
        """All of it; the sampler's times."""
        self.quiet_point(self.crew.pause())
        early = self.cycles * 2 // 3
        while self.crew.done < early and len(failures) < ENOUGH:
            self.live(early // LIVES, LIFE, PARTS)
            self.restart(WAYS[self.life % len(WAYS)])
        if len(failures) < ENOUGH:
            self.live(self.cycles - self.crew.done, float("inf"), LAST_PARTS)
        self.quiet_point(self.crew.patience())
        self.tell()
        return self.crew.end()

    def run(self):
        """What came of it, also when it was not brought to its end."""
        times = {}
        with checking("the run is brought to its end"):
            times = self.work()
        return {
            "cycles": self.crew.done, "seconds": time.monotonic() - self.started, "times": times,
            "outcomes": self.crew.tally.outcomes, "failures": failures}


def main(directory, cycles, seed):
    """Runs it; the exit status."""
    output = Output(directory)
    manager = Manager()
    file = pathlib.Path("/root/.config/windowd/windowd.conf")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(CONFIGURATION)
    manager.reset()
    print(f"# {cycles} cycles with seed {seed}", flush=True)
    with Windows(manager) as windows:
        # The processes first, while this one has no threads.
        started = time.monotonic()
        with Crew(manager, seed, output, started) as crew:
            found = Soak(cycles, manager, windows, output, crew, started).run()
    with output.open("summary.json") as summary:
        json.dump(found | {"seed": seed}, summary, indent=1)
    print(f"# {len(failures)} failed" if failures else "# all passed", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
