"""Windows that move along give the same floats as windows that are reckoned anew, for any readings."""

import random
from bisect import bisect_left, bisect_right
from datetime import timedelta
from math import fsum

import pytest

from tests.hazards.test_thresholds import BEGIN
from webgis.hazards.running_windows import DIGITS, measures
from webgis.hazards.threshold_tables import Level

SCALES = (1e-12, 1e-3, 0.1, 1.0, 1e7, 1e300)


def anew(level: Level, times, values, place: int) -> float:
    """The measure by its definition, from the whole window."""
    find = bisect_left if level.measure == "rise" else bisect_right
    window = values[find(times, times[place] - level.window, 0, place) : place + 1]
    if level.measure == "rise":
        return round(values[place] - min(window), DIGITS)
    total = fsum(window)
    return round(total if level.measure == "sum" else total / len(window), DIGITS)


@pytest.mark.parametrize("measure", ["sum", "mean", "rise"])
@pytest.mark.parametrize("seed", range(12))
def test_a_window_that_moves_along_is_the_one_reckoned_anew(measure, seed):
    some = random.Random(seed)
    at, times = BEGIN, []
    for _ in range(300):
        at += timedelta(seconds=some.choice((1, 7, 10, 60, 60, 61, 900)))
        times.append(at)
    scales = some.sample(SCALES, 2) if seed % 2 else [0.1]
    values = [
        some.choice((0.0, 1.0, some.uniform(-1, 5), round(some.random(), 1))) * some.choice(scales) for _ in times
    ]
    level = Level("test", 1, 1, 1, measure, timedelta(seconds=some.choice((1, 60, 600, 3600))))
    asked = [place for place in range(some.randrange(200), 300) if some.random() < some.choice((0.1, 1.0))]
    of = measures(level, times, values)
    assert [of(place) for place in asked] == [anew(level, times, values, place) for place in asked]


class Counted(list):
    """A list that counts what is read of it."""

    read = 0

    def __getitem__(self, key):
        found = super().__getitem__(key)
        self.read += len(found) if isinstance(key, slice) else 1
        return found


@pytest.mark.parametrize("measure", ["sum", "mean", "rise"])
def test_a_step_costs_what_comes_and_goes_not_what_the_window_holds(measure):
    times = [BEGIN + timedelta(seconds=10 * place) for place in range(4000)]
    values = Counted(float(place % 7) for place in range(4000))
    of = measures(Level("test", 1, 1, 1, measure, timedelta(hours=5)), times, values)
    for place in range(4000):
        of(place)
    assert values.read < 6 * len(values)
