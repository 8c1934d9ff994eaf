#!/usr/bin/env python3
"""soak.py STAGE CYCLES [SEED]: so many cycles of clients with windowd as it is installed in STAGE, under a systemd that
is booted for it, and docs/reports/soak.md about them. Takes root."""

import os
import pathlib
import random
import subprocess
import sys

sys.dont_write_bytecode = True

import report  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[3]
RESULTS = ROOT / ".build/soak"
REPORTS = ROOT / "docs/reports"


def main(stage, cycles, seed):
    """Runs it and writes the report; the exit status."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    for old in RESULTS.iterdir():
        old.unlink()
    # The booted system has no directory of this one's to write to, so it is handed over.
    directory = os.open(RESULTS, os.O_RDONLY | os.O_DIRECTORY)
    status = subprocess.run(
        [ROOT / "scripts/boot-systemd.sh", stage, ROOT / "Tests/System", "python3", "/tests/soak/main.py",
         str(directory), str(cycles), seed], pass_fds=[directory], check=False).returncode
    if not (RESULTS / "summary.json").exists():
        # It was not root's, or went so wrong that there is nothing to tell; that has been said.
        return status
    flat = report.write(RESULTS, REPORTS)
    return status or (0 if flat else 1)


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit("usage: soak.py STAGE CYCLES [SEED]")
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else str(random.randrange(1 << 32))))
