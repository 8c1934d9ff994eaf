"""Clients that send what nobody wants, in numbers, and programs in windows that do not behave."""

import contextlib
import ctypes
import os
import pathlib
import pty
import select
import sys
import threading
import time

from checks import PATIENCE, becomes, check, wait_until
from hostile_daemon import running, send
from services import HOMELESS, IS_ROOT, NOBODY, connect, run

PIDFD_GETFD = 438
# Users that nobody is.
STRANGERS = (60331, 60332)


def strange(daemon):
    """Descriptors that show no window, by what they are."""
    process = os.pidfd_open(daemon.process.pid)
    for number, kind in daemon.held().items():
        # Its own, taken as a debugger would.
        own = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, process, number, 0)
        if own >= 0:
            yield f"its own {number}, {kind}", own
    yield "its process", process
    yield "a connection to it", connect(daemon.path).detach()
    for path in (f"/proc/{daemon.process.pid}/fd", "/proc/self/mem", "/dev/zero", "/dev/full", "/", "/dev/ptmx"):
        yield path, os.open(path, os.O_RDONLY)
        yield f"{path}, as a path alone", os.open(path, os.O_PATH)
    master, terminal = pty.openpty()
    yield "a terminal as a path alone", os.open(os.ttyname(terminal), os.O_PATH)
    os.close(master)
    yield "a terminal that was hung up", terminal
    master, terminal = pty.openpty()
    os.close(terminal)
    yield "a master", master
    outer, inner = select.epoll(), select.epoll()
    outer.register(inner.fileno(), select.EPOLLIN)
    yield "an epoll instance in another", os.dup(outer.fileno())
    reading, writing = os.pipe()
    os.close(reading)
    yield "a pipe that nobody reads", writing
    yield "a file in memory", os.memfd_create("hostile")


def descriptors(programs, directory):
    """Whatever comes in the place of a terminal is refused and closed, and nobody waits for it."""
    with running(programs, directory) as daemon:
        window = daemon.create("cat")
        before, count, wrong = daemon.at_rest(), 0, []
        for name, number in strange(daemon):
            with connect(daemon.path) as connection, connection.makefile("rb") as answers:
                send(connection, b'{"attach":{"id":%d}}\n' % window, number)
                os.close(number)
                answer = answers.readline()
            count += 1
            if b'"code":"no-terminal"' not in answer:
                wrong.append((name, answer))
        check(not wrong and count > 25, f"{count} kinds of descriptors that are no terminal are refused", wrong)
        daemon.check_rest(before, "strange descriptors")


def floods(programs, directory):
    """Full messages, as fast as they go, from several clients at once."""
    null = os.open("/dev/null", os.O_RDONLY)
    counts = {"full messages": 0, "half messages": 0, "connections": 0}
    served = 0

    def is_over():
        """After a second in which something has come of everything."""
        passed = time.monotonic() - begun
        return passed > PATIENCE or passed > 1 and min(counts.values()) > 10 and served > 0

    def flood(name, line, *rights):
        while not is_over():
            with contextlib.suppress(OSError), connect(daemon.path) as connection:
                for _ in range(20 if rights else 1):
                    if line:
                        send(connection, line, *rights)
                    counts[name] += 1

    with running(programs, directory) as daemon:
        before = daemon.at_rest()
        floods_of = [("full messages", b'{"status":{}}\n', *[null] * 253)] * 2
        floods_of += [("half messages", b'{"create-window":{"comm'), ("connections", b"")]
        threads = [threading.Thread(target=flood, args=arguments) for arguments in floods_of]
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        while not is_over():
            served += "id" in daemon.ask("create-window", command=["true"])
        for thread in threads:
            thread.join()
        check(min(counts.values()) > 10 and served > 0, "clients are served in a flood", f"{served} beside {counts}")
        daemon.check_rest(before, "floods")
        check(daemon.memory() < 64 << 10, "and memory is what it was", f"{daemon.memory()} KiB")
    os.close(null)


# Holds as many connections as it is let have, and comes again as fast as it can for a second, and until that was often.
CROWD = """
import socket, sys, time
deadline, held, away = time.monotonic() + 1, [], 0
while away < 50 or time.monotonic() < deadline:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(sys.argv[1])
    try:
        connection.sendall(b'{"status":{}}\\n')
        if not connection.recv(10): raise ConnectionResetError
        held.append(connection)
    except (BrokenPipeError, ConnectionResetError):
        away += 1
print(len(held), away)
"""


def crowds(programs, directory):
    """One who is let in takes all that there is of connections; there is as much again for others."""
    if not IS_ROOT:
        return print("SKIPPED - being other users takes root", flush=True)
    directory.chmod(0o777)
    with running(programs, directory, path=directory / "own/s", env=os.environ | HOMELESS, before=(
            "setpriv", f"--reuid={NOBODY}", "--clear-groups", "sh", "-c",
            'mkdir -m 700 "$0"; exec prlimit --nofile=100 "$@"', directory / "own")) as daemon:
        before = daemon.at_rest()
        outcomes = []
        crowd = threading.Thread(target=lambda: outcomes.append(
            run("/usr/bin/python3", "-c", CROWD, daemon.path, user=NOBODY)))
        crowd.start()
        served = 0
        while crowd.is_alive():
            served += "id" in daemon.ask("create-window", command=["true"])
        held, away = map(int, outcomes[0].stdout.split() or (0, 0))
        good = 20 < held < 50 and away > 20 and served > 0
        check(good, "a crowd of one user leaves others their half", f"{held} held, {away} sent away, {served} served")
        daemon.check_rest(before, "a crowd of one user")


