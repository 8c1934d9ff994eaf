"""Clients over a restart: who waits for a window or shows one goes on, and whoever comes is answered."""

import asyncio
import json
import os
import platform
import pty
import select
import socket
import subprocess
import threading
import time

from checks import PATIENCE, becomes, check, wait_until
from survival import GAP, WAYS, gap, kill

BURST = 200
QUICK = ("systemctl restart", "kill -9")
QUESTION = b'{"list-windows":{}}\n'


def exit_in_the_gap(manager, windows):
    """A program that ends while there is no windowd: how it ended is told where the kernel remembers it."""
    manager.drop_in(GAP)
    number = windows.create("gap")
    process = windows.listed()[number]["pid"]
    with gap(manager, kill):
        windows.say("leave", [number], 7)
        wait_until(lambda: not os.path.exists(f"/proc/{process}"), "the shell goes")
    kernel = tuple(map(int, platform.release().split("-")[0].split(".")[:2]))
    expected = 7 if kernel >= (6, 15) else 125
    seen = windows.windowctl("wait", "--exit-status", number, check=False).returncode
    check(seen == expected, f"an exit with 7 in the gap, on Linux {kernel[0]}.{kernel[1]}", seen)
    check(number not in windows.listed(), "its window has gone", sorted(windows.listed()))


def waiting(manager, windows):
    """Who waits for a window since before a restart hears of its end after it."""
    manager.drop_in(GAP)
    numbers = windows.create_many(2)
    for name, number, status in zip(QUICK, numbers, (5, 6)):
        waiter = windows.start("wait", "--exit-status", number)
        wait_until(lambda: windows.connections() == 1, "windowctl waits")
        with gap(manager, WAYS[name]):
            seen = waiter.poll()
            check(seen is None, f"{name}: windowctl wait goes on without windowd", "no end" if seen is None else seen)
        windows.say("leave", [number], status)
        try:
            said = waiter.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            waiter.kill()
            said = waiter.communicate()
        check(waiter.returncode == status, f"{name}: it reports the end after it",
              f"{waiter.returncode} {' '.join(said).strip()}")


def attached(manager, windows):
    """A window that is shown on a terminal is shown there again after a restart, and typing reaches it."""
    manager.drop_in(GAP)
    number = int(windows.windowctl("create-window", "-e", "cat").stdout)
    process, terminal = pty.fork()
    if process == 0:
        options = manager.start_options(manager.user)
        if options["user"]:
            os.fchown(0, options["user"], options["group"])
            os.setgroups([])
            os.setgid(options["group"])
            os.setuid(options["user"])
        os.execvpe("windowctl", ["windowctl", "attach", str(number)], options["env"])
    shown = []

    def shows(text):
        while select.select([terminal], [], [], 0)[0]:
            try:
                shown.append(os.read(terminal, 65536))
            except OSError:
                return False
        return text.encode() in b"".join(shown)

    def echoes(word):
        os.write(terminal, f"{word}\n".encode())
        # Once as it is typed and once from cat.
        return becomes(lambda: shows(f"{word}\r\n{word}\r\n"))

    check(echoes("first"), "an attached window answers", "first")
    for name in QUICK:
        with gap(manager, WAYS[name]):
            pass
        again = becomes(lambda: windows.ask("list-windows")["windows"][0].get("attached"))
        check(again == process, f"{name}: the window is attached again", again)
        check(again and echoes(f"after {name}"), f"{name}: it answers", f"after {name}")
    windows.close([number])
    _, status = os.waitpid(process, 0)
    check(os.WIFEXITED(status), "the client ends with the window", os.waitstatus_to_exitcode(status))
    os.close(terminal)


def burst(manager, windows):
    """Two hundred clients before, during and after a restart, each with one question."""
    windows.create_many(10)
    old = manager.main_process()

    async def client(path, delay):
        await asyncio.sleep(delay)
        begun = time.monotonic()
        try:
            connection = socket.socket(socket.AF_UNIX)
            connection.setblocking(False)
            # In one turn: who says nothing for too long is not waited for by a windowd that ends.
            await asyncio.get_running_loop().sock_connect(connection, path)
            connection.send(QUESTION)
            reader, writer = await asyncio.open_unix_connection(sock=connection)
            answer = json.loads(await asyncio.wait_for(reader.readline(), PATIENCE))
            writer.close()
            return begun, time.monotonic(), len(answer["windows"])
        except (OSError, ValueError, KeyError, asyncio.TimeoutError) as error:
            return begun, time.monotonic(), f"{type(error).__name__} {error}"

    async def clients():
        # One every 3 ms; the restart begins with the fiftieth.
        async def restart_amid():
            await asyncio.sleep(0.003 * BURST / 4)
            begun = time.monotonic()
            process = await asyncio.create_subprocess_exec(
                "systemctl", *(["--user"] if manager.owner else []), "restart", "windowd.service",
                **manager.start_options())
            await process.wait()
            return begun, time.monotonic()

        return await asyncio.gather(
            restart_amid(), *(client(str(manager.socket), 0.003 * number) for number in range(BURST)))

    (begun, ended), *answers = asyncio.run(clients())
    answered = [answer for answer in answers if answer[2] == 10]
    moments = (
        f"{sum(first < begun for first, _, _ in answers)} before, "
        f"{sum(begun <= first <= ended for first, _, _ in answers)} during, "
        f"{sum(first > ended for first, _, _ in answers)} after")
    others = {str(seen) for _, _, seen in answers if seen != 10}
    check(manager.main_process() not in (0, old), "windowd is another amid a burst of clients", manager.main_process())
    check(len(answered) == BURST, f"{BURST} clients are answered, {moments}", f"{len(answered)} {' '.join(others)}")


def gap_seen(manager, windows):
    """How long a client waits for its answer at most while windowd restarts; told, not judged."""
    windows.create_many(100)
    for name in QUICK:
        longest, stopping = 0, threading.Event()
        failed = []

        def ask():
            nonlocal longest
            while not stopping.is_set():
                begun = time.monotonic()
                try:
                    with socket.socket(socket.AF_UNIX) as connection:
                        connection.settimeout(PATIENCE)
                        connection.connect(str(manager.socket))
                        connection.sendall(QUESTION)
                        if not connection.makefile("rb").readline():
                            failed.append("end of file")
                except OSError as error:
                    failed.append(str(error))
                longest = max(longest, time.monotonic() - begun)

        old = manager.main_process()
        client = threading.Thread(target=ask)
        client.start()
        WAYS[name](manager, old)
        again = becomes(lambda: manager.state() == "active" and manager.main_process() not in (0, old))
        stopping.set()
        client.join()
        check(again, f"the longest wait for an answer, 100 windows, {name}",
              f"{longest * 1000:.0f} ms; {len(failed)} without an answer {' '.join(set(failed))}")
