"""Whether what was measured stays as it was: slopes, quantiles, and sentences about them."""

import statistics

# A life's first half warms up: the allocator takes what the service needs at its busiest, and the ends of the last
# thousand windows are remembered. After that its memory goes up and down by less than so many KiB, however long it
# lives.
MOST_GROWTH = 4096
# Half a life of fewer cycles is warming up still.
ENOUGH_CYCLES = 1000


def quantile(values, part):
    """The value below which that part of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def slope(points):
    """What y grows by for each x, by least squares; nothing where that cannot be told."""
    if len({x for x, _ in points}) < 2:
        return None
    return statistics.linear_regression(*zip(*points)).slope


class Lives:
    """The quiet points, by the windowd that they were of."""

    def __init__(self, points):
        self.lives = {}
        for point in points:
            self.lives.setdefault(point["life"], []).append(point)

    def warm(self):
        """The points of each life after its warm-up, of lives that have at least two of them."""
        found = []
        for points in self.lives.values():
            oldest = max(point["age"] for point in points)
            warm = [point for point in points if point["age"] >= oldest / 4]
            if len({point["age"] for point in warm}) > 1:
                found.append(warm)
        return found

    def memory_slopes(self):
        """By how many bytes its own memory grows for each cycle, in each life."""
        return [1024 * slope([(point["age"], point["own"]) for point in points]) for points in self.warm()]

    def growth(self):
        """By how many KiB the memory grows in the second half of the longest life, None where that is too short to tell,
        and how many cycles that half has."""
        points = max(self.lives.values(), key=lambda points: points[-1]["age"])
        late = [(point["age"], point["own"]) for point in points if point["age"] >= points[-1]["age"] / 2]
        cycles = late[-1][0] - late[0][0]
        return (slope(late) or 0) * cycles if cycles >= ENOUGH_CYCLES else None, cycles

    def memory_over_all(self):
        """By how many from the end of one life to the end of the next."""
        return 1024 * (slope([(points[-1]["cycles"], points[-1]["own"]) for points in self.warm()[:-1]]) or 0)

    def processor(self):
        """The CPU time of each cycle in milliseconds, in each life."""
        found = []
        for points in self.warm():
            first, last = points[0], points[-1]
            found.append(1000 * (last["cpu"] - first["cpu"]) / (last["age"] - first["age"]))
        return found

    def unequal(self):
        """How many points have other descriptors than they must have."""
        return sum(point["descriptors"] != point["expected"] for points in self.lives.values() for point in points)


def change(values):
    """The median of the last third as a multiple of the first third's; 1 where there are too few."""
    third = len(values) // 3
    if not third:
        return 1
    return statistics.median(values[-third:]) / (statistics.median(values[:third]) or 1)
