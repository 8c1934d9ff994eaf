#!/usr/bin/env python3
"""The manual against the programs: every command and option that they know is in their pages, and no other; every
request and error code of the protocol is in its page; and what the page prints as an exchange, a real windowd answers.

    manual.py [PROGRAMS]     .build/release, unless given

Exit status: 0 all is as it should be; 1 something is not.
"""

import json
import os
import pathlib
import pty
import re
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "systemd"))

from checks import PATIENCE, check, failures  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".build/release").resolve()
# What is another number each time.
VOLATILE = {"pid", "opened", "uptime", "connections", "descriptors"}
# What may be asked until a program has printed what it will.
REPEATABLE = {"show", "list-windows", "status"}


def compare(what, known, told):
    """One check of two sets of names."""
    missing, spurious = sorted(known - told), sorted(told - known)
    seen = f"the page lacks {missing}, and has {spurious} too many" if missing or spurious else f"{len(told)} of them"
    check(bool(told) and not missing and not spurious, what, seen)


def macros(page):
    """The page's headings and list items: the section, the subsection, and the words of each line."""
    section = subsection = ""
    for line in (ROOT / "man" / f"{page}.in").read_text().splitlines():
        name, *words = line.split() or [""]
        if name == ".Sh":
            section, subsection = " ".join(words), ""
        elif name == ".Ss":
            subsection = words[0]
        if name in (".Ss", ".It"):
            yield section, subsection, name, words


def options_in(page):
    """The options that the page lists, by section and subsection."""
    found = {}
    for section, subsection, name, words in macros(page):
        names = {f"-{word}" for before, word in zip(words, words[1:]) if before == "Fl"} if name == ".It" else set()
        found.setdefault((section, subsection), set()).update(names)
    return found


def options_of(command):
    """The options that a command of the parser's knows."""
    return {
        ("--" if name["kind"] == "long" else "-") + name["name"]
        for argument in command.get("arguments", [])
        for name in argument.get("names", [])
        if argument["shouldDisplay"]
    }


def command_lines():
    """Commands and options."""
    for program, page in (("windowd", "windowd.8"), ("fdwatch", "fdwatch.1"), ("windowctl", "windowctl.1")):
        dump = subprocess.run([PROGRAMS / program, "--experimental-dump-help"], check=True, capture_output=True)
        command = json.loads(dump.stdout)["command"]
        commands = {one["commandName"]: one for one in command.get("subcommands", [])}
        told = options_in(page)
        if set(commands) <= {"help"}:
            # The parser tells of a command `help` of every program, which those without commands do not have.
            compare(f"{page}: options", options_of(command), set().union(*told.values()))
            continue
        pages = {part: names for (section, part), names in told.items() if section == "COMMANDS" and part}
        common = told["OPTIONS", ""]
        compare(f"{page}: commands", set(commands), set(pages))
        compare(f"{page}: options of all commands", options_of(command), common)
        for name in sorted(commands.keys() & pages.keys() - {"help"}):
            compare(f"{page}: options of {name}", options_of(commands[name]), common | pages[name])


def names_in(source, enumeration):
    """The values of an enumeration of strings in a source."""
    text = (ROOT / "Sources" / source).read_text()
    body = re.search(rf"enum {enumeration}: String\b.*?\{{(.*?)\n *\}}", text, re.DOTALL).group(1)
    return {value or name for name, value in re.findall(r'^ *case (\w+)(?: = "([^"]+)")?$', body, re.MULTILINE)}


def protocol():
    """Requests and error codes."""
    page = list(macros("windowd-protocol.7"))
    requests = {
        subsection for section, subsection, name, _ in page
        if name == ".Ss" and section in ("REQUESTS", "ALACRITTY'S MESSAGES")
    }  # fmt: skip
    compare("windowd-protocol.7: requests", names_in("WindowProtocol/Request+Coding.swift", "Name"), requests)
    codes = names_in("WindowProtocol/Reply.swift", "FailureCode")
    compare("windowd-protocol.7: error codes", codes, items("windowd-protocol.7", "ERROR CODES"))


def items(page, section):
    """The names of the items in a section."""
    return {words[1] for part, _, name, words in macros(page) if name == ".It" and part == section and words[0] == "Cm"}


def strings_in(source, declaration):
    """The strings in a declaration of a source."""
    text = (ROOT / "Sources" / source).read_text()
    return set(re.findall(r'"([^"]+)"', re.search(rf"{declaration}.*?\[\n(.*?)\n *\]", text, re.DOTALL).group(1)))


def daemon_page():
    """Settings, and the variables that programs do not have."""
    page = (ROOT / "man/windowd.8.in").read_text()
    settings = strings_in("WindowService/Configuration.swift", "let keys")
    compare("windowd.8: settings", settings, items("windowd.8", "CONFIGURATION"))
    kept_back = page.partition("It has none of those")[2].partition(".Sh")[0]
    told = {name for name in re.findall(r"^\.Ev (\w+)", kept_back, re.MULTILINE) if not name.endswith("_")}
    kept_back = strings_in("WindowService/ChildSetup.swift", "terminalVariables")
    kept_back |= strings_in("IPCKit/Processes/Environment.swift", "unitVariables")
    compare("windowd.8: variables kept back", kept_back, told)


