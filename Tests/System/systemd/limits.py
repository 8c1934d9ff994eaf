"""What may not go wrong at the edges: a store that is full, restarts in quick succession, an end for want of anything to do."""

import os
import pathlib
import signal

from checks import becomes, check, wait_until


def full_store(manager, windows):
    """A window that the store has no room for is refused, with a word about it."""
    manager.drop_in("[Service]\nFileDescriptorStoreMax=6\nEnvironment=FDSTORE=6\n")
    numbers = windows.create_many(2)
    refused = windows.windowctl("create-window", "--json", "-e", "cat", check=False)
    seen = refused.stdout.strip()
    check(refused.returncode == 1 and "too-many-windows" in seen and "FDSTORE" in seen,
          "the third window is refused where the store has room for two", seen)
    check(manager.stored() == 6, "the store is full", manager.stored())
    windows.close(numbers[:1])
    again = windows.windowctl("create-window", "-e", "cat", check=False)
    check(again.returncode == 0, "one that was closed makes room", again.stderr.strip() or again.stdout.strip())


def quick_restarts(manager, windows):
    """However often windowd is killed, it comes back, and so do its windows."""
    windows.create_many(1)
    before = windows.listed()
    for _ in range(12):
        process = manager.main_process()
        os.kill(process, signal.SIGKILL)
        wait_until(lambda: manager.main_process() not in (0, process), "windowd comes back")
    check(windows.listed() == before, "twelve kills in a row", manager.property("NRestarts"))
    check(manager.state("socket") == "active", "the socket is there", manager.state("socket"))


def idle_exit(manager, windows):
    """With nothing to do it ends well, and the next client starts it again."""
    program = manager.property("ExecStart").split("path=")[1].split()[0]
    manager.drop_in(f"[Service]\nExecStart=\nExecStart={program} --idle-exit 1\n")
    number = windows.create("busy")
    process = manager.main_process()
    windows.close([number])
    ended = becomes(lambda: manager.state() == "inactive")
    check(ended, "windowd ends once it has no window", f"{manager.property('Result')}, {manager.state()}")
    later = windows.create("later")
    check(manager.main_process() not in (0, process), "the next client starts it", manager.main_process())
    check(pathlib.Path(f"/proc/{windows.listed()[later]['pid']}").exists(), "its window lives", later)
