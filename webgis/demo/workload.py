"""When a city's cases are reported and how long they take. Pure: figures, and NumPy that follows them.

The figures are those of 10,000 requests to San Francisco's 311 (DataSF, "311 Cases", 2008 to 2018): local hours and
weekdays in which requests were opened, and hours until they were closed of the 9,613 that were. The curve of a year,
the growth and the pace of desks are made up.
"""

import numpy as np

HOURS = (
    93, 58, 48, 48, 62, 79, 171, 413, 682, 816, 758, 814, 693, 738, 699, 722, 675, 579, 515, 384, 338, 263, 191, 161
)  # fmt: skip
"""Requests opened in each hour of the day."""

WEEKDAYS = (1666, 1681, 1590, 1655, 1460, 998, 950)
"""The same for each day of the week, Monday first."""

DURATIONS = (
    (0.0, 0.01), (0.01, 0.14), (0.02, 0.3), (0.05, 0.88), (0.1, 2.2), (0.15, 5.88), (0.2, 15.14), (0.25, 21.41),
    (0.3, 31.17), (0.35, 48.28), (0.4, 70.1), (0.45, 97.2), (0.5, 135.84), (0.55, 164.84), (0.6, 200.34),
    (0.65, 282.25), (0.7, 460.96), (0.75, 765.92), (0.8, 1459.74), (0.85, 3201.55), (0.9, 7440.56), (0.95, 18562.76),
    (0.99, 25579.65), (1.0, 62614.0),
)  # fmt: skip
"""Share of the requests, and hours within which so many were closed."""

YEARLY_GROWTH = 0.08
SEASON = 0.12
"""How much more is reported at the height of summer than on the average, and how much less in winter."""

ZIPF = 1.1
"""How fast classes become rare: the n-th is 1 / n ** ZIPF as frequent as the first."""

DESK_SPREAD = 0.6
"""Deviation of the logarithm of the pace at which desks work."""


def days(rng: np.random.Generator, last: np.datetime64, span: int, count: int) -> np.ndarray:
    """(count,) days before the day after `last`, from 1 to `span`: fewer at weekends, in winter, and long ago."""
    ago = np.arange(1, span + 1)
    day = last + 1 - ago
    weekday = (day.astype("datetime64[D]").astype(np.int64) + 3) % 7
    season = 1 - SEASON * np.cos(2 * np.pi * (day - day.astype("datetime64[Y]")).astype(np.int64) / 365.25)
    weights = np.array(WEEKDAYS)[weekday] * season * (1 + YEARLY_GROWTH) ** (-ago / 365)
    return rng.choice(ago, count, p=weights / weights.sum())


def hours(rng: np.random.Generator, count: int) -> np.ndarray:
    """(count,) hours of the day, with fractions."""
    return rng.choice(24, count, p=np.array(HOURS) / sum(HOURS)) + rng.random(count)


def durations(rng: np.random.Generator, ages: np.ndarray) -> np.ndarray:
    """Hours from report to end of cases that were reported `ages` hours ago and have ended since."""
    shares, hours = np.array(DURATIONS).T
    logs = np.log(hours)
    ended = np.interp(np.log(np.maximum(ages, hours[0])), logs, shares)
    return np.exp(np.interp(rng.random(len(ages)) * ended, shares, logs))


def zipf(count: int) -> np.ndarray:
    """(count,) shares, falling from the first to the last."""
    shares = 1 / np.arange(1, count + 1) ** ZIPF
    return shares / shares.sum()
