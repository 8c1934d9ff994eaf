"""What one request costs that can be counted: system calls, and instructions in user mode.

Each is counted for N requests and for twice as many; the difference is free of whatever happens once. Each
request finds the server asleep.
"""

import signal
import subprocess

from runner.processes import PATIENCE, Failed, child, fields
from runner.rates import Scenario, cores
from runner.servers import PROGRAMS, serving

REQUEST = Scenario("a request", "echo", ("pingpong", 1, 64), 1)
CHURN = Scenario("a churned connection", "reply", ("churn", 1), 1)
COUNTED = (REQUEST, CHURN)


def traced(command, work, core, stop):
    """Attaches, has the work done, detaches; what the tracer printed. It says `attached` first, on standard error."""
    options = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
    with child(command, core, **options) as tracer:
        said = tracer.stderr.readline()
        if "attached" not in said:
            raise Failed(f"{command[0]}: {said.strip() or 'is not there'}")
        work()
        stop(tracer)
        try:
            out, _ = tracer.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failed(f"{command[0]} does not end") from None
    return out


def _traced_server(command, server, scenario, requests, core, stop=lambda _: None):
    """What a tracer of the server printed of that many requests."""
    out = traced(command, lambda: server.load(*scenario.words, "-n", requests, "-r", core=core), core, stop)
    server.must_live()
    return out


def _calls(report):
    """The columns `calls` and `syscall` of strace's summary."""
    calls = {}
    for line in report.read_text().splitlines():
        words = line.split()
        if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
            calls[words[-1]] = int(words[3])
    return calls


def system_calls(name, scenario, directory, requests):
    """System calls a request, by their names, of all the server's threads."""
    report = directory / "calls"
    core, _ = cores(scenario)
    with serving(name, scenario.mode, directory, core) as server:
        server.load(*scenario.words, "-n", 500, core=core)

        def count(number):
            command = ["strace", "-c", "-f", "-o", report, "-p", server.pid]
            _traced_server(command, server, scenario, number, core, lambda tracer: tracer.send_signal(signal.SIGINT))
            return _calls(report)

        once, twice = count(requests), count(2 * requests)
    each = {call: (twice[call] - once.get(call, 0)) / requests for call in twice}
    return {call: number for call, number in sorted(each.items()) if abs(number) >= 0.005}


def instructions(name, scenario, directory, requests):
    """Instructions a request in user mode, of the thread that serves."""
    core, _ = cores(scenario)
    with serving(name, scenario.mode, directory, core) as server:
        server.load(*scenario.words, "-n", 2000, core=core)
        thread = server.busiest_thread()

        def count(number):
            command = [PROGRAMS / "stepcount", thread]
            return fields(_traced_server(command, server, scenario, number, core))["instructions"]

        # The first time, what runs after an interrupted wait is looked up by the dynamic linker.
        count(1)
        once, twice = count(requests), count(2 * requests)
    return (twice - once) / requests
