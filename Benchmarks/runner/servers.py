"""The servers under test, and how each is built, started and asked what it used."""

import contextlib
import ctypes
import os
import pathlib
import socket
import subprocess
import time
from dataclasses import dataclass

from runner.processes import LIBC, Failed, child, fields, output_of, wait_until

HERE = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = HERE / ".build" / "release"


@dataclass(frozen=True)
class Variant:
    """A program and the words that follow `SOCKET MODE` on its command line."""

    product: str
    words: tuple = ()


# The floor's name is `c`; whatever is added here is measured and shown beside it.
VARIANTS = {
    "c": Variant("c-epoll-server"),
    "ipckit-reply": Variant("ipckit-bench-server", ("reply",)),
    "ipckit": Variant("ipckit-bench-server", ("async",)),
    "nio": Variant("nio-bench-server"),
}
TOOLS = ("load", "stepcount", "c-census", "ipckit-census", "c-lines", "ipckit-lines", "c-messages", "ipckit-messages")


def build(names):
    """Builds the tools and the named servers, each product alone so that nothing else is compiled."""
    for product in dict.fromkeys((*TOOLS, *(VARIANTS[name].product for name in names))):
        print(f"building {product}", flush=True)
        words = ["swift", "build", "--configuration", "release", "--static-swift-stdlib", "--package-path", str(HERE)]
        with child([*words, "--product", product], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            out, _ = process.communicate()
        if process.returncode:
            raise Failed(f"{product} does not build:\n{out}")


class Server:
    """A server that runs."""

    def __init__(self, process, path):
        self.pid = process.pid
        self.path = path
        self._process = process
        clock = ctypes.c_int()
        if LIBC.clock_getcpuclockid(self.pid, ctypes.byref(clock)):
            raise Failed("the server has no clock")
        self._clock = clock.value

    def cpu(self):
        """Nanoseconds of CPU time that it has used, by all its threads."""
        return time.clock_gettime_ns(self._clock)

    def busiest_thread(self):
        """The id of the thread that has run longest: the one that serves."""
        tasks = pathlib.Path(f"/proc/{self.pid}/task")
        return max((int((task / "schedstat").read_text().split()[0]), int(task.name)) for task in tasks.iterdir())[1]

    def descriptors(self):
        """How many it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def memory(self):
        """Its resident memory in bytes; its share of it would shrink when others load the same libraries."""
        for line in pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
        raise Failed("the kernel does not say how much memory the server has")

    def load(self, *words, core=None):
        """Runs the load generator against it; what that measured."""
        result = fields(output_of([PROGRAMS / "load", self.path, *words], core))
        self.must_live()
        return result

    def must_live(self):
        """Failed if it has ended."""
        if self._process.poll() is not None:
            raise Failed(f"the server has ended with {self._process.returncode}")

    def answers(self):
        """Whether somebody listens."""
        self.must_live()
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.path)) == 0


CHECKS = (
    ("echo", "one\n\ntwo\n", "one\n\ntwo\n"),
    ("reply", "x\n", '{"ok":true}\n'),
    ("count", "a\n\nc\n", "3\n"),
)


def check(name, directory):
    """Failed unless a server does what each mode promises; the load generator checks the bytes of its own runs."""
    for mode, said, expected in CHECKS:
        with serving(name, mode, directory) as server, socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(server.path))
            client.sendall(said.encode())
            client.shutdown(socket.SHUT_WR)
            heard = b"".join(iter(lambda: client.recv(4096), b"")).decode()
            if heard != expected:
                raise Failed(f"{heard!r} came, not {expected!r}")


@contextlib.contextmanager
def serving(name, mode, directory, core=None):
    """A fresh server of a variant on a socket of its own, for the length of the block."""
    variant = VARIANTS[name]
    path = directory / f"{name}.sock"
    path.unlink(missing_ok=True)
    with child([PROGRAMS / variant.product, path, mode, *variant.words], core) as process:
        server = Server(process, path)
        wait_until(server.answers, f"{name}: the start")
        try:
            yield server
            server.must_live()
        except Failed as failure:
            raise Failed(f"{name} ({mode}): {failure}") from None
