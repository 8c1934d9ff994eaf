"""Programs that are run to their end beside a windowd that is well: windowctl's subcommands, and fdwatch."""

import concurrent.futures
import contextlib
import fcntl
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import termios

import lasting
import traced
import windows
from traced import wait

# Without these, fdwatch cannot end a command, nor be told to, and ends when that ends by itself.
ENDING = {"kill", "pidfd_send_signal"}


class Command:
    """A command line, which may hold {pid} and {directory}, its status, and those that it may have when a call fails."""

    def __init__(self, program, *arguments, on_terminal=False, alone=False, succeeds=0, statuses=(1, 3, 4), takes_long=True):
        self.program, self.arguments, self.on_terminal, self.alone = program, arguments, on_terminal, alone
        self.succeeds, self.statuses = succeeds, statuses
        # Whether it tries little that others do not, for the time that it takes.
        self.takes_long = takes_long
        self.name = " ".join([program, *arguments]).replace(" {pid}", "").replace("{directory}/", "")
        # What a run without a failure prints, and ends with.
        self.expected = None

    def run(self, programs, fault=None, _=()):
        problems = []
        with tempfile.TemporaryDirectory(prefix="faults-", dir="/tmp") as directory:
            path = f"{directory}/w.sock"
            # windowctl loads nothing: it is the answers to it that come in pieces.
            short = fault if isinstance(fault, traced.Short) and self.program == "windowctl" else None
            daemon = None if self.alone else start(programs, path, short.variables(f"{directory}/log") if short else {})
            try:
                idle = daemon and prepare(daemon, path, directory)
                outcome = self.outcome(programs, directory, fault, daemon, path)
                if daemon:
                    judge_daemon(daemon, path, directory, idle, problems)
            finally:
                if daemon:
                    daemon.kill()
                    daemon.wait()
                else:
                    end(programs, path)
            if fault and fault.lasts:
                return problems, lasting.judge_command(self, outcome, fault, directory, problems), []
            self.judge(outcome, fault, problems)
            log = pathlib.Path(directory, "log")
            return problems, log.read_text(errors="replace") if log.exists() else "", []

    def outcome(self, programs, directory, fault, daemon, path):
        """The command's status, output and errors; what it leaves its terminal like is judged there."""
        places = {"pid": daemon.pid if daemon else "", "directory": directory}
        arguments = [argument.format_map(places) for argument in self.arguments]
        environment = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": "/", "WINDOWD_SOCKET": path, "TERM": "xterm"}
        program, log = f"{programs}/{self.program}", f"{directory}/log"
        if not self.on_terminal:
            return traced.run(program, arguments, log, fault, environment, stdin=subprocess.DEVNULL)
        user, own = windows.terminal()
        try:
            settings = termios.tcgetattr(own)
            # As a shell starts it: with this terminal as its own.
            options = {"stdin": own, "start_new_session": True,
                       "preexec_fn": lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)}
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                running = pool.submit(traced.run, program, arguments, log, fault, environment, **options)
                # Once windowd has the terminal; before that, the key would be a signal.
                wait(lambda: running.done() or not termios.tcgetattr(own)[3] & termios.ICANON)
                if not (fault and fault.lasts):
                    os.write(user, b"typed\r\x1c")
                # It must not become deaf. Once it has ended, the terminal is nobody's.
                elif (leader := os.tcgetpgrp(user)) > 0:
                    os.kill(leader, signal.SIGTERM)
                status, output, errors = running.result()
            # A client that has failed may be gone before windowd is done with its terminal.
            if not wait(lambda: termios.tcgetattr(own) == settings):
                status, errors = None, f"{errors} leaves the terminal as the window had it"
            elif status in (-signal.SIGTERM, 128 + signal.SIGTERM):
                status = self.succeeds
            return status, output, errors
        finally:
            os.close(user)
            os.close(own)

    def judge(self, outcome, fault, problems):
        status, output, errors = outcome
        # How wide a column is hangs on the numbers in it.
        output = re.sub(r" +", " ", re.sub(r"\d+", "N", output))
        if not fault:
            self.expected = (status, output)
            if status != self.succeeds:
                problems.append(f"ended with {status}: {errors}")
        elif (status, output) == self.expected or self.program == "fdwatch" and complete(outcome):
            pass
        elif fault.call in ENDING and (status is None or fault.lasts and status == 0):
            pass
        elif status is None:
            problems.append(f"does not end, or not well: {errors}")
        elif fault.errno == "EINTR":
            problems.append(f"was interrupted, and ended with {status}: {output[:200]!r} {errors}")
        elif status == self.succeeds:
            problems.append(f"claims success with another answer: {output[:200]!r} {errors}")
        elif status not in self.statuses:
            problems.append(f"ended with {status}: {errors}")
        elif f"{self.program}: " not in errors:
            problems.append(f"ended with {status}, without a message: {errors}")


