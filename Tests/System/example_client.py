"""The example of a client: what it sends again, whom it waits for, and when it gives up."""

import pathlib
import re
import select
import subprocess

from checks import PATIENCE, check, wait_until
from services import IS_ROOT, NOBODY, activated, listening, run, stand_in


def line_client(programs, directory):
    """What may be repeated is; what may not is told apart."""
    path = directory / "client.sock"

    def client(*arguments, status):
        outcome = run(programs / "line-client", "--socket", str(path), *arguments)
        words = (outcome.stdout + outcome.stderr).strip()
        return words if outcome.returncode == status else f"status {outcome.returncode}: {words}"

    said = client("--give-up", "0.5", "hello", status=4)
    end = f"given up after 0.5 seconds: connect {path}: No such file or directory"
    check(said.endswith(end), "client: gives up", said)
    with stand_in(path, [None]) as seen:
        said = client("hello", status=3)
        check("perhaps done" in said, "client: says when a line may have been done", said)
    check(seen == [b"hello\n"], "client: and sends it once", seen)
    with stand_in(path, [None, None, b"hi\n", b"ho\n"]) as seen:
        said = client("--repeatable", "hello", "hoy", status=0)
        check(said == "hi\nho", "client: asks again what may be repeated", said)
    check(seen == [b"hello\n"] * 3 + [b"hoy\n"], "client: until it is answered", seen)
    with stand_in(path, [b""]) as seen:
        said = client("--timeout", "0.2", "hello", status=3)
        check("deadline" in said, "client: a line has a deadline", said)
    with stand_in(path, [b""] * 99) as seen:
        said = client("--timeout", "0.2", "--give-up", "5", "--repeatable", "hello", status=4)
    check("deadline" in said and len(seen) > 1, "client: and another for all attempts", said)
    if IS_ROOT:
        with stand_in(path, [b"hi\n"], user=NOBODY) as seen:
            said = client("hello", status=1)
            check("user 65534 is not allowed" in said and not seen, "client: tells a stranger nothing", said)
            said = client("--server-uid", str(NOBODY), "hello", status=0)
            check(said == "hi", "client: unless it is told to", said)


def restarts(programs, directory):
    """The client outlives the echo service."""
    path = directory / "restart.sock"
    command = [programs / "line-client", "--socket", str(path), "--give-up", str(PATIENCE)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as talker:

        def pauses():
            """How often it has waited for something."""
            status = pathlib.Path(f"/proc/{talker.pid}/status").read_text()
            return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status, re.MULTILINE)[1])

        def answers(line, process):
            check(talker.stdout.readline() == f"{line}\n", f"client: is answered {line}")
            process.kill()
            process.wait()

        activate = ["systemd-socket-activate", f"--listen={path}", "--fdname=echo", programs / "echo-service"]
        for line in ("by a service that comes late", "by one after a kill"):
            before = pauses()
            talker.stdin.write(f"{line}\n")
            wait_until(lambda: pauses() >= before + 4, "the client has tried more than once")
            with subprocess.Popen(activate, stderr=subprocess.DEVNULL) as process:
                answers(line, process)
        path.unlink()
        with listening(path) as listener:
            for line in ("by one whose socket stays", "by one whose socket has stayed"):
                talker.stdin.write(f"{line}\n")
                wait_until(lambda: select.select([listener], [], [], 0)[0], "the client waits at the socket")
                with subprocess.Popen(activated(programs / "echo-service"), stdin=listener) as process:
                    answers(line, process)
        talker.stdin.close()
        check(talker.wait(PATIENCE) == 0, "client: status 0", talker.returncode)
