#!/usr/bin/env python3
"""The program that calls the whole shim, by itself and under valgrind, and whether it calls the whole shim.

Exit status: 0 all is as it should be; 1 something is not.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Tests/System/systemd"))

from checks import check, failures  # noqa: E402
from reports import OPTIONS, complaints  # noqa: E402


def declared():
    """The functions of the shim's headers."""
    names = set()
    for header in (ROOT / "Sources/CIPCShim/include").glob("*.h"):
        code = re.sub(r"//.*|^#.*", "", header.read_text(), flags=re.MULTILINE)
        names |= set(re.findall(r"\b(ipc_\w+)\(", code))
    return names


def coverage(native):
    """Which functions have run, and which lines of the shim have not."""
    files = sorted(str(file) for file in native.glob("*.gcda"))
    command = ["gcov", "--json-format", "--stdout", *files]
    told = subprocess.run(command, cwd=native, capture_output=True, text=True, check=True).stdout
    called, idle = set(), {}
    for line in told.splitlines():
        for file in json.loads(line)["files"]:
            called |= {one["name"] for one in file["functions"] if one["execution_count"] > 0}
            name = pathlib.Path(file["file"])
            if name.parent.name == "CIPCShim":
                idle[name.name] = [one["line_number"] for one in file["lines"] if one["count"] == 0]
    return called, idle


def run(*command):
    """In an empty directory, with no descriptors but the standard streams."""
    with tempfile.TemporaryDirectory() as directory:
        return subprocess.run(
            command, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )


def main():
    """Prints a line for each check."""
    build = ROOT / ".build/valgrind"
    native = run(build / "native/shim")
    check(native.returncode == 0, "the shim by itself", f"{native.stdout.count('ok - ')} parts {native.stderr.strip()}")
    names = declared()
    called, idle = coverage(build / "native")
    never = sorted(names - called)
    check(names and not never, "every function of the shim's headers is called", " ".join(never) or len(names))
    for name, lines in sorted(idle.items()):
        if lines:
            print(f"never run in {name}: line {', '.join(map(str, lines))}")
    watched = run("valgrind", *OPTIONS, build / "watched")
    wrong = complaints(watched.stderr)
    good = watched.returncode == 0 and watched.stdout == native.stdout and not wrong
    if not check(good, "the shim under valgrind", "\n".join(wrong)):
        print(watched.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
