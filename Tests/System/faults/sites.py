"""Where a program makes its calls: read from what strace tells of a run, with the stack of each call."""

import collections
import dataclasses
import re

_CALL = re.compile(r"^(\d+) +(<\.\.\. )?(\w+)(?:\(| resumed>)")
_FRAME = re.compile(r"^ > ([^(\[]+?)(?:\(([^)]*)\))? \[0x([0-9a-f]+)\]$")
# A call of the allocator's is no call of ours; without memory Swift ends the process, as SECURITY.md says.
_ALLOCATOR = re.compile(r"^(__libc_)?(malloc|calloc|realloc|free|cfree|memalign|posix_memalign|aligned_alloc|"
                        r"malloc_usable_size|__libc_memalign|sbrk|brk|__default_morecore)\b|^(_mid_|_)?memalign")
_LOADER = "/ld-linux"
# The C library does not look at what this one says when it makes a thread, and sets a mask that it has not read.
_UNCHECKED = ("rt_sigprocmask", re.compile(r"^(__)?pthread_create\b"))


@dataclasses.dataclass(frozen=True)
class Site:
    """A place in a program that makes a call: the call, and the places of its callers."""

    call: str
    stack: tuple

    @property
    def caller(self):
        """The innermost function that is the program's own: the shim's, or Swift's."""
        return next((symbol for symbol, _ in self.stack if symbol.startswith(("ipc_", "$s"))), None)

    @property
    def is_own(self):
        """Whether the program itself called, and not what of the runtime runs before it."""
        return self.caller is not None and not any(symbol.startswith("_GLOBAL__") for symbol, _ in self.stack)


@dataclasses.dataclass
class Call:
    """One call: the how-many-th of its kind in its thread, and where it was made."""

    thread: str
    name: str
    number: int
    line: str
    frames: list

    @property
    def is_loaders(self):
        """Whether it belongs to the loading of a library."""
        return any(_LOADER in path for path, _, _ in self.frames)

    def site(self, program):
        """Where in the program it was made; None when it was made by the loader or the allocator."""
        if self.is_loaders:
            return None
        if any(_ALLOCATOR.match(symbol) for path, symbol, _ in self.frames if "libc" in path):
            return None
        if self.name == _UNCHECKED[0] and any(_UNCHECKED[1].match(symbol) for _, symbol, _ in self.frames):
            return None
        stack = tuple((symbol, address) for path, symbol, address in self.frames if path == program)
        return Site(self.name, stack) if stack else None


def calls(log):
    """The calls of a log by `strace -f -k`, in the order in which they ended."""
    counts = collections.Counter()
    last = None
    for line in log.splitlines():
        if (frame := _FRAME.match(line)) and last:
            path, symbol, address = frame.groups()
            last.frames.append((path, (symbol or "").rsplit("+", 1)[0], address))
        elif call := _CALL.match(line):
            if last:
                yield last
            thread, resumed, name = call.groups()
            counts[thread, name] += not resumed
            # The stack follows the call's end.
            last = None if line.endswith("<unfinished ...>") else Call(thread, name, counts[thread, name], line, [])
    if last:
        yield last
