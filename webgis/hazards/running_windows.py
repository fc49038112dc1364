"""What a level looks at, reading by reading: sums and lowest values of a window that moves along. Pure.

A window costs what comes into it and leaves it, not what it holds. Sums are exact, so they are those of the window by
itself, however long it has moved.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from math import fsum

from webgis.hazards.threshold_tables import Level

DIGITS = 9
"""Measures are rounded to so many places, so that 0.35 - 0.25 reaches 0.1."""

Measured = Callable[[int], float]
"""The measure at a place of the readings. Places are asked for in their order; some may be passed over."""


def measures(level: Level, times: list[datetime], values: list[float]) -> Measured:
    """What the level looks at, of readings in the order of their moments."""
    if level.measure == "value":
        return values.__getitem__
    return (_rises if level.measure == "rise" else _sums)(level, times, values)


def _sums(level: Level, times: list[datetime], values: list[float]) -> Measured:
    """Sum or mean of the window, without its first moment."""
    since, until, parts = 0, 0, []

    def measure(place: int) -> float:
        nonlocal since, until, parts
        begin = bisect_right(times, times[place] - level.window, since, place)
        if begin >= until:  # nothing of the window before is in this one
            since, until, parts = begin, begin, []
        parts = _exact([*parts, *values[until : place + 1], *(-one for one in values[since:begin])])
        since, until = begin, place + 1
        total = parts[0] if parts else 0.0
        return round(total if level.measure == "sum" else total / (until - since), DIGITS)

    return measure


def _exact(values: Sequence[float]) -> list[float]:
    """A few numbers, the greatest first, whose exact sum is that of `values`; the first is that sum rounded."""
    parts: list[float] = []
    while part := fsum((*values, *(-one for one in parts))):
        parts.append(part)
    return parts


def _rises(level: Level, times: list[datetime], values: list[float]) -> Measured:
    """The reading less the lowest within the window, its first moment included."""
    until, lowest = 0, deque()  # places whose values rise: each is the lowest once those before it have left

    def measure(place: int) -> float:
        nonlocal until
        begin = bisect_left(times, times[place] - level.window, 0, place)
        for one in range(max(until, begin), place + 1):
            while lowest and values[lowest[-1]] >= values[one]:
                lowest.pop()
            lowest.append(one)
        until = place + 1
        while lowest[0] < begin:
            lowest.popleft()
        return round(values[place] - values[lowest[0]], DIGITS)

    return measure
