"""What the kernel and the service manager tell of windowd: descriptors, memory, time, threads, processes."""

import collections
import contextlib
import dataclasses
import os
import pathlib
import signal

GROUP = pathlib.Path("/sys/fs/cgroup/system.slice/windowd.service/cgroup.procs")
TICKS = os.sysconf("SC_CLK_TCK")
# What descriptors are counted as, by what their links begin with.
KINDS = {
    "socket:": "sockets", "anon_inode:[pidfd]": "pidfds", "/dev/pts/ptmx": "terminals", "/dev/ptmx": "terminals",
}


@dataclasses.dataclass
class Usage:
    """One look at a process; sizes in KiB, times in seconds."""

    descriptors: int
    sockets: int
    pidfds: int
    terminals: int
    others: int
    rss: int
    pss: int
    private: int
    # What is in no file, and so nobody else's: the heap, stacks, and the windows' memory.
    own: int
    cpu: float
    threads: int
    children: int
    zombies: int


def descriptors(process):
    """How many it has of each kind."""
    counted = collections.Counter()
    directory = f"/proc/{process}/fd"
    for number in os.listdir(directory):
        try:
            link = os.readlink(f"{directory}/{number}")
        except FileNotFoundError:  # closed meanwhile
            continue
        counted[next((kind for start, kind in KINDS.items() if link.startswith(start)), "others")] += 1
    return counted


def children(process):
    """The numbers of a process's children."""
    found = []
    for thread in pathlib.Path(f"/proc/{process}/task").iterdir():
        # A thread that has ended has no children.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found += map(int, (thread / "children").read_text().split())
    return found


def is_zombie(process):
    """Whether a process has ended and was not waited for."""
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def ignores_hang_up(process):
    """Whether a process that lives still takes no notice of SIGHUP."""
    try:
        status = pathlib.Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    ignored = next(line for line in status.splitlines() if line.startswith("SigIgn:")).split()[1]
    return bool(int(ignored, 16) & 1 << signal.SIGHUP - 1)


def programs(process):
    """The processes of the service beside windowd itself, whoever has become their parent."""
    return set(map(int, GROUP.read_text().split())) - {process}


def usage(process):
    """A look."""
    kinds = descriptors(process)
    memory = {}
    for line in pathlib.Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]:
        name, size, _ = line.split()
        memory[name.rstrip(":")] = int(size)
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    own = children(process)
    return Usage(
        descriptors=sum(kinds.values()), sockets=kinds["sockets"], pidfds=kinds["pidfds"], terminals=kinds["terminals"],
        others=kinds["others"], rss=memory["Rss"], pss=memory["Pss"],
        # Of a file, as many pages are private as no other process has mapped in that moment.
        private=memory["Private_Clean"] + memory["Private_Dirty"],
        own=memory["Pss_Anon"] + memory["Pss_Shmem"], cpu=(int(fields[11]) + int(fields[12])) / TICKS,
        threads=int(fields[17]), children=len(own), zombies=sum(map(is_zombie, own)))
