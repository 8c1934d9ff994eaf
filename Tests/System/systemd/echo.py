"""The example: a service that has nothing but the socket it was handed, and does its work with that."""

import pathlib
import socket

from checks import PATIENCE, becomes, check


def ask(path, lines):
    """The lines that come back."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(path))
        connection.sendall(b"".join(lines))
        answer = connection.makefile("rb")
        return [answer.readline() for _ in lines]


def echo(manager):
    """An echo from a user that exists for it alone."""
    outcome = manager.run("systemd-analyze", "verify", "echo.socket", "echo.service")
    said = (outcome.stdout + outcome.stderr).strip()
    check(outcome.returncode == 0 and not said, "echo: systemd-analyze verify is silent", said or "nothing")
    outcome = manager.run("systemd-analyze", "security", "--offline=yes", "--threshold=15", "--no-pager",
                          "/usr/local/lib/systemd/system/echo.service")
    exposure = outcome.stdout.strip().splitlines()[-1]
    check(outcome.returncode == 0, "echo: its exposure is 1.5 at most", exposure)
    manager.control("start", "echo.socket")
    lines = [b"hello\n", b"\xff\x00 bytes\n", b"x" * 60_000 + b"\n"]
    check(ask(manager.socket, lines) == lines, "echo: every line comes back", manager.state())
    process = manager.main_process()
    status = pathlib.Path(f"/proc/{process}/status").read_text()
    seen = {line.split(":")[0]: line.split()[1] for line in status.splitlines()
            if line.startswith(("Uid", "NoNewPrivs", "Seccomp:", "CapBnd"))}
    check(int(seen["Uid"]) > 60_000 and seen["NoNewPrivs"] == "1" and seen["CapBnd"] == "0" * 16,
          "echo: a dynamic user without any privilege", seen)
    manager.control("restart", "echo.service")
    again = becomes(lambda: manager.main_process() not in (0, process))
    check(again and ask(manager.socket, lines) == lines, "echo: another one after a restart", manager.main_process())
    manager.control("stop", "echo.socket", "echo.service")
