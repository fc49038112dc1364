"""What works did to their street: whether more cases were reported there, by how much, how sure. Pure; counts in,
values out.

The ratio is that of two changes: cases near the works in the weeks of a phase against the same weeks of an earlier
year, over the same change in cells elsewhere that had as many cases before (difference in differences of logarithms).
How far such a ratio strays without any works is measured, not assumed: groups of matched cells elsewhere are treated as
if they had works ("placebos in space": Abadie, Diamond, Hainmueller, Journal of the American Statistical Association
105 (2010) 493-505). The interval and the error rate come from those. So a claim holds for counts of any spread, for
seasons, and for what changes in the whole city.

Cells are matched by weeks that are no part of the comparison: who is matched and compared by the same weeks mistakes
chance highs, which fall back by themselves, for a change.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

YEAR = 52
"""Weeks from the weeks of a phase back to those they are compared with: the same weekdays and nearly the same days."""

MATCHED = 20
"""Cells elsewhere that are matched with each cell near the works."""

PLACEBOS = 1999
SURE = 0.95
LEAST_ELSEWHERE = 60
"""With fewer cells elsewhere no claim is made: the placebos would be the same few cells again and again."""

LEAST_BEFORE = 5
"""With fewer cases before in all cells near the works no claim is made: the ratio would be of chance alone."""

LEAST_WEEKS_TO_MATCH = 8


@dataclass(frozen=True)
class Effect:
    """Cases near the works, `before` and `during`; `expected`: as many as there would have been had they changed as
    elsewhere; `ratio` of the two, with the interval `low` to `high` that holds it with `SURE`; `p`: how often a place
    without works strays as far. `claim`: "more", "fewer" or "none" (nothing is shown); "too-little" when there are too
    few cases or cells to say anything."""

    weeks: int
    cells: int
    before: int
    during: int
    expected: float | None
    ratio: float | None
    low: float | None
    high: float | None
    p: float | None
    claim: str


def study(
    near: np.ndarray,
    elsewhere: np.ndarray,
    start: int,
    weeks: Sequence[int],
    *,
    seed: int,
    placebos: int = PLACEBOS,
    questions: int = 1,
) -> Effect:
    """The effect in some weeks. `near`, `elsewhere`: counts, a row for each cell, a column for each week; `start`: the
    column in which the works began; `weeks`: the columns looked at, at or after it, in order. `questions`: how many are
    asked of the same works (phases, distances); the chance of a wrong claim is shared among them (Bonferroni), the
    interval is of this one alone. Equal values give equal answers: `seed` draws the placebos."""
    chosen = np.asarray(weeks, dtype=int)
    before, matching = compared(start, chosen)
    counts = int(near[:, before].sum()), int(near[:, chosen].sum())
    little = Effect(len(chosen), len(near), *counts, None, None, None, None, None, "too-little")
    enough = len(matching) >= LEAST_WEEKS_TO_MATCH and len(elsewhere) >= max(LEAST_ELSEWHERE, 3 * len(near))
    if not (enough and len(near) and len(chosen) and counts[0] >= LEAST_BEFORE):
        return little
    pools = _pools(near[:, matching].sum(axis=1), elsewhere[:, matching].sum(axis=1))
    pairs = np.column_stack([elsewhere[:, before].sum(axis=1), elsewhere[:, chosen].sum(axis=1)])
    controls = pairs[np.unique(pools)].sum(axis=0)
    log_ratio = _log_change(np.array(counts)) - _log_change(controls)
    strays = _placebos(pools, pairs, controls, np.random.default_rng(seed), placebos)
    p = (1 + np.count_nonzero(np.abs(strays) >= abs(log_ratio))) / (1 + placebos)
    tail = (1 - SURE) / 2
    least, most = np.quantile(strays, [tail, 1 - tail])
    low, high = np.exp(log_ratio - most), np.exp(log_ratio - least)
    claim = "none" if p > (1 - SURE) / questions or low <= 1 <= high else "more" if log_ratio > 0 else "fewer"
    ratio = float(np.exp(log_ratio))
    return Effect(len(chosen), len(near), *counts, counts[1] / ratio, ratio, float(low), float(high), float(p), claim)


def compared(start: int, weeks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The columns that `weeks` are compared with: the same weeks of the last year that was over when the works began;
    and those by which cells are matched: the others of the two years before the works."""
    if not len(weeks):
        return weeks, weeks
    back = YEAR * max(1, -(-(int(weeks.max()) + 1 - start) // YEAR))
    before = weeks - back
    if before.min() < 0:
        return before[:0], before[:0]
    earlier = np.arange(max(0, min(start, int(before.min())) - YEAR), start)
    return before, np.setdiff1d(earlier, before)


def _pools(near: np.ndarray, elsewhere: np.ndarray) -> np.ndarray:
    """For each cell near the works the rows of the cells elsewhere whose counts are nearest; (cells, MATCHED)."""
    apart = np.abs(np.sqrt(near)[:, None] - np.sqrt(elsewhere)[None, :])
    return np.argsort(apart, axis=1, kind="stable")[:, : min(MATCHED, len(elsewhere) // 2)]


def _log_change(pair: np.ndarray) -> np.ndarray:
    """The logarithm of after over before, half a case added to each so that none is nought (Haldane, Anscombe)."""
    return np.log(pair[..., 1] + 0.5) - np.log(pair[..., 0] + 0.5)


def _placebos(
    pools: np.ndarray, pairs: np.ndarray, controls: np.ndarray, random: np.random.Generator, placebos: int
) -> np.ndarray:
    """Log ratios of groups without works: one matched cell for each cell near them, against the other matched cells."""
    drawn = pools[np.arange(len(pools)), random.integers(pools.shape[1], size=(placebos, len(pools)))]
    groups = pairs[drawn].sum(axis=1)
    return _log_change(groups) - _log_change(np.maximum(controls - groups, 0))
