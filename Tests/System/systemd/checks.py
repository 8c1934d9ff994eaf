"""What all checks here stand on: a line for each, waiting for what must become true, and a service manager to ask."""

import contextlib
import os
import pathlib
import subprocess
import time
import traceback

# How long something may take before it counts as not happening; the machine may be slow.
PATIENCE = 20
failures = []


def check(good, what, seen=""):
    """One line of the report."""
    if not good:
        failures.append(what)
    print(f"{'ok' if good else 'not ok'} - {what}{f': {seen}' if seen != '' else ''}", flush=True)
    return bool(good)


@contextlib.contextmanager
def checking(what):
    """Something that fails in there is a failed check, and the next ones are still made."""
    try:
        yield
    except Exception as error:
        traceback.print_exc()
        check(False, what, f"{type(error).__name__}: {str(error).splitlines()[0]}")


def wait_until(condition, what):
    """Looks again until the condition is true, and returns what it said."""
    deadline = time.monotonic() + PATIENCE
    while True:
        seen = condition()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {PATIENCE} s: {what}")
        time.sleep(0.02)


def becomes(condition):
    """Whether the condition becomes true."""
    with contextlib.suppress(TimeoutError):
        return wait_until(condition, "")
    return None


@contextlib.contextmanager
def ended(process):
    """A process that has ended when this is left."""
    with process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


class Manager:
    """A service manager and one service in it with its socket: root's, or that of the user with this number."""

    def __init__(self, owner=0, user=None, unit="windowd"):
        # Whose manager it is, and as whom the service and its clients run.
        self.owner = owner
        self.user = owner if user is None else user
        self.unit = unit
        self.runtime = pathlib.Path(f"/run/user/{owner}" if owner else "/run")
        self.socket = self.runtime / f"{unit}.sock"
        self.drop_ins = self.runtime / ("systemd/user" if owner else "systemd/system")

    def run(self, *command, as_user=None, **options):
        """A command's outcome, run as this manager's owner."""
        return subprocess.run(command, **self.start_options(as_user), capture_output=True, text=True, **options)

    def start_options(self, as_user=None):
        """How a process becomes that user's."""
        user = self.owner if as_user is None else as_user
        environment = dict(os.environ, WINDOWD_SOCKET=str(self.socket))
        if user:
            environment |= {"HOME": "/home/user1", "XDG_RUNTIME_DIR": f"/run/user/{user}"}
        return {"env": environment, "user": user, "group": user, "extra_groups": []}

    def control(self, *arguments, check=True):
        """systemctl, of this manager."""
        command = ["systemctl", *(["--user"] if self.owner else []), *arguments]
        outcome = self.run(*command)
        if check and outcome.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {outcome.returncode}: {outcome.stderr.strip()}")
        return outcome.stdout.strip()

    def property(self, name, suffix="service"):
        """One property of the service, or of its socket."""
        return self.control("show", "--value", f"--property={name}", f"{self.unit}.{suffix}")

    def main_process(self):
        """The service's main process; 0 while there is none."""
        return int(self.property("MainPID") or 0)

    def stored(self):
        """How many descriptors the manager keeps for the service."""
        return int(self.property("NFileDescriptorStore") or 0)

    def state(self, suffix="service"):
        """ActiveState= of the service, or of its socket."""
        return self.property("ActiveState", suffix)

    def drop_in(self, text, suffix="service", name="test"):
        """Changes the unit until `reset`."""
        directory = self.drop_ins / f"{self.unit}.{suffix}.d"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{name}.conf").write_text(text)
        self.control("daemon-reload")

    def reset(self):
        """The units as they were installed, the service stopped, the socket waiting."""
        self.control("stop", f"{self.unit}.socket", f"{self.unit}.service")
        for directory in self.drop_ins.glob(f"{self.unit}.*.d"):
            for file in directory.iterdir():
                file.unlink()
            directory.rmdir()
        self.control("daemon-reload")
        self.control("reset-failed", f"{self.unit}.service", f"{self.unit}.socket", check=False)
        self.control("start", f"{self.unit}.socket")

    def log(self):
        """What the service's main process has said so far."""
        return self.run("journalctl", "--quiet", "--output=cat", f"_PID={self.main_process()}", as_user=0).stdout
