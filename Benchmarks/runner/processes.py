"""Children that never outlive the runner, each ended by its own id."""

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import time

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1
# Longer than any single run; whatever takes longer hangs.
PATIENCE = 300


class Failed(Exception):
    """A run went wrong; its message says how."""


def wide_file_limit():
    """Raises this process's limit of open files, and so its children's; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


@contextlib.contextmanager
def child(command, core=None, **options):
    """Runs `command`, on one core if told so, and kills it at the end of the block if it still runs."""

    def prepare():
        # Even a runner that was killed leaves nothing behind.
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if core is not None:
            os.sched_setaffinity(0, {core})

    process = subprocess.Popen([str(word) for word in command], preexec_fn=prepare, text=True, **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()


def output_of(command, core=None):
    """What a command prints; Failed if it ends with anything but 0."""
    with child(command, core, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failed(f"{command[0]} did not end within {PATIENCE} s") from None
    if process.returncode:
        raise Failed(f"{' '.join(map(str, command))}: ended with {process.returncode}: {err.strip()}")
    return out


def fields(line):
    """`a=1 b=2.5` as numbers."""
    return {key: float(value) for key, value in (word.split("=") for word in line.split())}


def wait_until(condition, what, seconds=10):
    """Looks again and again."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"{what} did not happen within {seconds} s")
        time.sleep(0.01)
