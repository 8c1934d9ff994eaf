"""Who gets through a forwarded socket, and what sshd's settings have to say on it."""

import os
import pathlib
import re
import shlex
import shutil
import subprocess

from checks import becomes, check, wait_until
from services import as_user, listens, run, service
from sshd import STRANGER, quiet, sshd

MANUAL = pathlib.Path(__file__).resolve().parents[2] / "docs/remote.md"


def sharing(server, far):
    """One connection for all that ssh does, and the unit that keeps one."""
    control = far.near.with_name("master")
    with far.running():
        far.near.unlink(missing_ok=True)
        master = server.command("-M", "-S", control, "-N", "-oStreamLocalBindUnlink=yes")
        with quiet(master):
            wait_until(lambda: listens(control), "the master listens")

            def order(word):
                return run(*server.command("-S", control, "-O", word, "-L", f"{far.near}:{far.socket}")).returncode

            status = (order("forward"), far.control("list-windows")[0])
            check(status == (0, 0), "a master forwards when it is told to", status)
            status = (order("cancel"), far.control("list-windows")[0])
            check(status == (0, 3), "and no more when that is cancelled", status)
            status = (order("forward"), far.control("list-windows")[0])
            check(status == (0, 0), "and again, over the file that it has left", status)
        command, unit = unit_of_manual(server, far)
        # It looks for a user's directory, whether there is a user's systemd or not.
        environment = os.environ | {"XDG_RUNTIME_DIR": str(far.near.parent)}
        outcome = run("systemd-analyze", "verify", "--user", unit, env=environment)
        check(outcome.returncode == 0 and not outcome.stderr, "the manual's unit is in order", outcome.stderr.strip())
        with quiet(command):
            check(becomes(lambda: far.control("list-windows")[0] == 0), "the manual's unit forwards the socket")


def unit_of_manual(server, far):
    """The command of the unit in docs/remote.md, for this sshd and this socket, and the unit as a file."""
    text = re.search(r"```ini\n(.*?)```", MANUAL.read_text(), re.DOTALL)[1]
    unit = far.near.with_name("windowd-tunnel@host.service")
    unit.write_text(text)
    words = shlex.split(re.search(r"^ExecStart=(.*)$", text.replace("\\\n", " "), re.MULTILINE)[1])
    forward = words.index("-L") + 1
    words[forward] = f"{far.near}:{far.socket}"
    # What is a host there is how to reach this one here.
    return server.command(*words[1:-1]), unit


def strangers(server, far):
    """Whoever may log in as the user, or as root, is the user to windowd, and nobody else is."""
    if STRANGER is None:
        print("SKIPPED - other users' part takes root and a user nobody", flush=True)
        return
    with far.running():
        with server.tunnel(far.near, far.socket, user="nobody"):
            status, said = far.control("list-windows")
            refused = becomes(lambda: "Permission denied" in server.log.read_text())
            check(status == 1 and refused, "another user's login is stopped by the socket's mode", said)
            # Where that lets everyone in, by windowd itself.
            far.socket.chmod(0o666)
            status, said = far.control("list-windows")
            refused = becomes(lambda: f"refused user {STRANGER}" in far.log.read_text())
            check(status == 1 and refused, "and by windowd, which sees that user", said)
            far.socket.chmod(0o600)
        with server.tunnel(far.near, far.socket, "-oStreamLocalBindMask=0111"):
            status, said = far.control("list-windows", user=STRANGER)
            check(status == 0, "the near socket's mode is all that keeps others of that machine out", said)
        with server.tunnel(far.near, far.socket):
            status, said = far.control("list-windows", user=STRANGER)
            check(status == 1 and "Permission denied" in said, "which it does unless it is told otherwise", said)
            shutil.chown(far.near, STRANGER)
            status, said = far.control("list-windows", user=STRANGER)
            check(status == 0, "root's ssh is trusted by whoever its socket is given to", said)
        theirs = far.near.with_name("theirs")
        theirs.mkdir()
        shutil.chown(theirs, STRANGER)
        near = theirs / "near.sock"
        with server.tunnel(near, far.socket, own_user=STRANGER):
            status, said = far.control("list-windows", at=near)
            check(status == 1 and f"--server-uid {STRANGER}" in said, "another user's ssh is not trusted", said)
            status, said = far.control("list-windows", "--server-uid", str(STRANGER), at=near)
            check(status == 0, "but with --server-uid", said)
        back = theirs / "back.sock"
        with quiet(server.command("-N", "-R", f"{back}:{far.socket}", user="nobody")):
            wait_until(lambda: listens(back), "sshd listens")
            status, said = far.control("list-windows", at=back)
            check(status == 1 and f"--server-uid {STRANGER}" in said, "-R: sshd listens as the user of the login", said)
            status, said = far.control("list-windows", at=back, user=STRANGER)
            check(status == 0, "-R: and asks as the user of this ssh", said)
        theirs_too = theirs / "windowd.sock"
        command = [far.programs / "windowd", "--socket", theirs_too]
        home = {"PATH": os.environ["PATH"], "HOME": str(theirs)}
        with service(theirs_too, *command, env=home, stderr=subprocess.DEVNULL, **as_user(STRANGER)):
            with server.tunnel(far.near, theirs_too):
                status, said = far.control("list-windows")
                check(status == 0, "root's login is let in to everyone's windowd", said)


