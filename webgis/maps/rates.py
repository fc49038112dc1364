"""Counts made comparable, and whether two of them differ by more than chance. Pure.

Two counts of independent events are compared as one: given their sum n, the first is binomial with the share that its
exposure (days, or hours of patrol) has of both (J. Przyborowski, H. Wilenski: Homogeneity of Results in Testing Samples
from Poisson Series, Biometrika 31, 1940). Exact, two-sided by the method of small probabilities.
"""

import math
from typing import NamedTuple

import numpy as np

MEASURES = ("count", "per_km2", "per_10000_people", "per_patrol_hour")

SURE = 0.05
"""A difference is more than chance when its q is at most this."""

REACH = 40
"""Standard deviations from the mean beyond which a binomial has nothing left that a float could hold."""

ALIKE = 1 + 1e-7
"""Probabilities that rounding makes different are equal within this factor (as in R's binom.test)."""


class Comparison(NamedTuple):
    """By row: values a day now and then, their difference and ratio (NaN where there is none), and p."""

    now: np.ndarray
    then: np.ndarray
    difference: np.ndarray
    ratio: np.ndarray
    p: np.ndarray


def rate(counts: np.ndarray, per: np.ndarray) -> np.ndarray:
    """Counts by their measure; NaN where it is unknown or zero."""
    return np.divide(counts, per, out=np.full(len(counts), np.nan), where=per > 0)


def compare(counts: np.ndarray, than: np.ndarray, per: np.ndarray, than_per: np.ndarray) -> Comparison:
    """Two counts by row: `per` and `than_per` are what each is divided by, such as km2 times days."""
    now, then = rate(counts, per), rate(than, than_per)
    ratio = np.divide(now, then, out=np.full(len(now), np.nan), where=then > 0)
    share = rate(per, per + than_per)
    asked = np.column_stack([np.rint(counts), np.rint(counts) + np.rint(than), share])
    each, place = np.unique(np.nan_to_num(asked, nan=-1), axis=0, return_inverse=True)
    p = np.array([binomial_p(int(a), int(n), s) if 0 < s < 1 else math.nan for a, n, s in each])
    return Comparison(now, then, now - then, ratio, p[place.ravel()] if len(each) else np.empty(0))


def binomial_p(found: int, tries: int, share: float) -> float:
    """How probable it is that `found` of so many tries, or a less probable number, fall to a part of this `share`."""
    mean, spread = tries * share, math.sqrt(tries * share * (1 - share))
    low, high = max(0, math.floor(mean - REACH * spread)), min(tries, math.ceil(mean + REACH * spread))
    if not low <= found <= high:
        return 0.0
    steps = np.arange(low, high)
    growth = np.log((tries - steps) / (steps + 1)) + math.log(share / (1 - share))
    logs = np.concatenate([[0.0], np.cumsum(growth)])
    law = np.exp(logs - logs.max())
    law /= law.sum()
    return min(1.0, float(law[law <= law[found - low] * ALIKE].sum()))
