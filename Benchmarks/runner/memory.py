"""What a connection weighs that says nothing, or has stopped in the middle of a line."""

import subprocess
import time

from runner.processes import Failed, child, wait_until
from runner.servers import PROGRAMS, serving


def _settled(server):
    """Its memory once that has stopped changing."""
    last, same = server.memory(), 0
    for _ in range(100):
        time.sleep(0.05)
        size = server.memory()
        same = same + 1 if size == last else 0
        last = size
        if same == 4:
            return size
    raise Failed("the server's memory does not come to rest")


def bytes_a_connection(name, kind, directory, count):
    """The growth of the server's memory by `count` connections, `idle` or `waiting`, divided by their number."""
    with serving(name, "echo", directory) as server:
        server.load("pingpong", 16, 64, "-n", 2000)
        wait_until(lambda: server.descriptors() < 30, "the end of the warm-up")
        descriptors, before = server.descriptors(), _settled(server)
        command = [PROGRAMS / "load", server.path, kind, count]
        with child(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            if holder.stdout.readline() != "ready\n":
                raise Failed(f"{count} {kind} connections cannot be made")
            wait_until(lambda: server.descriptors() >= descriptors + count, "the last connection", 30)
            return (_settled(server) - before) / count
