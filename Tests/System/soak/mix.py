"""What cycles there are, and how often each kind comes."""

import itertools

import faults
import successes
import terminals

# How often each kind comes beside the others. Those of the first table take no time to speak of; those of the second
# wait for something else than windowd, so that others are made meanwhile.
AT_ONCE = {
    successes.lists: 190,
    successes.status: 20,
    successes.config: 30,
    successes.get_config: 140,
    successes.several: 40,
    successes.true: 90,
    successes.create_and_close: 60,
    successes.alacritty_config: 20,
    faults.no_command: 30,
    faults.no_directory: 20,
    faults.alacritty_no_command: 20,
    faults.no_window: 20,
    faults.no_json: 30,
    faults.no_utf8: 25,
    faults.empty: 25,
    faults.unknown: 25,
    faults.half: 40,
    faults.not_listening: 50,
    faults.nothing: 30,
    faults.too_long: 4,
    faults.bytewise: 20,
    faults.hands_over: 30,
    faults.hundred: 3,
}
WAITING = {
    successes.prints: 12,
    successes.hung_up: 4,
    successes.stubborn: 2,
    successes.alacritty_11: 12,
    successes.alacritty_17: 12,
    successes.windowctl: 4,
    successes.alacritty_msg: 1,
    terminals.detached: 6,
    terminals.ended: 4,
    terminals.stolen: 4,
    terminals.watched: 4,
    terminals.lost: 4,
    terminals.left: 4,
    terminals.no_terminal: 4,
    terminals.killed: 2,
    faults.silent: 8,
    faults.reads_nothing: 4,
}
# Once in the end, since these take half a minute.
PATIENT = (faults.given_up, faults.too_slow)

KINDS = [*AT_ONCE, *WAITING]
CUMULATED = list(itertools.accumulate([*AT_ONCE.values(), *WAITING.values()]))


def draw(random):
    """A kind of cycle."""
    return random.choices(KINDS, cum_weights=CUMULATED)[0]


def name(kind):
    """What a kind is called in reports."""
    return kind.__doc__.partition("\n")[0]
