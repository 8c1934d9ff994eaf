"""A socket that is there before its service: units that systemd understands, a client that starts windowd, a terminal that
is as any other, a new configuration, a stop and the next client."""

import json
import pathlib

from checks import becomes, check, wait_until
from windows import started_at


def units(manager, windows):
    """systemd finds nothing to say about the units; its exit status says less than its words."""
    mode = ["--user"] if manager.owner else []
    del windows
    outcome = manager.run("systemd-analyze", *mode, "verify", "windowd.socket", "windowd.service")
    said = (outcome.stdout + outcome.stderr).strip()
    check(outcome.returncode == 0 and not said, "systemd-analyze verify is silent", said or "nothing")


def activation(manager, windows):
    """A client's question starts windowd, which answers it."""
    check(manager.state() == "inactive", "nobody has started windowd", manager.state())
    mode = manager.socket.stat().st_mode & 0o777
    check(mode == 0o600, "the socket's mode", f"{mode:o}")
    outcome = windows.windowctl("list-windows", check=False)
    check(outcome.returncode == 0, "the first client is answered", outcome.stderr.strip() or "exit status 0")
    check(manager.state() == "active", "windowd is active then", manager.state())
    shown = windows.ask("status")["pid"]
    check(shown == manager.main_process(), "it is the main process", shown)
    status = becomes(lambda: manager.property("StatusText"))
    check(status and status.startswith("0 windows, "), "it tells of its status", status)
    status = manager.control("status", "windowd.service", check=False)
    line = next((line.strip() for line in status.splitlines() if "Status: " in line), None)
    check(line, "systemctl status shows it", line)
    watched = manager.run("fdwatch", *(["--user"] if manager.owner else []), "--unit", "windowd.service", "--json")
    seen = json.loads(watched.stdout)["snapshot"] if watched.returncode == 0 else {}
    kinds = {descriptor["kind"] for descriptor in seen.get("descriptors", [])}
    known = seen.get("process", {}).get("pid") == shown and {"epoll", "unix stream socket"} <= kinds
    check(known, "fdwatch finds it by its unit", watched.stderr.strip() or f"{len(seen['descriptors'])} descriptors")


def terminal(manager, windows):
    """A window has what a login has: no limit that the unit could have brought."""
    number = windows.create("login")
    process = windows.listed()[number]["pid"]
    status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines())
    seen = {name: status[name].strip() for name in ("NoNewPrivs", "Seccomp", "Umask", "CapBnd")}
    first = dict(line.split(":\t", 1) for line in pathlib.Path("/proc/1/status").read_text().splitlines())
    expected = {"NoNewPrivs": "0", "Seccomp": "0", "Umask": "0022", "CapBnd": first["CapBnd"].strip()}
    check(seen == expected, "a window may what a login may", seen)
    own = [kind for kind in ("mnt", "net", "ipc", "uts", "user", "pid", "cgroup")
           if pathlib.Path(f"/proc/{process}/ns/{kind}").readlink() != pathlib.Path(f"/proc/1/ns/{kind}").readlink()]
    check(not own, "it is in the system's namespaces", ", ".join(own) or "all of them")
    uids = status["Uid"].split()[0]
    check(int(uids) == manager.user, "it is its user's", uids)
    limits = pathlib.Path(f"/proc/{process}/limits").read_text()
    files = next(line for line in limits.splitlines() if line.startswith("Max open files")).split()[3:5]
    check(files[0] == "1024", "its descriptor limit is a login's", " ".join(files))
    windows.close([number])
    # With a shell between it and windowd, whose name root could give for its own.
    number = windows.windowctl(
        "create-window", "-e", "sh", "-c", f"NOTIFY_SOCKET={manager.runtime}/systemd/notify systemd-notify --status=forged; :"
    ).stdout
    windows.windowctl("wait", number.strip())
    status = manager.property("StatusText")
    check(status != "forged", "a window cannot speak for windowd", status)


def reload(manager, windows):
    """A changed configuration is read on a reload; a wrong one changes nothing."""
    home = pathlib.Path("/home/user1" if manager.user else "/root")
    file = home / ".config/windowd/windowd.conf"
    file.parent.mkdir(parents=True, exist_ok=True)

    def size():
        return windows.ask("get-config")["config"].get("size")

    usual = size()
    process = manager.main_process()

    file.write_text("size = 101x31\n")
    manager.control("reload", "windowd.service")
    seen = becomes(lambda: size() == "101x31")
    check(seen, "a reload reads the configuration", size())
    seen = becomes(lambda: manager.state() == "active")
    check(seen and manager.main_process() == process, "windowd is active, and the same, after it", manager.state())
    file.write_text("size = 5 metres\n")
    manager.control("reload", "windowd.service")
    said = becomes(lambda: next((line for line in manager.log().splitlines() if "unchanged" in line), None))
    check(said, "a wrong configuration is logged", said)
    seen = becomes(lambda: manager.state() == "active")
    check(seen and size() == "101x31", "it changes nothing", f"{manager.state()}, {size()}")
    file.unlink()
    manager.control("reload", "windowd.service")
    wait_until(lambda: size() == usual, "the settings are the usual ones again")


def stop(manager, windows):
    """A stop hangs the windows up and leaves the socket to the next client."""
    windows.create_many(3)
    processes = [window["pid"] for window in windows.listed().values()]
    manager.control("stop", "windowd.service")
    gone = becomes(lambda: not any(map(started_at, processes)))
    check(gone, "a stop hangs the windows up", f"{sum(map(bool, map(started_at, processes)))} of 3 left")
    check(manager.stored() == 0, "a stop empties the store", manager.stored())
    check(manager.state("socket") == "active", "the socket stays", manager.state("socket"))
    outcome = windows.windowctl("list-windows", check=False)
    check(outcome.returncode == 0 and outcome.stdout == "", "the next client starts an empty windowd", outcome.stdout)