KNOCK = """
import socket, sys, time
deadline = time.monotonic() + 1
refused = 0
while refused < 20 or time.monotonic() < deadline:
    with socket.socket(socket.AF_UNIX) as knocking:
        try:
            knocking.connect(sys.argv[1])
            knocking.sendall(b'{"create-window":{"command":["false"]}}\\n')
            said = knocking.recv(100)
        except (BrokenPipeError, ConnectionResetError):
            said = b""
        if said: sys.exit("served: %s" % said)
        refused += 1
print(refused)
"""


def strangers(programs, directory):
    """Other users knock as often as they can; none is heard, and those who may are."""
    if not IS_ROOT:
        return print("SKIPPED - being other users takes root", flush=True)
    with running(programs, directory) as daemon:
        before = daemon.at_rest()
        daemon.path.chmod(0o666)
        outcomes = []
        threads = [
            threading.Thread(target=lambda user=user: outcomes.append(
                run("/usr/bin/python3", "-c", KNOCK, daemon.path, user=user)))
            for user in STRANGERS]
        for thread in threads:
            thread.start()
        served = 0
        while any(thread.is_alive() for thread in threads):
            served += "id" in daemon.ask("create-window", command=["true"])
        knocks = [outcome.stdout.strip() or outcome.stderr for outcome in outcomes]
        good = all(knock.isdigit() and int(knock) > 10 for knock in knocks) and served > 0
        check(good, "other users are refused before they are heard, and root is served", f"{served} beside {knocks}")
        daemon.check_rest(before, "strangers")
        windows = daemon.create("true")
        check(windows == served + 1, "and opened nothing", windows)


MISBEHAVING = {
    "closes its terminal and lives on": "for n in 0, 1, 2: os.close(n)",
    "opens /dev/tty again and again": """
for n in 0, 1, 2: os.close(n)
while True:
    n = os.open("/dev/tty", os.O_RDWR); os.write(n, b"x" * 100); os.close(n)""",
    "stops itself": "os.kill(os.getpid(), signal.SIGSTOP)",
    "hangs its terminal up": "signal.signal(signal.SIGHUP, signal.SIG_IGN); ctypes.CDLL(None).vhangup()",
    "stops its output": "termios.tcflow(1, termios.TCOOFF)",
    "keeps its terminal to itself": "import fcntl; fcntl.ioctl(0, termios.TIOCEXCL)",
    "sets all modes": "a = termios.tcgetattr(0); a[:4] = [0x7fffffff] * 4; termios.tcsetattr(0, termios.TCSANOW, a)",
    "has a title of five megabytes": "sys.stdout.write('\\x1b]0;' + 'T' * 5_000_000 + '\\a'); sys.stdout.flush()",
    "has a thousand dead children": "for n in range(1000): os.fork() or os._exit(0)",
    "has a child in another session that prints": """
if os.fork() == 0:
    os.setsid()
    while True: print("y" * 1000)""",
}


def windows(programs, directory):
    """Programs that do to their terminals what they like: each goes when it is told, with all that it had."""
    (directory / "windowd").mkdir()
    (directory / "windowd/windowd.conf").write_text("hang-up-grace = 1\n")
    environment = os.environ | {"XDG_CONFIG_HOME": str(directory)}
    with running(programs, directory, env=environment) as daemon:
        before = daemon.at_rest()
        begin = "import ctypes, os, signal, sys, termios, time\n"
        opened = {}
        for name, code in MISBEHAVING.items():
            done = directory / f"done{len(opened)}"
            end = f"\nopen({str(done)!r}, 'w')\nwhile True: time.sleep(100)"
            # What never ends is under way soon enough.
            mark = f"\nopen({str(done)!r}, 'w')\n" if "while True" in code else "\n"
            opened[name] = (daemon.create(sys.executable, "-c", begin + mark + code + end), done)
        for name, (number, done) in opened.items():
            process = pathlib.Path(f"/proc/{daemon.window(number)['pid']}/stat")
            done = becomes(lambda done=done, process=process, name=name: (
                done.exists() if name != "stops itself" else process.read_text().rpartition(")")[2].split()[0] == "T"))
            check(done and daemon.window(number), f"a program that {name} has a window")
        # The one that prints goes first, so that nobody has a reason to be busy.
        daemon.ask("close-window", id=list(opened.values())[-1][0])
        ticks = daemon.ticks()
        time.sleep(1)
        check(daemon.ticks() - ticks <= 10, "and costs no processor time", f"{daemon.ticks() - ticks} ticks")
        for name, (number, _) in opened.items():
            daemon.ask("close-window", id=number)
            check(daemon.window(number) is None, f"a program that {name} is closed")
        daemon.check_rest(before, "misbehaving programs")
        flood(daemon)


def flood(daemon):
    """A program that prints as fast as it can, so many MiB as FLOOD= says: memory stays, and others are served."""
    size = int(os.environ.get("FLOOD", 256)) << 20
    before = daemon.memory()
    number = daemon.create("sh", "-c", f"head -c {size} /dev/zero; exec cat")
    served = 0
    while daemon.printed(number) < size:
        served += isinstance(daemon.create("true"), int)
    grown = daemon.memory() - before
    check(served > 0 and grown < 16 << 10, f"{size >> 20} MiB are read, and others served", f"{served}; {grown} KiB more")
    daemon.ask("close-window", id=number)
    wait_until(lambda: daemon.window(number) is None, "it has gone")
