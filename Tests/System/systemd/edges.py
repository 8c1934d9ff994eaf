"""What may not go wrong at the edges: kills among creations, a window that is held, a store that is full, restarts in quick
succession, an end for want of anything to do."""

import os
import signal
import threading

from checks import becomes, check, wait_until
from survival import stored


def killed(manager):
    """windowd, killed, until it is back."""
    process = manager.main_process()
    os.kill(process, signal.SIGKILL)
    wait_until(lambda: manager.main_process() not in (0, process) and manager.state() == "active", "windowd comes back")


def changes(manager, windows):
    """What somebody has been told of a window's beginning or end is so, whenever windowd is killed."""
    opened, closed, stopping = [], [], threading.Event()

    def open_and_close(_):
        while not stopping.is_set():
            created = windows.windowctl("create-window", "-e", "cat", check=False)
            if created.returncode != 0:
                continue
            number = int(created.stdout)
            opened.append(number)
            if number % 2 and windows.windowctl("close-window", number, check=False).returncode == 0:
                closed.append(number)

    clients = threading.Thread(target=windows.each, args=(open_and_close, range(4)))
    windows.windowctl("list-windows")
    clients.start()
    for turn in range(4):
        wait_until(lambda: len(opened) > 20 * turn + 10, "windows are opened")
        killed(manager)
    stopping.set()
    clients.join()
    listed = windows.listed()
    lost = {number for number in opened if number % 2 == 0} - set(listed)
    check(not lost and len(opened) == len(set(opened)), f"four kills: {len(opened)} opened", f"{len(lost)} lost")
    ghosts = set(closed) & set(listed)
    check(not ghosts, f"four kills: {len(closed)} closed", f"{len(ghosts)} there again")
    stored(manager, 3 * len(listed), f"the store has three descriptors for each of {len(listed)} windows")
    windows.close(listed)
    stored(manager, 0, "nothing of them is left there")


def held(manager, windows):
    """A window that is held after its program's end is there after a kill too, and how it ended."""
    number = int(windows.windowctl("create-window", "--hold", "-e", "sh", "-c", "echo farewell; exit 3").stdout)
    wait_until(lambda: windows.ask("list-windows")["windows"][0].get("exit"), "the program ends")
    stored(manager, 1, "a held window has one descriptor in the store")
    before = windows.ask("list-windows")
    killed(manager)
    check(windows.ask("list-windows") == before, "a held window outlives a kill", before["windows"][0].get("exit"))
    check("farewell" in windows.output(number), "what it printed is shown", windows.output(number).strip())
    windows.close([number])
    stored(manager, 0, "closed, it leaves nothing in the store")


def full_store(manager, windows):
    """A window that the store has no room for is refused, with a word about it."""
    manager.drop_in("[Service]\nFileDescriptorStoreMax=6\nEnvironment=FDSTORE=6\n")
    numbers = windows.create_many(2)
    refused = windows.windowctl("create-window", "--json", "-e", "cat", check=False)
    seen = refused.stdout.strip()
    check(refused.returncode == 1 and "too-many-windows" in seen and "FileDescriptorStoreMax" in seen,
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
        killed(manager)
    check(windows.listed() == before, "a window outlives twelve kills in a row", manager.property("NRestarts"))
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
    check(later in windows.listed(), "its window lives", later)
