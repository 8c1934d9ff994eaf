"""What valgrind has said of a program, and what of it is wrong."""

import dataclasses
import re

OPTIONS = (
    "--track-fds=yes",
    "--leak-check=full",
    # What a library keeps until the end is reached by its own means, or looks as if it might be.
    "--show-leak-kinds=definite",
    "--errors-for-leak-kinds=definite",
    "--error-exitcode=99",
    # The programs that a watched one starts are not watched.
    "--trace-children=no",
)

# What valgrind 3.19 says that it cannot do, and what that leaves out; whatever else it says of that kind is wrong.
KNOWN = {
    r"unhandled \S+ syscall: 424": "pidfd_send_signal(2) fails there, and is tried without valgrind alone",
    r"unhandled \S+ syscall: 434": "pidfd_open(2) fails there, and is tried without valgrind alone",
    r"noted but unhandled ioctl 0x5441 ": "TIOCGPTPEER is made, and its descriptor is not counted",
    r"invalid file descriptor \d+ in syscall ": "its words for a descriptor beyond the limit, which a test has set",
}


@dataclasses.dataclass
class Report:
    """One process's."""

    lines: list = dataclasses.field(default_factory=list)

    def text(self):
        return "\n".join(self.lines)

    def left_open(self):
        """What is open in the end beside the standard streams and what the process began with; None: nobody knows."""
        told = re.findall(r"^FILE DESCRIPTORS: (\d+) open \((\d+) std\) at exit\.$", self.text(), re.MULTILINE)
        if len(told) != 1:
            return None
        entries = re.findall(r"^Open (.*)\n((?: .*\n?)*)", self.text(), re.MULTILINE)
        # Each one that it counts must have been seen.
        if len(entries) != int(told[0][0]) - int(told[0][1]):
            return None
        return [f"{what}{place.rstrip()}" for what, place in entries if place.strip() != "<inherited from parent>"]

    def errors(self):
        """How many errors it counts, leaks of memory among them; None: it does not say."""
        told = re.findall(r"^ERROR SUMMARY: (\d+) errors", self.text(), re.MULTILINE)
        return int(told[0]) if len(told) == 1 else None

    def warnings(self):
        """What it says that it cannot do, and nobody knows of yet."""
        said = re.findall(r"^(?:WARNING|Warning): (.*)", self.text(), re.MULTILINE)
        return [one for one in said if not any(re.search(known, one) for known in KNOWN)]


def read(text):
    """The reports in a log, by process, in the order in which they begin."""
    reports = {}
    for line in text.splitlines():
        found = re.match(r"(?:==|--)(\d+)(?:==|--) ?(.*)", line)
        if found:
            reports.setdefault(int(found[1]), Report()).lines.append(found[2])
    return reports


def complaints(text):
    """What is wrong in a log: of the process that was started, which has begun it, and of copies of it.

    Such a copy is to become another program, and then says nothing in the end. Where it cannot, it ends with the
    descriptors that its parent has, as it should.
    """
    reports = list(read(text).values())
    if not reports:
        return ["valgrind says nothing"]
    wrong = [f"{report.errors()} errors" for report in reports if report.errors()]
    wrong += [warning for report in reports for warning in report.warnings()]
    left_open = reports[0].left_open()
    if left_open is None or reports[0].errors() is None:
        return [*wrong, "what it says in the end cannot be read"]
    return wrong + [f"open: {entry}" for entry in left_open]
