"""Windows that outlive their windowd: a restart, a kill, an abort and a watchdog that barks, and nothing is lost."""

import contextlib
import os
import pathlib
import signal

from checks import becomes, check, wait_until
from windows import started_at

# While this file exists no windowd comes up, so that what happens in the gap does happen there.
HOLD = pathlib.Path("/run/hold")
GAP = f"""[Service]
ExecStartPre=/bin/sh -c 'while [ -e {HOLD} ]; do sleep 0.02; done'
"""
WATCHDOG = "[Service]\nWatchdogSec=8s\n"


@contextlib.contextmanager
def gap(manager, way):
    """The time between one windowd and the next; `way` ends the first."""
    HOLD.touch()
    process = manager.main_process()
    started = started_at(process)
    try:
        way(manager, process)
        wait_until(lambda: started_at(process) != started, "windowd goes")
        yield
    finally:
        HOLD.unlink()
    wait_until(lambda: manager.state() == "active" and manager.main_process() not in (0, process), "windowd comes back")


def restart(manager, _):
    """Whoever asks systemd for it."""
    manager.control("restart", "--no-block", "windowd.service")


def kill(_, process):
    """kill -9."""
    os.kill(process, signal.SIGKILL)


def abort(_, process):
    """SIGABRT."""
    os.kill(process, signal.SIGABRT)


def watchdog(_, process):
    """A windowd that hangs, until the watchdog bites."""
    os.kill(process, signal.SIGSTOP)


WAYS = {"systemctl restart": restart, "kill -9": kill, "SIGABRT": abort, "the watchdog": watchdog}


def everything(count, ways=tuple(WAYS)):
    """Checks that nothing of so many windows is lost, one way after the other."""

    def survival(manager, windows):
        manager.drop_in(GAP + WATCHDOG)
        numbers = windows.create_many(count)
        check(len(set(numbers)) == count, f"{count} windows are open", len(set(numbers)))
        stored(manager, 3 * count, "three descriptors for each are in the store")
        before = windows.listed()
        check(sorted(before) == sorted(numbers), "they are listed", len(before))
        words = []
        for turn, way in enumerate(ways):
            survives(manager, windows, way, {number: before[number] for number in numbers}, words, turn)
        newest = max(numbers)
        windows.close([newest])
        with gap(manager, kill):
            pass
        number = windows.create("later")
        check(number > newest, "no id comes twice, not even that of the last one closed", f"{number} after {newest}")
        windows.close([number for number in windows.listed()])
        stored(manager, 0, "with all windows closed the store is empty")

    survival.__doc__ = f"{count} windows, and nothing is lost."
    return survival


def survives(manager, windows, way, before, words, turn):
    """One way for windowd to go, and a look at every window after it."""
    alive = {number: started_at(window["pid"]) for number, window in before.items()}
    for moment in ("before", "gap", "after"):
        words.append(f"{moment}-{turn}")
    windows.say(words[-3], before)
    with gap(manager, WAYS[way]):
        windows.say(words[-2], before)
    after = windows.listed()
    lost = [number for number in before if after.get(number) != before[number]]
    check(not lost, f"{way}: ids, titles, commands, processes and sizes are the same", f"{len(lost)} lost")
    dead = [number for number, window in before.items() if started_at(window["pid"]) != alive[number]]
    check(not dead, f"{way}: the shells are alive", f"{len(dead)} dead")
    windows.say(words[-1], [number for number in before if number not in dead])

    def complete(number):
        shown = windows.output(number)
        return all(f"heard {word} " in shown for word in words)

    # What was said last may be on its way still.
    becomes(lambda: all(windows.each(complete, before)))
    missing = [number for number in before if not complete(number)]
    check(not missing, f"{way}: what was printed before, in the gap and after is shown", f"{len(missing)} incomplete")
    stored(manager, 3 * len(before), f"{way}: three descriptors for each are in the store")


def stored(manager, expected, what):
    """The store becomes as large as it must be."""
    good = becomes(lambda: manager.stored() == expected)
    check(good, what, manager.stored())
