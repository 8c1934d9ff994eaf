"""Limits where nobody expects them, what is missing around a process, and a clock that jumps."""

import contextlib
import json
import os
import pathlib
import pty
import resource
import subprocess
import tempfile

from checks import becomes, check
from hostile_daemon import Daemon, running, send
from services import HOMELESS, IS_ROOT, NOBODY, connect, run

# Descriptors that are too few to begin with, to let anyone in with, to open a window with, and enough.
DESCRIPTORS = {4: None, 8: None, 12: "open /dev/ptmx: Too many open files", 14: "clone cat: Too many open files", 20: 1}
MEBIBYTE = 1 << 20


def limited(programs, place, *limits, **options):
    """A daemon with these limits, from its beginning."""
    def lower():
        for limit, value in limits:
            resource.setrlimit(limit, (value, value))
    return Daemon(programs, place, preexec_fn=lower, **options)


def fill(daemon):
    """Opens windows until there is room for no more: all else goes on, and when one has gone there is room again."""
    numbers = [1]
    while isinstance(said := daemon.create("cat"), int) and len(numbers) < 20:
        numbers.append(said)
    good = "Too many open files" in str(said) and "pid" in daemon.ask("status")
    daemon.ask("close-window", id=numbers[-1])
    return good and isinstance(daemon.create("cat"), int)


