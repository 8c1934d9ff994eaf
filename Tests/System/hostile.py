#!/usr/bin/env python3
"""windowd among those who mean harm, and where what it needs is missing or full.

    hostile.py [DIRECTORY]        where the programs are; .build/release, unless given

As root, other users and missing mounts are tried too. Exit status: 0 all is as it should be; 1 something is not.
"""

import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "systemd"))

from checks import checking, failures  # noqa: E402
from hostile_kills import kills  # noqa: E402
from hostile_limits import clocks, limits, memory, surroundings  # noqa: E402
from hostile_peers import crowds, descriptors, floods, strangers, windows  # noqa: E402
from hostile_places import locks, paths, planted, races  # noqa: E402


def main():
    """Prints a line for each check."""
    programs = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".build/release").resolve()
    for trial in (paths, locks, planted, races, descriptors, floods, crowds, strangers, windows, kills, limits, memory,
                  surroundings, clocks):
        with tempfile.TemporaryDirectory(prefix="hostile-") as name, checking(f"{trial.__name__} to its end"):
            directory = pathlib.Path(name)
            # Other users come in to sockets, and see nothing else.
            directory.chmod(0o711)
            trial(programs, directory)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
