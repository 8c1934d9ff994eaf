"""An sshd of one's own on the loopback device: its keys, configuration and port are nobody else's, and end with it."""

import contextlib
import os
import pathlib
import pwd
import socket
import subprocess

from checks import ended, wait_until
from services import NOBODY, as_user, listens


class Sshd:
    """How to reach it: as whom, with which key."""

    def __init__(self, directory):
        self.directory = directory
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        self.log = directory / "sshd.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        for name in ("host", "key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name], check=True)
        host = (directory / "host.pub").read_text()
        (directory / "known").write_text(f"[127.0.0.1]:{self.port} {host}")
        self.allow()

    def allow(self, options=""):
        """Lets the key in, with what stands before it in authorized_keys."""
        key = (self.directory / "key.pub").read_text()
        (self.directory / "authorized").write_text(f"{options} {key}".lstrip())

    def command(self, *arguments, user=None, key="key"):
        """ssh, as it logs in there."""
        options = {
            "BatchMode": "yes", "IdentitiesOnly": "yes", "LogLevel": "ERROR",
            "UserKnownHostsFile": self.directory / "known", "GlobalKnownHostsFile": "/dev/null",
        }
        words = ["ssh", "-F", "none", "-p", str(self.port), "-i", str(self.directory / key)]
        words += [f"-o{name}={value}" for name, value in options.items()]
        return [*words, *map(str, arguments), f"{user or self.user}@127.0.0.1"]

    def key_for(self, user):
        """The name of a copy of the key that this user's ssh takes."""
        copy = self.directory / f"key-{user}"
        copy.write_bytes((self.directory / "key").read_bytes())
        copy.chmod(0o600)
        os.chown(copy, user, user)
        return copy.name

    @contextlib.contextmanager
    def tunnel(self, near, far, *arguments, own_user=None, **login):
        """ssh with a forwarded socket, when it listens."""
        if own_user is not None:
            login["key"] = self.key_for(own_user)
        forward = ["-N", "-oExitOnForwardFailure=yes", "-oStreamLocalBindUnlink=yes", "-L", f"{near}:{far}"]
        command = self.command(*forward, *arguments, **login)
        with quiet(command, **as_user(own_user)) as ssh:
            wait_until(lambda: ssh.poll() is not None or listens(near), "ssh listens")
            yield ssh


def quiet(command, **options):
    """A process that is left alone, and has ended when that is left."""
    streams = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return ended(subprocess.Popen(command, **streams | options))


@contextlib.contextmanager
def sshd(directory, **settings):
    """An sshd with these settings beside those that it needs."""
    directory.mkdir(exist_ok=True)
    # Other users' ssh reads the host's key here.
    directory.chmod(0o711)
    server = Sshd(directory)
    own = {
        "Port": server.port, "ListenAddress": "127.0.0.1", "HostKey": directory / "host", "PidFile": "none",
        "AuthorizedKeysFile": directory / "authorized", "StrictModes": "no", "UsePAM": "no", "PermitRootLogin": "yes",
        "PasswordAuthentication": "no", "KbdInteractiveAuthentication": "no",
    }
    configuration = directory / "sshd_config"
    configuration.write_text("".join(f"{name} {value}\n" for name, value in (own | settings).items()))
    with privilege_separation(), open(server.log, "wb") as log:
        # It wants to be called by its whole name, to begin itself anew for each client.
        command = ["/usr/sbin/sshd", "-D", "-e", "-f", configuration]
        with ended(subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)) as process:
            wait_until(lambda: process.poll() is not None or answers(server.port), "sshd listens")
            yield server


def answers(port):
    """Whether somebody listens there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


@contextlib.contextmanager
def privilege_separation():
    """The one directory that root's sshd cannot do without; a system without an sshd that runs may lack it."""
    empty = pathlib.Path("/run/sshd")
    made = os.geteuid() == 0 and not empty.exists()
    if made:
        empty.mkdir(mode=0o755)
    try:
        yield
    finally:
        if made:
            empty.rmdir()


def can_log_in(user):
    """Whether sshd would let this user in: there is such a one, and the shell exists."""
    with contextlib.suppress(KeyError):
        return os.access(pwd.getpwuid(user).pw_shell, os.X_OK)
    return False


STRANGER = NOBODY if os.geteuid() == 0 and can_log_in(NOBODY) else None