def keys_of(value, by_kind=("kinds", "growth")):
    """All keys in a document, but for kinds of descriptors."""
    if isinstance(value, list):
        return set().union(*(keys_of(one) for one in value))
    if not isinstance(value, dict):
        return set()
    inner = [one for key, one in value.items() if key not in by_kind or "group" in one]
    return set(value).union(*map(keys_of, inner))


def documents():
    """What suspects and fdwatch's documents are made of."""
    rules = {words[-1] for section, _, name, words in macros("fdwatch.1") if section == "SUSPECTS" and name == ".It"}
    compare("fdwatch.1: suspects", names_in("DescriptorWatch/Suspect.swift", "Rule"), rules)
    page = (ROOT / "man/fdwatch.1.in").read_text().partition(".Sh JSON")[2].partition(".Sh")[0]
    told = set(re.findall(r"[A-Za-z]+", "\n".join(re.findall(r"^\.(?:It |Pq .*|)Cm .*", page, re.MULTILINE))))
    with tempfile.TemporaryDirectory(prefix="manual-") as directory:
        saved = f"{directory}/before.json"
        descriptors = [socket.socketpair(), os.pipe()]
        command = [PROGRAMS / "fdwatch", str(os.getpid())]
        subprocess.run([*command, "--save", saved], check=True, stdout=subprocess.DEVNULL)
        command += ["--json", "--interval", "20ms", "--count", "3", "--diff", saved]
        seen = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        os.close(descriptors[1][0])
        os.close(descriptors[1][1])
    known = set().union(*(keys_of(json.loads(line)) for line in seen.splitlines()))
    missing = sorted(known - told)
    check(len(known) > 40 and not missing, "fdwatch.1: keys", f"the page lacks {missing}" if missing else len(known))


def exchanges():
    """What the page prints of conversations: for each a list of who says what."""
    text = (ROOT / "man/windowd-protocol.7.in").read_text()
    for block in re.findall(r"^\.Bd -literal\n(.*?)^\.Ed", text, re.DOTALL | re.MULTILINE):
        lines = re.sub(r"\n {5}", "", block.replace("\\e", "\\")).splitlines()
        yield [tuple(line.split(": ", 1)) for line in lines]


def same(printed, answered):
    """Whether an answer is what is printed, but for what is another each time."""
    if isinstance(printed, dict) and isinstance(answered, dict):
        return printed.keys() == answered.keys() and all(
            type(answered[key]) is type(printed[key]) if key in VOLATILE else same(printed[key], answered[key])
            for key in printed
        )
    if isinstance(printed, list) and isinstance(answered, list):
        return len(printed) == len(answered) and all(map(same, printed, answered))
    return printed == answered


class Conversation:
    """A connection, and a terminal for messages that take one along."""

    def __init__(self, path, terminal):
        self.terminal = terminal
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        self.replies = self.socket.makefile("rb")

    def say(self, message):
        """Sends a message."""
        attaching = "attach" in json.loads(message)
        socket.send_fds(self.socket, [f"{message}\n".encode()], [self.terminal] if attaching else [])

    def hears(self, printed, message):
        """Whether the daemon answers what is printed; what it answers."""
        deadline = time.monotonic() + PATIENCE
        while True:
            line = self.replies.readline().decode()
            if printed == "(end of file)":
                return line == "", line
            good = line != "" and same(json.loads(printed), json.loads(line))
            if good or not REPEATABLE & json.loads(message).keys() or time.monotonic() > deadline:
                return good, line
            self.say(message)


def conversations():
    """The exchanges in the page, one after the other, with one daemon."""
    with tempfile.TemporaryDirectory(prefix="manual-") as directory:
        path = pathlib.Path(directory) / "w.sock"
        # With the descriptors of a daemon whose log is a file, and without a configuration of somebody's.
        environment = {name: value for name, value in os.environ.items() if name not in ("SHELL", "NOTIFY_SOCKET")}
        environment |= {"HOME": directory, "XDG_CONFIG_HOME": directory}
        command = [PROGRAMS / "windowd", "--detached", "--socket", path]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
        daemon = subprocess.Popen(command, env=environment, **pipes)
        master, terminal = pty.openpty()
        try:
            daemon.stdout.readline()
            heard = 0
            for number, lines in enumerate(exchanges(), 1):
                conversation, message = Conversation(path, terminal), ""
                for who, text in lines:
                    if who == "C":
                        message = text
                        conversation.say(message)
                        continue
                    good, answer = conversation.hears(text, message)
                    heard += 1
                    seen = "" if good else f"printed {text}, answered {answer}"
                    check(good, f"exchange {number}: {message[:60]}", seen)
            check(heard > 20, "the page has exchanges", heard)
        finally:
            daemon.terminate()
            daemon.wait()
            os.close(master)
            os.close(terminal)


def main():
    """Prints a line for each check."""
    command_lines()
    daemon_page()
    documents()
    protocol()
    conversations()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
