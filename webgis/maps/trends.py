"""What becomes of hot spots: a span cut into equal windows, and a word for each cell's way through them. Pure.

A reduction of the categories of ESRI's Emerging Hot Spot Analysis (ArcGIS Pro, "How Emerging Hot Spot Analysis works"),
with the trend of z by H. B. Mann, Nonparametric Tests Against Trend, Econometrica 13 (1945), and M. G. Kendall, Rank
Correlation Methods (1975).
"""

from datetime import timedelta
from typing import NamedTuple

import numpy as np

from webgis.days import Span
from webgis.maps.hotspots import normal_p

ALWAYS = 0.9
"""A cell that was hot in this part of the windows or more was hot all along (ESRI's measure)."""

SURE = 0.05
"""A trend is one when its p is at most this."""

FEWEST, MOST = 5, 24
"""Windows: with four no trend can be sure."""


def windows(span: Span, number: int) -> list[Span]:
    """`number` windows of equal length up to the span's end; days that are left over at its beginning are in none."""
    length = span.days // number
    ends = (span.until - timedelta(days=length * step) for step in reversed(range(number)))
    return [Span(end - timedelta(days=length - 1), end) for end in ends]


def mann_kendall(series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each row of `series` (one value per window): S, above zero when it rises, and its two-sided p (normal
    approximation with correction for continuity and ties)."""
    n = series.shape[1]
    first, second = np.triu_indices(n, 1)
    s = np.sign(series[:, second] - series[:, first]).sum(axis=1)
    ordered = np.sort(series, axis=1)
    variance = np.full(len(series), n * (n - 1) * (2 * n + 5) / 18)
    for row in np.flatnonzero((np.diff(ordered, axis=1) == 0).any(axis=1)):
        _, ties = np.unique(ordered[row], return_counts=True)
        variance[row] -= (ties * (ties - 1) * (2 * ties + 5)).sum() / 18
    z = np.divide(s - np.sign(s), np.sqrt(variance), out=np.zeros(len(s)), where=variance > 0)
    return s, normal_p(z)


class Way(NamedTuple):
    """A cell's way through the windows: hot in the last one; hot in one stretch that ends with the last and in no
    window before it; hot all along; trend of z: 1 rises, -1 falls, 0 neither."""

    last: bool
    one_stretch: bool
    always: bool
    trend: int


RULES = (
    ("intensifying", lambda way: way.last and way.always and way.trend > 0),
    ("fading", lambda way: way.always and (way.trend < 0 or not way.last)),
    ("persisting", lambda way: way.last and way.always),
    ("new", lambda way: way.last and way.one_stretch),
    ("sporadic", lambda way: way.last),
    ("past", lambda way: True),
)
"""Word and when it holds; the first that holds is the cell's. A cell that was never hot has none.

| word | ESRI's |
|---|---|
| intensifying | intensifying |
| fading | diminishing, historical |
| persisting | persistent |
| new | new, consecutive |
| sporadic | sporadic, oscillating |
| past | sporadic, without the last window |
"""

WORDS = tuple(word for word, _ in RULES)


def word(way: Way) -> str:
    """The word for a cell that was hot at least once."""
    return next(name for name, holds in RULES if holds(way))


def words(z: np.ndarray, hot: np.ndarray) -> list[str | None]:
    """The word of each cell, or None for one that was never hot. Rows are cells, columns windows in order of time."""
    ever = hot.any(axis=1)
    s, p = mann_kendall(z[ever])
    trend = np.where(p <= SURE, np.sign(s), 0)
    starts = hot[ever, 0] + (hot[ever, 1:] & ~hot[ever, :-1]).sum(axis=1)
    shares = hot[ever].mean(axis=1)
    ways = zip(hot[ever, -1], starts == 1, shares >= ALWAYS, trend, strict=True)
    found = iter([word(Way(bool(last), bool(one), bool(always), int(up))) for last, one, always, up in ways])
    return [next(found) if once else None for once in ever]
