"""Windows for the checks: shells that answer to words, created, listed and closed by windowctl."""

import concurrent.futures
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile

from checks import PATIENCE, wait_until

# Prints each word that it hears, says so to whoever waits for that, and ends as it is told.
SHELL = """
exec 3<>"$1" 4<>"$2"
echo "started $3"
while read -r word status <&3; do
  echo "heard $word $3"
  echo >&4
  [ -z "$status" ] || exit "$status"
done
"""


class Windows:
    """Windows of one windowd, each with a FIFO that its shell listens at."""

    def __init__(self, manager):
        self.manager = manager
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="windows."))
        os.chown(self.directory, manager.user, manager.user)
        self.acknowledged = self.make_fifo("acknowledged")
        self.shells = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for file in self.shells.values():
            os.close(file)
        os.close(self.acknowledged)
        shutil.rmtree(self.directory)

    def make_fifo(self, name):
        """A FIFO that is open at both ends, so that nobody waits for the other to come."""
        path = self.directory / name
        os.mkfifo(path)
        os.chown(path, self.manager.user, self.manager.user)
        return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def windowctl(self, *arguments, check=True):
        """windowctl's outcome, as the user whose windows they are."""
        outcome = self.manager.run("windowctl", *map(str, arguments), as_user=self.manager.user, timeout=PATIENCE)
        if check and outcome.returncode != 0:
            raise RuntimeError(f"windowctl {' '.join(map(str, arguments))}: {outcome.stderr.strip()}")
        return outcome

    def ask(self, *arguments):
        """windowctl's answer as an object."""
        return json.loads(self.windowctl(*arguments, "--json").stdout)

    def start(self, *arguments, **options):
        """windowctl on its own way."""
        return subprocess.Popen(
            ["windowctl", *map(str, arguments)], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            **self.manager.start_options(self.manager.user), **options)

    def each(self, call, values):
        """What the call gives for each value, eight at a time."""
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return list(pool.map(call, values))

    def create(self, name):
        """A window with a shell in it that has started; its id."""
        fifo = self.make_fifo(name)
        created = self.windowctl(
            "create-window", "--title", f"window {name}", "-e", "sh", "-c", SHELL, "sh", self.directory / name,
            self.directory / "acknowledged", name)
        number = int(created.stdout)
        self.shells[number] = fifo
        wait_until(lambda: f"started {name}" in self.output(number), f"window {number} prints")
        return number

    def create_many(self, count):
        """As many of them; their ids."""
        return self.each(self.create, [str(number) for number in range(count)])

    def say(self, word, numbers, status=""):
        """Says a word to shells, and returns once all have printed it."""
        for number in numbers:
            os.write(self.shells[number], f"{word} {status}\n".encode())
        left = len(numbers)
        while left:
            if not select.select([self.acknowledged], [], [], PATIENCE)[0]:
                raise TimeoutError(f"{left} shells do not answer")
            left -= len(os.read(self.acknowledged, left))

    def output(self, number):
        """What a window shows; nothing when there is none."""
        return self.windowctl("show", number, check=False).stdout

    def listed(self):
        """What is told of each window, by id, without what may change."""
        return {
            window["id"]: {key: window[key] for key in ("pid", "title", "command", "columns", "rows")}
            for window in self.ask("list-windows")["windows"]
        }

    def close(self, numbers):
        """Closes windows."""
        self.each(lambda number: self.windowctl("close-window", number), numbers)

    def connections(self):
        """How many clients windowd has beside the one that asks."""
        return self.ask("status")["connections"] - 1


def started_at(process):
    """What tells a process from a later one of the same number; nothing when it has gone."""
    try:
        fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return None
    return None if fields[0] == "Z" else fields[19]