def limits(programs, directory):
    """A limit costs what it forbids, which is told, and nothing stays behind; the next daemon has the path."""
    for number, expected in DESCRIPTORS.items():
        place = pathlib.Path(tempfile.mkdtemp(dir=directory))
        daemon = limited(programs, place, (resource.RLIMIT_NOFILE, number))
        said = daemon.create("cat") if daemon.begins() else None
        if said == 1:
            check(fill(daemon), f"with {number} descriptors others are served when no window opens any more")
        status = daemon.end()
        good = said == expected and status == (1 if expected is None else 0)
        check(good and not daemon.path.exists(), f"with {number} descriptors", said or daemon.said().strip())
    harmless = {"pending signals": resource.RLIMIT_SIGPENDING, "locked memory": resource.RLIMIT_MEMLOCK,
                "files, its log among them,": resource.RLIMIT_FSIZE}
    for name, limit in harmless.items():
        place = pathlib.Path(tempfile.mkdtemp(dir=directory))
        daemon = limited(programs, place, (limit, 0))
        # Without a log there is nothing to wait for but its socket.
        said = daemon.begins_to_answer() and daemon.create("cat")
        check(said == 1 and daemon.end() == 0, f"with no {name} it serves", said)
    place = pathlib.Path(tempfile.mkdtemp(dir=directory))
    for limit, value in (resource.RLIMIT_AS, 8 * MEBIBYTE), (resource.RLIMIT_DATA, MEBIBYTE), (
            resource.RLIMIT_STACK, MEBIBYTE // 64):
        daemon = limited(programs, place, (limit, value))
        check(not daemon.begins() and daemon.end() != 0 and not daemon.path.exists(), "without memory it ends at once")
    daemon = Daemon(programs, place)
    check(daemon.begins() and daemon.end() == 0, "and has taken nothing from the next one")


def memory(programs, directory):
    """Memory that is taken away while it serves: it goes on as far as that goes, and then it ends at once."""
    for spare, goes_on in (16 * MEBIBYTE, True), (0, False):
        place = pathlib.Path(tempfile.mkdtemp(dir=directory))
        daemon = Daemon(programs, place)
        daemon.begins()
        pages = int(pathlib.Path(f"/proc/{daemon.process.pid}/statm").read_text().split()[0])
        size = pages * resource.getpagesize() + spare
        resource.prlimit(daemon.process.pid, resource.RLIMIT_AS, (size, size))
        count = 0
        with contextlib.suppress(OSError, TypeError):
            while count < 50 and daemon.ask("create-window", command=["cat"])["id"]:
                count += 1
        ended = becomes(lambda daemon=daemon: daemon.process.poll()) if not goes_on else None
        good = count == 50 and daemon.end() == 0 if goes_on else ended < 0 and daemon.end() < 0
        check(good, f"with {spare >> 20} MiB to spare it {'serves' if goes_on else 'ends at once'}", f"{count} windows, {ended}")
        daemon = Daemon(programs, place)
        check(daemon.begins() and daemon.end() == 0, "and the next one has the path")


def processes(programs, directory):
    """A user who may have no more processes is told so."""
    place = pathlib.Path(tempfile.mkdtemp(dir=directory))
    place.chmod(0o777)
    with running(programs, place, path=place / "own/s", env=os.environ | HOMELESS, before=(
            "setpriv", f"--reuid={NOBODY}", "--clear-groups", "sh", "-c",
            'mkdir -m 700 "$0"; exec prlimit --nproc=2 "$@"', place / "own")) as daemon:
        said = [daemon.create("cat") for _ in range(2)]
        check(said == [1, "clone cat: Resource temporarily unavailable"], "without processes no window opens", said)
        master, terminal = pty.openpty()
        os.fchown(terminal, NOBODY, -1)
        with connect(daemon.path) as connection, connection.makefile("rb") as answers:
            send(connection, b'{"attach":{"id":1}}\n', terminal)
            said = json.loads(answers.readline())
        good = "pthread_create: Resource temporarily unavailable" in said["error"]["message"]
        check(good, "nor is one shown, for want of a thread", said)
        os.close(master)
        os.close(terminal)
        check("pid" in daemon.ask("status"), "and the rest goes on")


# Mounts of its own, so that what is taken away is taken from it alone. $0: the programs; $1: a directory.
WITHOUT_PROC = 'umount -Rl /proc; exec "$0/windowd" --socket "$1/s"'
FEW_TERMINALS = """
mount -t devpts -o newinstance,ptmxmode=0666,max=2 none /dev/pts && mount --bind /dev/pts/ptmx /dev/ptmx || exit 99
exec "$@"
"""
FULL = 'mount -t tmpfs -o nr_inodes=%d none "$1" && exec "$0/windowd" --socket "$1/s"'
READ_ONLY = 'mount -t tmpfs -o ro none "$1" && exec "$0/windowd" --socket "$1/s"'


def apart(programs, directory, script):
    """The outcome of a script with mounts of its own."""
    place = tempfile.mkdtemp(dir=directory)
    outcome = run("unshare", "--mount", "sh", "-c", script, programs, place)
    return outcome.returncode, (outcome.stdout + outcome.stderr).strip()


def surroundings(programs, directory):
    """What is missing is named."""
    if not IS_ROOT:
        return print("SKIPPED - mounts and other users take root", flush=True)
    processes(programs, directory)
    status, said = apart(programs, directory, WITHOUT_PROC)
    check(status == 64 and "is /proc there?" in said, "without /proc it does not serve elsewhere", said)
    for script, expected in (
            (READ_ONLY, "s.lock: Read-only file system"), (FULL % 1, "s.lock: No space left on device"),
            (FULL % 2, "s: No space left on device")):
        status, said = apart(programs, directory, script)
        check(status == 1 and said.endswith(expected), "a place where nothing can be made", said)
    place = pathlib.Path(tempfile.mkdtemp(dir=directory))
    outcome = run(programs / "windowd", "--socket", place / "s", user=NOBODY, env=os.environ | HOMELESS)
    good = outcome.returncode == 1 and outcome.stderr.strip().endswith("s.lock: Permission denied")
    check(good, "a place that is another's", outcome.stderr.strip())
    with running(programs, place, before=("unshare", "--mount", "sh", "-c", FEW_TERMINALS, "sh")) as daemon:
        before = daemon.at_rest()
        said = [daemon.create("cat") for _ in range(3)]
        good = said == [1, 2, "open /dev/ptmx: No space left on device"]
        check(good, "without terminals no window opens", said)
        daemon.ask("close-window", id=1)
        check(daemon.create("cat") == 4, "until there is one again")
        for number in 2, 4:
            daemon.ask("close-window", id=number)
        daemon.check_rest(before, "terminals that were not to be had")


# What the C library tells a program of the time of day, moved by as many seconds as stand in a file.
CLOCK = r"""
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long moved(void) {
  long seconds = 0;
  FILE *file = fopen(getenv("HOSTILE_CLOCK"), "r");
  if (file && fscanf(file, "%ld", &seconds) != 1) seconds = 0;
  if (file) fclose(file);
  return seconds;
}
int clock_gettime(clockid_t clock, struct timespec *now) {
  int result = (int)syscall(SYS_clock_gettime, clock, now);
  if (result == 0 && clock == CLOCK_REALTIME) now->tv_sec += moved();
  return result;
}
time_t time(time_t *now) {
  struct timespec found;
  clock_gettime(CLOCK_REALTIME, &found);
  if (now) *now = found.tv_sec;
  return found.tv_sec;
}
int gettimeofday(struct timeval *now, void *zone) {
  (void)zone;
  *now = (struct timeval){.tv_sec = time(NULL)};
  return 0;
}
"""


def clocks(programs, directory):
    """The time of day jumps: what is measured goes on, and only what is told in it jumps too."""
    (directory / "clock.c").write_text(CLOCK)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", directory / "clock.so", directory / "clock.c"], check=True)
    now = directory / "now"
    now.write_text("0")
    environment = os.environ | {"LD_PRELOAD": str(directory / "clock.so"), "HOSTILE_CLOCK": str(now)}
    with running(programs, directory, env=environment) as daemon, connect(daemon.path) as half, connect(
            daemon.path) as waiting, waiting.makefile("rb") as told, half.makefile("rb") as answers:
        number = daemon.create("sleep", "100")
        half.sendall(b'{"sta')
        waiting.sendall(b'{"wait":{"id":%d}}\n' % number)
        uptimes, opened, ticks = [], [], daemon.ticks()
        for jump in 0, 7200, -7200, 10**9, -10**9:
            now.write_text(str(jump))
            uptimes.append(daemon.ask("status")["uptime"])
            opened.append(daemon.window(daemon.create("sleep", "100"))["opened"] - jump)
        check(uptimes == sorted(uptimes) and uptimes[-1] < 60, "uptime goes on", uptimes)
        check(max(opened) - min(opened) < 60, "windows are opened at the time of day", opened)
        check(daemon.ticks() - ticks < 50, "nothing spins")
        now.write_text("0")
        idle = Daemon(programs, pathlib.Path(tempfile.mkdtemp(dir=directory)), arguments=("--idle-exit", "1"),
                      env=environment)
        idle.begins()
        now.write_text(str(-10**9))
        check(becomes(lambda: idle.process.poll() == 0), "and who is idle ends in his time")
        idle.end()
        half.sendall(b'tus":{}}\n')
        check(b'"pid":' in answers.readline(), "a message that was on its way arrives")
        daemon.ask("close-window", id=number)
        check(told.readline() == b'{"exit":{"signal":1},"id":%d}\n' % number, "and who waits is told the end")