def settings(directory, far):
    """What sshd allows, and what it does not ask."""
    back = far.near.with_name("back.sock")

    def forwards(server):
        """Whether -L and -R work."""
        with server.tunnel(far.near, far.socket):
            there = far.control("list-windows")[0] == 0
        command = server.command("-N", "-oExitOnForwardFailure=yes", "-R", f"{back}:{far.socket}")
        back.unlink(missing_ok=True)
        with quiet(command) as ssh:
            wait_until(lambda: ssh.poll() is not None or listens(back), "sshd listens, or ssh gives up")
            return there, ssh.poll() is None and far.control("list-windows", at=back)[0] == 0

    with far.running():
        for number, (name, value, wanted) in enumerate((
            ("AllowStreamLocalForwarding", "yes", (True, True)),
            ("AllowStreamLocalForwarding", "local", (True, False)),
            ("AllowStreamLocalForwarding", "remote", (False, True)),
            ("AllowStreamLocalForwarding", "no", (False, False)),
            ("DisableForwarding", "yes", (False, False)),
            ("AllowTcpForwarding", "no", (False, False)), ("AllowTcpForwarding", "local", (True, False)),
            ("PermitOpen", "127.0.0.1:80", (False, True)),
            ("PermitOpen", f"[{far.socket}]:*", (True, True)), ("PermitOpen", "[/elsewhere]:*", (False, True)),
            ("PermitListen", "80", (True, True)),
        )):
            with sshd(directory / f"sshd-{number}", **{name: value}) as server:
                seen = forwards(server)
                check(seen == wanted, f"{name} {value}: -L and -R", seen)
        with sshd(directory / "keys") as server:
            for options, wanted in (
                ("restrict", (False, False)), ("restrict,port-forwarding", (True, True)),
                ('permitopen="127.0.0.1:80"', (False, True)),
                (f'restrict,port-forwarding,permitopen="[{far.socket}]:*"', (True, True)),
                ('permitlisten="80"', (True, True)),
            ):
                server.allow(options)
                seen = forwards(server)
                check(seen == wanted, f"a key with {options}: -L and -R", seen)
            server.allow()
            leftovers(server, far, back, stays=True)
        with sshd(directory / "unlinking", StreamLocalBindUnlink="yes") as server:
            leftovers(server, far, back, stays=False)


def leftovers(server, far, back, stays):
    """Whether the socket that sshd has left behind is in the way of the next."""
    command = server.command(
        "-N", "-oExitOnForwardFailure=yes", "-oStreamLocalBindUnlink=yes", "-R", f"{back}:{far.socket}")
    back.unlink(missing_ok=True)
    for _ in range(2):
        with quiet(command) as ssh:
            wait_until(lambda: ssh.poll() is not None or listens(back), "sshd listens, or ssh gives up")
            failed = ssh.poll() is not None
        wait_until(lambda: not listens(back), "sshd has ended too")
    what = "is in the way of the next" if stays else "is replaced with sshd's StreamLocalBindUnlink"
    check(failed == stays and back.exists(), f"-R: the socket that sshd leaves {what}", failed)
