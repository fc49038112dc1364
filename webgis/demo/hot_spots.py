"""Where cases are, month after month: most in the middle, some cells busier than others, and hot spots that wander.

A hot spot is a place where more is reported for a while, most of it of one class: a market, a building site. It comes,
moves some streets on from month to month, and goes. Pure NumPy; places in degrees, distances in kilometres.
"""

from dataclasses import dataclass

import numpy as np

from webgis.demo import workload

CENTRE_KM = 6.0
BUSY = 0.8
"""Deviation of the logarithm of how busy a cell is."""

SHARE = 0.25
"""So many of the cases are in hot spots."""

SPOTS = 40
RADIUS_KM = 0.25
WANDER_KM = 0.15
"""How far a hot spot moves in a month, one way and the other."""

MONTHS = (2, 12)
"""How long one lasts."""

OWN_CLASS = 0.6
"""So many of the cases in a hot spot are of its class."""

DEGREE_KM = (96.0, 111.0)


@dataclass(frozen=True)
class Spots:
    """(months, spots) how much of a month's hot cases each has, (months, spots, 2) where it is, (spots,) its class."""

    strength: np.ndarray
    place: np.ndarray
    kind: np.ndarray


def spots(rng: np.random.Generator, places: np.ndarray, weights: np.ndarray, months: int, kinds: int) -> Spots:
    """`SPOTS` hot spots at a time among these places (n, 2), where much is reported anyway."""
    count = SPOTS * max(1, round(2 * months / sum(MONTHS)))
    begin = rng.integers(-MONTHS[0], months, count)
    until = begin + rng.integers(*MONTHS, count)
    month = np.arange(months)[:, None]
    strength = ((begin <= month) & (month < until)) * rng.lognormal(0, 0.7, count)
    strength[strength.sum(axis=1) == 0] = 1.0
    start = places[rng.choice(len(places), count, p=weights / weights.sum())]
    steps = rng.normal(0, WANDER_KM, (months, count, 2)) / DEGREE_KM
    return Spots(
        strength / strength.sum(axis=1, keepdims=True),
        start + steps.cumsum(axis=0),
        rng.choice(kinds, count, p=workload.zipf(kinds)),
    )


def weights(rng: np.random.Generator, places: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """(n,) how likely a case outside the hot spots is at each place."""
    return np.exp(-km(places, centre) / CENTRE_KM) * rng.lognormal(0, BUSY, len(places))


def settle(
    rng: np.random.Generator, places: np.ndarray, centre: np.ndarray, month: np.ndarray, kinds: int
) -> tuple[np.ndarray, np.ndarray]:
    """For each case, whose month (0, 1, ...) is given: the place, and the class where a hot spot says so (else -1)."""
    usual = weights(rng, places, centre)
    found = spots(rng, places, usual, int(month.max(initial=0)) + 1, kinds)
    spot = np.full(len(month), -1, dtype=np.int32)
    hot = np.flatnonzero(rng.random(len(month)) < SHARE)
    spot[hot] = _of_month(rng, found.strength, month[hot])
    place = _drawn(rng, usual, len(month))
    order = hot[np.lexsort((spot[hot], month[hot]))]
    keys = month[order].astype(np.int64) * found.strength.shape[1] + spot[order]
    for rows in np.split(order, np.flatnonzero(np.diff(keys)) + 1):
        if len(rows):
            away = km(places, found.place[month[rows[0]], spot[rows[0]]])
            near = np.exp((away.min() ** 2 - away**2) / (2 * RADIUS_KM**2))
            place[rows] = _drawn(rng, near, len(rows))
    own = (spot >= 0) & (rng.random(len(month)) < OWN_CLASS)
    return place, np.where(own, found.kind[spot], -1)


def _of_month(rng: np.random.Generator, strength: np.ndarray, month: np.ndarray) -> np.ndarray:
    """A hot spot for each month given, drawn by its strength then: one search in the bounds of all months in a row."""
    bounds = strength.cumsum(axis=1) + np.arange(len(strength))[:, None]
    found = np.searchsorted(bounds.ravel(), rng.random(len(month)) + month) - month * strength.shape[1]
    return np.clip(found, 0, strength.shape[1] - 1)


def km(places: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """(n,) how far places are from one, in China's middle latitudes."""
    return np.hypot(*((places - centre) * DEGREE_KM).T)


def _drawn(rng: np.random.Generator, weights: np.ndarray, count: int) -> np.ndarray:
    """(count,) positions drawn by their weights."""
    bounds = weights.cumsum()
    return np.minimum(np.searchsorted(bounds, rng.random(count) * bounds[-1]), len(weights) - 1).astype(np.int32)
