"""The example of a passed descriptor: who gets it, what is taken, and that each side closes it once."""

import contextlib
import os
import re
import socket
import threading

from checks import check
from services import IS_ROOT, NOBODY, Trace, check_descriptors, check_end, connect, listening, run, service


def passing(programs, directory):
    """An open file goes to the one whom it is for, and each closes it once."""
    path, file, own = directory / "giver.sock", directory / "secret", os.geteuid()
    give = [programs / "giver", path, file]
    file.write_text("the secret\nand more\n")
    file.chmod(0o600)

    def take(user, giver=own):
        outcome = run(programs / "taker", path, str(giver), user=user)
        return outcome.returncode, outcome.stdout.strip()

    text = file.read_text().strip()
    if IS_ROOT:
        with service(path, *give, str(NOBODY)) as process:
            refused = run("cat", str(file), user=NOBODY).returncode != 0
            said = take(NOBODY)
            check(refused and said == (0, text), "passing: the taker reads what it may not open", said)
            said = take(None)
            check(said[0] == 1, "passing: not even root, for whom it is not", said)
            check_end(process, path, "giver")
    else:
        print("SKIPPED - passing: another user's file takes root", flush=True)

    giver_trace, taker_trace = Trace(directory / "giver.trace"), Trace(directory / "taker.trace")
    with service(path, *giver_trace.command, *give, str(own)) as process:
        outcome = run(*taker_trace.command, programs / "taker", path, str(own))
        check(outcome.stdout.strip() == text, "passing: the taker reads it", outcome.stdout.strip())
        said = take(None, giver=12345)
        check(said[0] == 1 and "not allowed" in said[1], "passing: not from whom it does not trust", said)
        check_end(process, path, "giver")
    given = re.escape(str(file))
    check_closed_once(giver_trace, rf'openat\(AT_FDCWD, "{given}".* = (\d+)$', "passing: the giver closes it once")
    check_closed_once(taker_trace, r"cmsg_type=SCM_RIGHTS, cmsg_data=\[(\d+)\]", "passing: the taker closes it once")

    with service(path, *give, str(own)) as process:
        check_descriptors(process, lambda: receive_one(path), lambda: connect(path).close(), "giver")
        file.unlink()
        said = take(None)
        check(said[0] == 1 and "No such file" in said[1], "passing: a file that is not there is told so", said)
        check_end(process, path, "giver")

    for what, numbers in false_gifts(directory):
        with false_giver(path, numbers):
            said = take(None)
            check(said[0] == 1, f"passing: the taker refuses {what}", said[1])


def check_closed_once(trace, pattern, what):
    """The descriptor that the first match names is closed once before its number is another's, and nothing in vain."""
    lines = trace.lines()
    begin = next(index for index, line in enumerate(lines) if re.search(pattern, line))
    number = re.search(pattern, lines[begin])[1]
    closes = [line for line in lines[begin + 1:] if re.search(rf" close\({number}\) ", line)]
    # Those who come later have the same number again.
    again = rf" = {number}$|SCM_RIGHTS, cmsg_data=\[{number}\]"
    opened = [line for line in lines[begin + 1:] if re.search(again, line)]
    good = len(closes) == 1 + len(opened) and not any("EBADF" in line for line in lines)
    check(good, what, f"{len(closes)} of {1 + len(opened)}")


def receive_one(path):
    """Takes a file as the taker does."""
    with connect(path) as connection:
        _, numbers, _, _ = socket.recv_fds(connection, 100, 4)
        for number in numbers:
            os.close(number)


def false_gifts(directory):
    """What the taker should refuse, and the descriptors for it."""
    with open("/dev/null", "rb") as file, open(directory / "twice", "wb") as regular:
        yield "nothing", []
        yield "two files", [regular.fileno(), regular.fileno()]
        yield "a device", [file.fileno()]
    ends = os.pipe()
    yield "a pipe", [ends[0]]
    for end in ends:
        os.close(end)


@contextlib.contextmanager
def false_giver(path, numbers):
    """Gives these to one client."""
    with listening(path) as listener:
        def give():
            with listener.accept()[0] as connection:
                socket.send_fds(connection, [b"file\n"], numbers)

        thread = threading.Thread(target=give)
        thread.start()
        yield
        thread.join()
