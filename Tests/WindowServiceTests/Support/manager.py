# A service manager of the tests' own: to a service what systemd is, as far as restarts go, and written from systemd's manual
# pages rather than from this project's code. It holds the listening socket and what the service stores, and hands both to
# the next process; it adopts and reaps the children that a service leaves behind. Unlike the real one, it can be told to
# lose and to spoil things.
#
# manager.py DIRECTORY CAPACITY PROGRAM ARGUMENT...: serves DIRECTORY/control, a JSON list of words a line, a JSON value in
# answer to each.

import contextlib, ctypes, json, mmap, os, select, shutil, signal, socket, struct, sys

directory, capacity, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
runtime = directory + "/runtime"
prctl = ctypes.CDLL(None).prctl
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def bound(kind, name):
    made = socket.socket(socket.AF_UNIX, kind)
    made.bind(directory + "/" + name)
    return made


listener = bound(socket.SOCK_STREAM, "windowd.sock")
listener.listen(4096)
notifications = bound(socket.SOCK_DGRAM, "notify")
control = bound(socket.SOCK_STREAM, "control")
control.listen(8)

stored = []  # pairs of a name and a descriptor, in the order they came
said = []
service = 0
is_ready = False
is_deaf = False
starts_on_demand = False
exits = {}


def assignments(message):
    return dict(line.split("=", 1) for line in message.decode().split("\n") if "=" in line)


def hear():
    """Takes one notification, as sd_notify(3) describes them."""
    global is_ready
    try:
        message, descriptors, _, _ = socket.recv_fds(notifications, 65536, 253, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return  # It was heard in the midst of what came before it in the same turn.
    told = assignments(message)
    said.append(message.decode())
    if told.get("READY") == "1":
        is_ready = True
    name = told.get("FDNAME", "stored")
    if told.get("FDSTORE") == "1":
        for descriptor in descriptors:
            if len(stored) < capacity:
                stored.append((name, descriptor))
            else:
                os.close(descriptor)
        return
    if told.get("FDSTOREREMOVE") == "1":
        for entry in [entry for entry in stored if entry[0] == name]:
            os.close(entry[1])
            stored.remove(entry)
    # A barrier's end hangs up here, after all that was said before it.
    for descriptor in descriptors:
        os.close(descriptor)


def start():
    """Starts the service with everything that it left, and returns when it is ready or has ended."""
    global service, is_ready
    is_ready = False
    os.makedirs(runtime, mode=0o700, exist_ok=True)
    handed = [("control", listener.fileno())] + stored
    service = os.fork()
    if service == 0:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # First out of the way, so that no number is written over before it was used.
        high = [os.dup2(number, 500 + index) for index, (_, number) in enumerate(handed)]
        for index, number in enumerate(high):
            os.dup2(number, 3 + index)
        os.closerange(3 + len(high), 65536)
        variables = {
            "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(high)),
            "LISTEN_FDNAMES": ":".join(name for name, _ in handed),
            "NOTIFY_SOCKET": directory + "/notify", "FDSTORE": str(capacity), "RUNTIME_DIRECTORY": runtime,
        }
        os.execve(command[0], command, {**os.environ, **variables})
    # A number may have been another's before.
    exits.pop(service, None)
    attend(lambda: is_ready or service in exits)
    # It may have said so and ended, with nothing to do, before this process had a turn.
    while not is_deaf and select.select([notifications], [], [], 0)[0]:
        hear()
    return "ready" if is_ready and exits.get(service, 0) == 0 else status()


def status():
    return exits.get(service, "ready" if is_ready else "starting")


def reap():
    while True:
        try:
            number, how = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if number == 0:
            return
        exits[number] = os.waitstatus_to_exitcode(how)


def end(number):
    os.kill(service, number)
    attend(lambda: service in exits)
    return exits[service]


def forget():
    """What becomes of a service that is not started again."""
    for _, descriptor in stored:
        os.close(descriptor)
    stored.clear()
    shutil.rmtree(runtime)


def perform(words):
    match words:
        case ["start"]: return start()
        case ["end", number]: return end(int(number))
        case ["restart", number]:
            end(int(number))
            return start()
        case ["stop"]:
            how = end(signal.SIGTERM)
            forget()
            return how
        case ["forget"]: forget()
        case ["process"]: return service
        case ["state"]: return status()
        case ["stored"]: return [[name, os.readlink(f"/proc/self/fd/{number}")] for name, number in stored]
        case ["said"]: return said
        case ["lose", name, kind]:
            for entry in [entry for entry in stored if entry[0] == name]:
                if kind in os.readlink(f"/proc/self/fd/{entry[1]}"):
                    os.close(entry[1])
                    stored.remove(entry)
        case ["store", name, path]: stored.append((name, os.open(path, os.O_RDWR | os.O_NOCTTY)))
        case ["spoil", name, offset, value]:
            for entry in [entry for entry in stored if entry[0] == name]:
                with mmap.mmap(entry[1], 0) as memory:
                    struct.pack_into("Q", memory, int(offset), int(value))
        case ["deaf", yes]:
            global is_deaf
            is_deaf = yes == "yes"
        case ["start on demand"]:
            global starts_on_demand
            starts_on_demand = True
        case _: raise ValueError(words)


wakeup, waker = os.pipe2(os.O_NONBLOCK)
signal.set_wakeup_fd(waker)
signal.signal(signal.SIGCHLD, lambda *_: None)
clients = {}


def attend(done):
    """Does what there is to do until `done` says so."""
    reap()
    while not done():
        watched = [wakeup, control] + list(clients) + ([] if is_deaf else [notifications])
        if starts_on_demand and exits.get(service) == 0:
            watched.append(listener)
        for ready in select.select(watched, [], [])[0]:
            if ready is wakeup:
                with contextlib.suppress(BlockingIOError):
                    os.read(wakeup, 4096)
                reap()
            elif ready is notifications:
                hear()
            elif ready is listener:
                # Unless the client that was heard before has had it started.
                if service in exits:
                    forget()
                    start()
            elif ready is control:
                client = control.accept()[0]
                clients[client] = client.makefile("rwb", buffering=0)
            elif ready in clients:
                line = clients[ready].readline()
                if line:
                    clients[ready].write(json.dumps(perform(json.loads(line))).encode() + b"\n")
                else:
                    clients.pop(ready).close()
                    ready.close()


print("managing", flush=True)
attend(lambda: False)
