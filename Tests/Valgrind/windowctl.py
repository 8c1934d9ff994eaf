#!/usr/bin/env python3
"""Each of windowctl's commands under valgrind, beside a windowd that nobody watches: done, refused, without an answer.

As root, a daemon of another user's is tried too. Exit status: 0 all is as it should be; 1 something is not.
"""

import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True

from watched import BUILD, Run, Terminal, control, daemon, tried  # noqa: E402
from checks import check, checking, failures, wait_until  # noqa: E402

# Long enough for a program that takes seconds to start.
TIMEOUT = "--timeout=60"


def commands(directory):
    """All that needs no terminal."""

    def run(status, *arguments, saying="", **options):
        return Run(directory, *arguments, **options).ends(status, saying)

    with daemon(directory):
        window = run(0, "create-window", "--title", "first", "-e", "sh", "-c", "echo printed; exec cat").strip()
        run(0, "list-windows", saying="first")
        run(0, "list-windows", "--json", saying='"windows"')
        wait_until(lambda: "printed" in control(directory, "show", window), "the window has printed")
        run(0, "show", window, saying="printed")
        run(0, "resize-window", window, "100", "30")
        run(0, "config", "--window", window, "hold=true")
        run(0, "config", "scrollback=65536")
        run(0, "get-config", "--window", window, saying="hold = true")
        run(0, "status", saying="descriptors")
        run(0, "status", "--descriptors", saying="terminal master")
        run(0, "config", "--window", window, "--reset")
        waiting = Run(directory, "wait", "--exit-status", window)
        run(0, "close-window", window)
        waiting.ends(129, f"window {window}")
        run(0, "wait", window, saying=f"window {window}")
        run(7, "create-window", "--wait", "-e", "sh", "-c", "exit 7")
        options = ["--working-directory", "/", "--class", "a,b", "--hold", "--env", "A=b", "-o", "scrollback=4096"]
        run(0, "create-window", *options)
        # Refused.
        run(1, "create-window", "-e", "/nonexistent/program", saying="program")
        run(1, "create-window", "--working-directory", "/nonexistent", saying="nonexistent")
        run(125, "create-window", "--wait", "-e", "/nonexistent/program")
        run(1, "config", "nonsense=1", "scrollback=many")
        run(1, "get-config", "--window", "4711", "--json", saying='"error"')
        for more in (["show"], ["wait"], ["close-window"]):
            run(1, *more, "4711", saying="4711")
        run(125, "wait", "--exit-status", "4711")
        run(1, "resize-window", "4711", "1", "1", saying="4711")
        run(1, "attach", window, saying="terminal")
        # Not understood.
        run(64, "show", "none")
        run(64, "no-such-command")
        run(64, "list-windows", "--timeout", "-1")
    for command in ("help", "--help", "--version"):
        run(0, command)


def absent(directory):
    """Nobody serves, or not as a daemon does."""
    arguments = [["list-windows"], ["status", "--json"], ["config"], ["get-config"], ["create-window"]]
    for more in [*arguments, ["show", "1"], ["wait", "1"], ["close-window", "1"], ["resize-window", "1", "1", "1"]]:
        Run(directory, *more).ends(3, "no-daemon" if "--json" in more else "nobody serves")
    Run(directory, "list-windows", "--socket", "/" + "x" * 5000).ends(1)
    answers = {"": "without an answer", "nonsense\n": "the answer is not what", None: "no answer in time"}
    for answer, said in answers.items():
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(directory / "socket"))
            listener.listen()
            server = threading.Thread(target=serve_one, args=(listener, answer))
            server.start()
            limit = "--timeout=1" if answer is None else TIMEOUT
            # What can be asked twice would be asked again.
            Run(directory, "create-window", limit).ends(4 if answer is None else 1, said)
            server.join()
        (directory / "socket").unlink()
    if os.geteuid() == 0:
        os.chown(directory, 65534, 65534)
        with daemon(directory, user=65534, group=65534, extra_groups=[]):
            Run(directory, "list-windows").ends(1, "not trusted")
            Run(directory, "list-windows", "--server-uid", "65534").ends(0)