def complete(outcome):
    """Whether a report tells of as many descriptors as there are, or that it misses some."""
    if outcome[0] != 0:
        return False
    try:
        snapshot = json.loads(outcome[1].splitlines()[-1])["snapshot"]
    except (ValueError, KeyError, IndexError):
        return False
    return len(snapshot["descriptors"]) + snapshot["missed"] >= 11


def start(programs, path, variables):
    """A windowd without a tracer."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/", "SHELL": "/bin/sh"} | variables
    daemon = subprocess.Popen([f"{programs}/windowd", "--socket", path], stdin=subprocess.DEVNULL, env=environment,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait(lambda: windows.listens(path))
    return daemon


def prepare(daemon, path, directory):
    """Window 1 has ended, and window 2 runs; answers the idle descriptors, without them."""
    windows.status(path)
    idle = traced.descriptors_at_rest(daemon.pid, directory)
    windows.ask(path, {"wait": {"id": windows.create(path, "true")}})
    window = windows.create(path, "sh", "-c", "echo hello; exec cat")
    wait(lambda: "hello" in windows.ask(path, {"show": {"id": window}})["output"].get("utf8", ""))
    return idle


def judge_daemon(daemon, path, directory, idle, problems):
    """Whatever became of the client, windowd keeps nothing of it."""
    for window in windows.ask(path, {"list-windows": {}})["windows"]:
        # One that has just ended is gone already.
        with contextlib.suppress(windows.Refused):
            windows.close(path, window["id"])
    if not wait(lambda: traced.has_no_more(daemon.pid, directory, idle)):
        problems.append(f"windowd: {len(idle)} descriptors before, {traced.descriptors(daemon.pid, directory)} now")


def end(programs, path):
    """Ends the windowd that the command itself has started, if it has."""
    if windows.listens(path):
        os.kill(windows.ask(path, {"status": {}})["pid"], 15)
        wait(lambda: not os.path.exists(path))


COMMANDS = [
    Command("windowctl", "list-windows"),
    Command("windowctl", "--json", "list-windows"),
    Command("windowctl", "create-window", "-e", "true"),
    Command("windowctl", "create-window", "--wait", "-e", "sh", "-c", "exit 3", succeeds=3, statuses=(1, 3, 4, 125),
            takes_long=False),
    Command("windowctl", "show", "2"),
    Command("windowctl", "wait", "--exit-status", "1", statuses=(1, 3, 4, 125)),
    Command("windowctl", "config", "size=90x20"),
    Command("windowctl", "get-config"),
    Command("windowctl", "close-window", "2"),
    Command("windowctl", "attach", "2", on_terminal=True, takes_long=False),
    Command("windowctl", "create-window", "--start", "-e", "cat", alone=True, takes_long=False),
    Command("fdwatch", "{pid}", "--json", statuses=(1,)),
    Command("fdwatch", "{pid}", "--interval", "10ms", "--count", "3", "--json", statuses=(1,)),
    Command("fdwatch", "{pid}", "--save", "{directory}/saved", "--json", statuses=(1,)),
    Command("fdwatch", "--json", "--warm-up", "0", "--run", "true", alone=True, statuses=(1, 2, 126, 127),
            takes_long=False),
    # As somebody else would who wants to end both: fdwatch hands it on.
    Command("fdwatch", "--json", "--warm-up", "0", "--run", "sh", "-c", "kill $PPID; sleep 60; true", alone=True,
            succeeds=128 + signal.SIGTERM, statuses=(1, 2, 126, 127)),
]
