#!/usr/bin/env python3
"""What bash, zsh and fish offer for the programs' command lines: real shells on terminals, at which the key is typed
that lists what is possible, and a real windowd whose windows have titles that must stay text.

    completions.py [PROGRAMS [SCRIPTS]]     .build/release and .build/completions, unless given

Exit status: 0 all is as it should be; 1 something is not.
"""

import contextlib
import fcntl
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "systemd"))

from checks import PATIENCE, check, failures, wait_until  # noqa: E402

PROGRAMS = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".build/release").resolve()
SCRIPTS = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else ".build/completions").resolve()

# Titles, and how a shell that shows them does so.
TITLES = {
    "plain": "plain",
    "$(touch BROKEN)": "$(touch BROKEN)",
    "`touch BROKEN`": "`touch BROKEN`",
    "; touch BROKEN #": "; touch BROKEN #",
    "a:b'c\"d": "a:b'c\"d",
    "line\nbreak\ttab\x1b[31mred": "line\\nbreak\\ttab\\e[31mred",
    "back\\slash": "back\\slash",
    "%F{red}%n*?[x]": "%F{red}%n*?[x]",
    "\u202eturned": "\\u{202E}turned",
}

# How each shell is started, what it reads first, and the key that lists.
SHELLS = {
    "bash": (
        ["bash", "--noprofile", "--rcfile", "{home}/bashrc", "-i"],
        "bashrc",
        """PS1='READY> '
for script in "$SCRIPTS"/*.bash; do . "$script"; done
bind 'set page-completions off'; bind 'set completion-query-items 0'; bind 'set enable-bracketed-paste off'
mark() { echo MA""RK; }
bind -x '"\\C-xm": mark'; bind '"\\C-d": possible-completions'
""",
        "\x04",
    ),
    "zsh": (
        ["zsh", "-i"],
        ".zshrc",
        """PROMPT='READY> '
fpath=("$SCRIPTS" $fpath)
autoload -Uz compinit; compinit -u -D
unset zle_bracketed_paste; LISTMAX=10000
mark() { zle -I; print -r -- MA""RK; }
zle -N mark; bindkey '^Xm' mark; bindkey '^D' list-choices
""",
        "\x04",
    ),
    "fish": (
        ["fish", "--no-config", "--interactive", "--init-command", "source {home}/fishrc"],
        "fishrc",
        """for script in $SCRIPTS/*.fish; source $script; end
function fish_prompt; printf 'READY> '; end
function mark; printf 'MA%s\\n' RK; end
bind \\cxm mark; set -g fish_autosuggestion_enabled 0
""",
        "\t",
    ),
}