def serve_one(listener, answer):
    """A daemon for one client: reads its request, and says something else, nothing, or nothing for ever."""
    connection, _ = listener.accept()
    with connection:
        connection.recv(4096)
        if answer is None:
            # Until the client has gone.
            connection.recv(4096)
        else:
            connection.sendall(answer.encode())


def starts(directory):
    """A daemon that is started when it is needed, and one that cannot be."""
    window = Run(directory, "create-window", "--start", TIMEOUT, "-e", "cat").ends(0).strip()
    process = int(json.loads(control(directory, "status", "--json"))["pid"])
    check(window == "1" and process > 0, "a daemon was started", process)
    pidfd = os.pidfd_open(process)
    signal.pidfd_send_signal(pidfd, signal.SIGTERM)
    select.select([pidfd], [], [])
    os.close(pidfd)
    lost = {"WINDOWD_SOCKET": f"{directory}/missing/socket"}
    Run(directory, "create-window", "--start", TIMEOUT, **lost).ends(1, "cannot start windowd")
    # Alone where it stands, and with nothing in PATH.
    alone = directory / "alone"
    alone.mkdir()
    program = pathlib.Path(shutil.copy(BUILD / "windowctl", alone))
    path = str(pathlib.Path(shutil.which("valgrind")).parent)
    Run(directory, "create-window", "--start", TIMEOUT, program=program, PATH=path).ends(1, "cannot start windowd")


def attaches(directory):
    """A window on a terminal: detached, ended, taken over, left by a signal, without a daemon, refused."""

    def visit(*arguments):
        terminal = Terminal()
        return terminal, Run(directory, *arguments, terminal=terminal.side)

    with daemon(directory) as served:
        window = control(directory, "create-window", "-e", "sh", "-c", "echo printed; exec cat").strip()
        terminal, run = visit("attach", window)
        terminal.shows("printed")
        terminal.type(b"typed\r\x1c")
        run.ends(0)
        terminal.shows("detached")
        terminal, run = visit("attach", window)
        # A size tells that the window has come: before that a signal ends windowctl as it ends any program.
        terminal.resize(91, 31)
        wait_until(lambda: "91x31" in control(directory, "list-windows"), "the window has the terminal's size")
        run.process.send_signal(signal.SIGTERM)
        run.ends(143)
        terminal.shows("detached")
        terminal, run = visit("attach", window)
        terminal.shows("printed")
        refused = visit("attach", window)
        refused[1].ends(1)
        other = visit("attach", "--steal", "--detach-key", "^A", window)
        run.ends(1)
        terminal.shows("taken over")
        watching = visit("attach", "--read-only", window)
        watching[0].shows("printed")
        watching[1].process.send_signal(signal.SIGWINCH)
        control(directory, "close-window", window)
        other[1].ends(0)
        watching[1].ends(0)
        terminal, run = visit("attach", "4711")
        run.ends(1)
        terminal.shows("4711")
        arguments = ["--attach", "--wait", "-e", "sh", "-c", "echo printed; read line; exit 6"]
        terminal, run = visit("create-window", *arguments)
        terminal.shows("printed")
        terminal.type(b"\r")
        run.ends(6)
        arguments = ["--attach", "--timeout", "2", "-e", "sh", "-c", "echo printed; exec cat"]
        terminal, run = visit("create-window", *arguments)
        terminal.shows("printed")
        served.kill()
        run.ends(3)
    visit("attach", window)[1].ends(3)


def main():
    """Prints a line for each check."""
    for trial in (commands, absent, starts, attaches):
        with tempfile.TemporaryDirectory(prefix="valgrind-") as name, checking(f"{trial.__name__} to its end"):
            trial(pathlib.Path(name))
    listed = subprocess.run([BUILD / "windowctl", "--help"], capture_output=True, text=True, check=True).stdout
    known = set(re.findall(r"^  ([a-z-]+) ", listed.partition("SUBCOMMANDS:")[2], re.MULTILINE))
    check(known and known <= tried, "every command is tried", " ".join(sorted(known - tried)) or len(known))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
