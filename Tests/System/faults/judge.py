"""A service from its start to its end, with a call of its own failing: asked for everything, and judged."""

import contextlib
import errno
import os
import pathlib
import signal
import tempfile

import traced
import windows
from traced import wait

# What is said of a descriptor that was handed over and cannot be looked at, and of a lock that somebody has.
OTHERWISE = "is something else", "Address already in use"
# Calls whose failure may leave the socket's path behind.
UNLINKING = {"unlink", "newfstatat", "statx", "flock", "openat"}


def serves(daemon):
    """Whether it answers its first client as it should."""
    with contextlib.suppress(windows.Silence, windows.Refused, windows.Ended, AssertionError):
        daemon.parts[0](daemon.path)
        return True
    return False


def judge_start(daemon, fault, problems):
    """One that has not become ready, or serves nobody, has ended by itself with a message that names what failed."""
    if not wait(lambda: not traced.is_alive(daemon.pid)):
        problems.append("neither serves nor ends")
        return
    status = daemon.end()
    if status is None or status <= 0 or fault and fault.errno == "EINTR":
        problems.append(f"ended with {status} before it was ready")
    elif not any(line.startswith(f"{daemon.program}: ") and is_named(fault, line) for line in daemon.said().splitlines()):
        problems.append("ended without a message that names the failure")


def is_named(fault, line):
    """Whether a message says what the system does of the error."""
    return not fault or any(words in line for words in OTHERWISE) or os.strerror(getattr(errno, fault.errno, 0)) in line


def ask_everything(daemon, problems):
    """Each part of the scenario on its own; answers which did not go as they should."""
    spoiled = []
    for part in daemon.parts[1:]:
        try:
            part(daemon.path)
        except (windows.Silence, windows.Refused, windows.Ended, AssertionError) as error:
            spoiled.append(f"{part.__name__}: {error or type(error).__name__}")
            if isinstance(error, windows.Silence):
                problems.append(spoiled[-1])
        if not daemon.ready():
            break
    return spoiled


def judge(daemon, fault, whole, problems):
    """Others are served, and all that is open is what is when nothing has failed: `whole`."""
    if not wait(lambda: daemon.is_served(bool(fault and fault.again))):
        problems.append("others are not served")
    if not wait(lambda: not traced.children(daemon.pid)):
        problems.append(f"children left: {traced.children(daemon.pid)}")
    # What could not be opened may be missing.
    if not wait(lambda: traced.has_no_more(daemon.pid, daemon.directory, whole)):
        there = traced.descriptors(daemon.pid, daemon.directory)
        problems.append(f"descriptors: {len(whole)} without a failure, {len(there)} now: {there}")
    if not wait(lambda: traced.is_at_rest(daemon.pid, 0.2)):
        problems.append("works without anything to do")


def judge_end(daemon, fault, problems):
    """Ended by SIGTERM, it takes its windows with it."""
    process = daemon.last_process()
    before = len(daemon.said())
    status = daemon.end()
    if status is None:
        problems.append("does not end")
    elif status != 0 and (status < 0 or f"{daemon.program}: " not in daemon.said()[before:]):
        problems.append(f"SIGTERM ended it with {status}")
    if daemon.left() and not (fault and fault.call in UNLINKING):
        problems.append("the socket's path is left")
    if process and not wait(lambda: traced.state(process) in ("", "Z", "X")):
        problems.append("the window's process is left")
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def use(daemon, fault, whole, problems):
    """A service that has started, from its first client to its end: what was spoiled, and what it has open when idle."""
    first = serves(daemon)
    if not first and not (daemon.ready() and daemon.is_served(True)):
        judge_start(daemon, fault, problems)
        return [], []
    # Nothing is open then that it has inherited.
    daemon.is_served(True)
    before = traced.descriptors_at_rest(daemon.pid, daemon.directory)
    spoiled = ask_everything(daemon, problems)
    if not daemon.ready():
        problems.append(f"ended while it served: {daemon.end()}")
        return [], []
    judge(daemon, fault, whole or before, problems)
    # In one of the looks, what a client or the manager is told by may have been open still.
    idle = min(before, traced.descriptors_at_rest(daemon.pid, daemon.directory), key=len)
    judge_end(daemon, fault, problems)
    return spoiled + [daemon.parts[0].__name__] * (not first), idle


def spoilable(fault, log):
    """How many parts may be spoiled: a call that fails may spoil the conversation that it belongs to, and no other."""
    # Who is interrupted calls again.
    if fault and fault.errno == "EINTR":
        return 0
    failed = traced.injected(log)
    # A message to the manager waits for a shortage to pass.
    passing = fault and fault.errno in ("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "ETOOMANYREFS")
    told = [call for call in failed if passing and any("ipc_notify" == symbol for _, symbol, _ in call.frames)]
    return len(failed) - len(told)


def run(way, programs, fault=None, whole=()):
    """One run: the problems, strace's log, and what is open when idle; `whole` is that of a run in which nothing fails."""
    problems, spoiled, idle = [], [], []
    with tempfile.TemporaryDirectory(prefix="faults-", dir="/tmp") as directory:
        daemon = way(programs, directory, fault)
        try:
            if daemon.ready():
                spoiled, idle = use(daemon, fault, whole, problems)
            else:
                judge_start(daemon, fault, problems)
        finally:
            daemon.clear()
        # The tracer writes what it has when its process has ended.
        wait(lambda: traced.state(daemon.pid) == "")
        log = pathlib.Path(directory, "log")
        text = log.read_text(errors="replace") if log.exists() else ""
        if len(spoiled) > spoilable(fault, text):
            problems.append("spoiled more than failed: " + "; ".join(spoiled))
        if problems:
            problems.append(daemon_words(directory))
        return problems, text, idle


def daemon_words(directory):
    """The last that it said."""
    text = pathlib.Path(directory, "said").read_text(encoding="utf-8", errors="replace")
    return "said: " + " | ".join(text.splitlines()[-3:])
