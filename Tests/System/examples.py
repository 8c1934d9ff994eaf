#!/usr/bin/env python3
"""The examples do what they say: each is run, talked to rightly and wrongly, broken off and ended.

    examples.py [DIRECTORY]       where the programs are; .build/examples/release, unless given

As root, what other users may do is checked too. Exit status: 0 all is as it should be; 1 something is not.
"""

import contextlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "systemd"))

from checks import PATIENCE, becomes, check, checking, failures, wait_until  # noqa: E402
from example_client import line_client, restarts  # noqa: E402
from example_passing import passing  # noqa: E402
from services import activated, ask, check_descriptors, check_end, connect, listening, run, service  # noqa: E402


def check_lines(process, path, whole, part, name):
    """Descriptors stay as many, for a service of lines."""
    def break_off():
        with connect(path) as connection:
            connection.sendall(part)

    check_descriptors(process, lambda: ask(path, whole), break_off, name)


def echo(programs, directory):
    """Lines come back; a stop is no end in the middle of one."""
    path = directory / "echo.sock"
    lines = [b"hello\n", b"\xff\x00 bytes\n", b"x" * 60_000 + b"\n"]
    with listening(path) as listener, service(path, *activated(programs / "echo-service"), stdin=listener) as process:
        check(ask(path, *lines) == lines, "echo: every line comes back")
        check_lines(process, path, b"hello\n", b"hel", "echo")
        with connect(path) as begun, begun.makefile("rb") as answers:
            begun.sendall(b"one\nhalf ")
            answers.readline()
            process.terminate()
            # Its signal is read before what comes after it.
            wait_until(lambda: not signal_waits(process), "SIGTERM has arrived")
            begun.sendall(b"a line\n")
            said = answers.read()
        good = said == b"half a line\n" and process.wait(PATIENCE) == 0
        check(good, "echo: SIGTERM lets a line come to its end", said)
        check(path.exists(), "echo: the socket stays where it is")
    outcome = run(programs / "echo-service")
    good = outcome.returncode == 1 and "from systemd" in outcome.stdout
    check(good, "echo: without a socket, it says so", outcome.stdout.strip())


def signal_waits(process):
    """Whether a signal waits to be taken by the process."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"^ShdPnd:\s*(\w+)", status, re.MULTILINE)[1], 16) != 0


def control_socket(programs, directory):
    """Commands are answered and do what they say; an end is a good one, whoever asks for it."""
    path, log = directory / "control.sock", directory / "control.log"

    def control(*lines):
        return [answer.decode().strip() for answer in ask(path, *(f"{line}\n".encode() for line in lines))]

    def ticks():
        return int(re.match(r"ok ticks=(\d+) log-level=info$", control("status")[0])[1])

    command = [programs / "control-socket", str(path), "20"]
    with open(log, "wb") as stderr, service(path, *command, stderr=stderr) as process:
        first = ticks()
        check(becomes(lambda: ticks() > first), "control-socket: status shows the daemon's work", first)
        check(" debug " not in log.read_text(), "control-socket: nothing is logged below the level")
        said = control("log-level debug", "log-level")
        check(said == ["ok debug", "ok debug"], "control-socket: log-level sets the level", said)
        heeded = becomes(lambda: " debug example: [control_socket] tick" in log.read_text())
        check(heeded, "control-socket: and it is heeded")
        wrong = control("", "log-level loud", "status now", "\N{PILE OF POO}", "STATUS")
        told = all(answer.startswith("error ") for answer in wrong)
        check(told, "control-socket: a wrong command is told so", "" if told else wrong)
        with connect(path) as long:
            long.sendall(b"x" * 5000)
            check(not read_all(long), "control-socket: a line without an end is cut off")
        check_lines(process, path, b"status\n", b"stat", "control-socket")
        outcome = run(*command)
        refused = outcome.returncode == 1 and "in use" in outcome.stderr
        check(refused, "control-socket: a second one is refused", outcome.returncode)
        with connect(path) as begun:
            begun.sendall(b"log-level\nlog-")
            begun.recv(100)
            process.terminate()
            check(becomes(lambda: not path.exists()), "control-socket: SIGTERM lets nobody in any more")
            begun.sendall(b"level\n")
            check(read_all(begun) == b"ok debug\n", "control-socket: and who has begun is answered")
        check(process.wait(PATIENCE) == 0, "control-socket: status 0", process.returncode)
    with service(path, *command, stderr=subprocess.DEVNULL) as process:
        check(control("stop") == ["ok stopping"], "control-socket: stop is answered")
        check(process.wait(PATIENCE) == 0 and not path.exists(), "control-socket: and is the end", process.returncode)


def read_all(connection):
    """What comes until the end, or until the connection is reset."""
    said = b""
    with contextlib.suppress(ConnectionResetError):
        while more := connection.recv(4096):
            said += more
    return said


def json_lines(programs, directory):
    """Each request is answered under its number, and nothing that is wrong ends the conversation."""
    path = directory / "table.sock"

    def call(*lines):
        return [json.loads(answer) for answer in ask(path, *(line.encode() + b"\n" for line in lines))]

    with service(path, programs / "json-lines", "serve", str(path)) as process:
        words = "set colour green get colour set size big list remove size get size"
        outcome = run(programs / "json-lines", "ask", str(path), *words.split())
        said = outcome.stdout.splitlines()
        good = ["done", "green", "done", "colour size", "done", "refused: there is no key 'size' (no-such-key)"]
        check((outcome.returncode, said) == (1, good), "json-lines: the client is answered", said)
        outcome = run(programs / "json-lines", "ask", str(path), "list")
        good = (outcome.returncode, outcome.stdout) == (0, "colour\n")
        check(good, "json-lines: and its status says so", outcome.returncode)
        said = call('{"id":7,"request":{"get":{"key":"colour"}}}', '{"id":-1,"request":{"paint":{}}}',
                    '{"id":3,"request":{"get":{}}}', "nonsense", "", '{"request":{"list":{}}}', "[" * 10_000,
                    '{"id":9,"request":{"list":{}}}')
        check(said[0] == {"id": 7, "answer": {"value": {"is": "green"}}}, "json-lines: a request is answered", said[0])
        wrong = [(reply.get("id"), reply["error"]["code"]) for reply in said[1:7]]
        check(wrong[0] == (-1, "unknown-request"), "json-lines: an unknown one is told so", said[1])
        check(wrong[1] == (3, "invalid-message"), "json-lines: so is a wrong one", said[2])
        check(wrong[2:] == [(None, "invalid-message")] * 4, "json-lines: so is what is no request", said[3])
        last = {"id": 9, "answer": {"keys": {"are": ["colour"]}}}
        check(said[7] == last, "json-lines: and the conversation goes on", said[7])
        with connect(path) as long:
            long.sendall(b"x" * 70_000)
            said = read_all(long)
        told = json.loads(said)["error"]["code"] == "invalid-message"
        check(told, "json-lines: a line without an end is told so", said)
        check_lines(process, path, b'{"id":1,"request":{"list":{}}}\n', b'{"id":1', "json-lines")
        check_end(process, path, "json-lines")


def main():
    """Prints a line for each check."""
    programs = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".build/examples/release").resolve()
    with tempfile.TemporaryDirectory(prefix="examples-") as name:
        directory = pathlib.Path(name)
        # Other users come in to sockets, and see nothing else.
        directory.chmod(0o711)
        for example in (echo, control_socket, line_client, restarts, passing, json_lines):
            with checking(f"{example.__name__} to its end"):
                example(programs, directory)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