class Terminal:
    """A shell on a terminal so wide that it cuts nothing off."""

    def __init__(self, command, environment, directory):
        self.seen = ""
        self.process, self.number = pty.fork()
        if self.process == 0:
            os.chdir(directory)
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 200, 1000, 0, 0))
            os.execvpe(command[0], command, environment)

    def until(self, text):
        """Reads until the text is there, and returns all before it."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.seen:
            if not select.select([self.number], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError(f"no {text} in {self.seen!r}")
            self.seen += os.read(self.number, 65536).decode(errors="replace")
        before, _, self.seen = self.seen.partition(text)
        return before

    def type(self, keys):
        """Types."""
        os.write(self.number, keys.encode())

    def end(self):
        """Ends the shell."""
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self.number)


class Shells:
    """All three, in a home of their own."""

    def __init__(self, home):
        self.home = home
        self.environment = {
            "PATH": f"{PROGRAMS}:/usr/bin:/bin", "HOME": str(home), "ZDOTDIR": str(home), "XDG_CONFIG_HOME": str(home),
            "XDG_DATA_HOME": str(home), "WINDOWD_SOCKET": str(home / "w.sock"), "SCRIPTS": str(SCRIPTS),
            "TERM": "xterm", "LANG": "C.UTF-8",
        }  # fmt: skip
        for _, name, text, _ in SHELLS.values():
            (home / name).write_text(text)

    def offered(self, shell, line):
        """What is on the screen after the line and the key that lists; fish puts what is unique into the line."""
        command, _, _, key = SHELLS[shell]
        terminal = Terminal([word.format(home=self.home) for word in command], self.environment, self.home)
        try:
            terminal.until("READY> ")
            terminal.type(f"{line}{key}\x18m")
            screen = terminal.until("MARK")
        finally:
            terminal.end()
        return re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[()=>].?)", "", screen)

    def expect(self, line, wanted=(), unwanted=(), shells=SHELLS):
        """Checks what is offered for a line: words that must be among it, and words that must not."""
        for shell in shells:
            deadline = time.monotonic() + PATIENCE
            while True:
                screen = self.offered(shell, line)
                words = set(screen.split())
                missing = [word for word in wanted if word not in words]
                # What asks windowd does not wait long for its answer.
                if not missing or time.monotonic() > deadline:
                    break
            spurious = [word for word in unwanted if word in words]
            complaint = re.search(r"^[\r\b]*(Error|windowctl|fdwatch):", screen, re.MULTILINE)
            good = not missing and not spurious and not complaint
            seen = "" if good else f"missing {missing}, spurious {spurious} in {screen!r}"
            check(good, f"{shell}: {line.replace(str(self.home), '~')}", seen)


def scripts():
    """They are what the shells take for scripts."""
    for shell, pattern in (("bash", "*.bash"), ("zsh", "_*"), ("fish", "*.fish")):
        found = sorted(SCRIPTS.glob(pattern))
        outcome = [subprocess.run([shell, "-n", script], capture_output=True, text=True) for script in found]
        messages = [one.stderr for one in outcome if one.returncode or one.stderr]
        check(len(found) == 3 and not messages, f"{shell} -n: three scripts", messages or "")


def words(shells):
    """What needs no daemon."""
    commands = ["create-window", "list-windows", "close-window", "resize-window", "attach", "show", "wait", "config",
                "get-config", "status"]  # fmt: skip
    shells.expect("windowctl ", commands)
    shells.expect("windowctl attach --", ["--steal", "--read-only", "--detach-key", "--socket", "--json"], ["--hold"])
    shells.expect("windowctl attach --detach-key ", ["none"])
    shells.expect("windowd --", ["--socket", "--config", "--detached", "--idle-exit"])
    shells.expect("windowd ", (), ["help"])
    shells.expect("fdwatch --", ["--unit", "--interval", "--fail-on-growth", "--run"])
    shells.expect("fdwatch --color ", ["auto", "always", "never"])
    (shells.home / "directory").mkdir()
    (shells.home / "file").touch()
    shells.expect(f"windowctl --socket {shells.home}/fil", ["file"], shells=["bash", "zsh"])
    shells.expect(f"fdwatch --save {shells.home}/fil", [f"{shells.home}/file"], shells=["fish"])
    shells.expect("windowctl create-window --working-directory ", ["directory/"], ["file"])
    shells.expect("windowctl create-window -e readlin", ["readlink"])
    shells.expect("fdwatch --run readlin", ["readlink"])


def windows(shells):
    """Ids, and titles where the shell shows them."""
    options = {"env": shells.environment, "check": True, "stdout": subprocess.DEVNULL}
    for title in TITLES:
        subprocess.run([PROGRAMS / "windowctl", "create-window", f"--title={title}", "-e", "cat"], **options)
    ids = [str(number + 1) for number in range(len(TITLES))]
    for command in ("attach", "close-window", "show", "wait", "resize-window", "config --window", "get-config --window"):
        shells.expect(f"windowctl {command} ", ids)
    shells.expect("windowctl resize-window 1 ", (), ids[1:])
    for shell in ("zsh", "fish"):
        screen = shells.offered(shell, "windowctl show ")
        missing = [shown for shown in TITLES.values() if shown not in screen]
        check(not missing, f"{shell}: titles are shown as text", f"missing {missing} in {screen!r}" if missing else "")
    shells.expect("windowctl config siz", ["size=80x24"])
    shells.expect("windowctl create-window -o scr", ["scrollback=262144"])
    screen = shells.offered("bash", "windowctl config siz\t")
    good = "size=80x24" in screen
    check(good, "bash: a setting is inserted as it is", "" if good else repr(screen))
    return ids


def sockets(shells, ids):
    """The daemon that is asked is the one that the line means."""
    socket_path = shells.environment["WINDOWD_SOCKET"]
    named = shells.home / "a b.sock"
    named.symlink_to(socket_path)
    shells.environment["WINDOWD_SOCKET"] = str(shells.home / "nowhere.sock")
    escaped = str(named).replace(" ", "\\ ")
    for line in (f"windowctl --socket {escaped} show ", f"windowctl show --socket '{named}' ",
                 "windowctl show --socket ~/a\\ b.sock "):  # fmt: skip
        shells.expect(line, ids)
    shells.expect(f"windowctl --socket={escaped} show ", ids, shells=["fish"])
    shells.expect("windowctl show ", (), ids)
    shells.expect(f"windowctl --socket {escaped} show --socket $NOWHERE/x ", (), ids, shells=["bash", "zsh"])
    check(not os.path.lexists(shells.environment["WINDOWD_SOCKET"]), "no daemon is started")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(shells.environment["WINDOWD_SOCKET"])
        silent.listen()
        shells.expect("windowctl show ", (), ids)
    shells.environment["WINDOWD_SOCKET"] = socket_path


def processes(shells):
    """Numbers, and names that one process alone has; a name that the shell would run is nothing that is offered."""
    names = ["sleeping-beauty", "$(touch BROKEN)"]
    with contextlib.ExitStack() as stack:
        numbers = []
        for name in names:
            shutil.copy("/bin/sleep", shells.home / name)
            process = subprocess.Popen([shells.home / name, "1000"])
            stack.callback(process.wait)
            stack.callback(process.kill)
            numbers.append(str(process.pid))
            comm = pathlib.Path(f"/proc/{process.pid}/comm")
            wait_until(lambda: comm.read_text().strip() == name[:15], "the program runs")
        shells.expect("fdwatch ", [names[0], *numbers], ["$(touch", "help"])
        shells.expect("fdwatch sleep", [names[0]], numbers)
        program = f"{shells.home}/{names[0]}"
        shells.expect(f"fdwatch --run {program[:-3]}", [program], shells=["zsh", "fish"])
        # Nor does a file's name run.
        shells.expect(f"fdwatch --run {shells.home}/")


def main():
    """Prints a line for each check."""
    scripts()
    with tempfile.TemporaryDirectory(prefix="completions-") as name:
        shells = Shells(pathlib.Path(name))
        words(shells)
        command = [PROGRAMS / "windowd", "--detached"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "env": shells.environment, "text": True}
        daemon = subprocess.Popen(command, **pipes)
        try:
            check(daemon.stdout.readline() == "ready\n", "windowd is there")
            ids = windows(shells)
            sockets(shells, ids)
            processes(shells)
        finally:
            daemon.terminate()
            daemon.wait()
        broken = list(shells.home.glob("BROKEN*"))
        check(not broken, "no shell has run what it was to show")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
