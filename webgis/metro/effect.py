"""What works did to their street: whether more cases were reported there, by how much, how sure. Pure; counts in,
values out.

The ratio is that of two changes: cases near the works in the weeks of a phase against the same weeks of an earlier
year, over the same change in places elsewhere that had as many cases before (difference in differences of logarithms).
How far such a ratio strays without any works is measured, not assumed: patches elsewhere, each of as many cells side by
side as lie near the works, are treated as if they had works ("placebos in space": Abadie, Diamond, Hainmueller, Journal
of the American Statistical Association 105 (2010) 493-505). Side by side, since neighbours share what happens to them
(a beat, a street, a market): single cells from all over the city would average that out and promise too much. The
interval and the error rate come from those patches. So a claim holds for counts of any spread, for seasons, and for
what changes in the whole city.

Of several phases the chance of any wrong claim is held by the largest stray of a patch in any of them (step-down's
first step of Westfall and Young, Resampling-Based Multiple Testing, 1993). Patches are matched by weeks that are no
part of the comparison: who is matched and compared by the same weeks mistakes chance highs, which fall back by
themselves, for a change.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

YEAR = 52
"""Weeks from the weeks of a phase back to those they are compared with: the same weekdays and nearly the same days."""

MATCHED = 600
"""Patches elsewhere that are compared with the place of the works: those that had most nearly as many cases, ..."""

ALIKE = 2.0
"""... but none with more than so many times as many, or fewer than the inverse: how far these stray says nothing."""

MOST_PATCHES = 3000
SURE = 0.95
LEAST_APART = 40
"""With fewer matched patches that share no cell no claim is made: the same few cells would be asked again and again."""

LEAST_BEFORE = 5
"""With fewer cases before in all cells near the works no claim is made: the ratio would be of chance alone."""

LEAST_WEEKS_TO_MATCH = 8


@dataclass(frozen=True)
class Effect:
    """Cases near the works, `before` and `during`; `expected`: as many as there would have been had they changed as
    elsewhere; `ratio` of the two, with the interval `low` to `high` that holds it with `SURE`; `p`: how often a place
    without works strays as far. `claim`: "more", "fewer" or "none" (nothing is shown); "too-little" when there are too
    few cases or cells to say anything, "unlike" when no place elsewhere is like the one of the works."""

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


@dataclass(frozen=True)
class Elsewhere:
    """Cells without works. `counts`: a row for each, a column for each week; `patches`: rows of them that lie side by
    side, each of as many cells as lie near the works; (patches, cells)."""

    counts: np.ndarray
    patches: np.ndarray


def patches(places: np.ndarray, units: Sequence[str], size: int) -> np.ndarray:
    """Patches of `size` cells side by side, none beyond its unit (a community): a cell and those nearest to it, for at
    most `MOST_PATCHES` cells spread evenly. `places`: metres, a row for each cell; (patches, size) of their rows."""
    made: list[np.ndarray] = []
    units = np.asarray(units)
    turn = max(1, -(-len(places) // MOST_PATCHES))
    for unit in np.unique(units):
        rows = np.flatnonzero(units == unit)
        if len(rows) < size:
            continue
        here = places[rows]
        apart = np.hypot(*(here[::turn, None, :] - here[None, :, :]).transpose(2, 0, 1))
        made.append(rows[np.argsort(apart, axis=1, kind="stable")[:, :size]])
    return np.concatenate(made) if made else np.empty((0, size), dtype=int)


def study(
    near: np.ndarray, elsewhere: Elsewhere, start: int, spans: Sequence[Sequence[int]], *, parts: int = 1
) -> list[Effect]:
    """The effect in each of several spans of weeks of the same works. `near`: counts, a row for each cell, a column for
    each week; `start`: the column in which the works began; a span: columns at or after it, in order. `parts`: in how
    many parts the place of the works is studied, among which the chance of a wrong claim is shared."""
    chosen = [np.asarray(weeks, dtype=int) for weeks in spans]
    earlier = [compared(start, weeks) for weeks in chosen]
    little = [
        Effect(len(weeks), len(near), int(near[:, before].sum()), int(near[:, weeks].sum()), *[None] * 5, "too-little")
        for weeks, before in zip(chosen, earlier, strict=True)
    ]
    asked = [at for at, one in enumerate(little) if one.weeks and len(earlier[at]) and one.before >= LEAST_BEFORE]
    matching = np.setdiff1d(np.arange(start), np.concatenate([earlier[at] for at in asked])) if asked else []
    if len(matching) < LEAST_WEEKS_TO_MATCH or not len(elsewhere.patches):
        return little
    alike = _alike(near[:, matching].sum(), elsewhere, matching)
    if not len(alike):
        return [replace(one, claim="unlike") if at in asked else one for at, one in enumerate(little)]
    apart = len(np.unique(alike)) / alike.shape[1]
    if apart < LEAST_APART:
        return little
    strays = [_strays(little[at], elsewhere.counts, alike, earlier[at], chosen[at]) for at in asked]
    scales = [float(np.quantile(np.abs(one.patches), SURE)) or np.inf for one in strays]
    worst = np.max([np.abs(one.patches) / scale for one, scale in zip(strays, scales, strict=True)], axis=0)
    for at, one, scale in zip(asked, strays, scales, strict=True):
        of_any = _share(worst, abs(one.own) / scale, apart)
        little[at] = _told(little[at], one, _share(np.abs(one.patches), abs(one.own), apart), of_any * parts)
    return little


def compared(start: int, weeks: np.ndarray) -> np.ndarray:
    """The columns that `weeks` are compared with: the same weeks of the last year that was over when the works began;
    none when that lies before the first column."""
    if not len(weeks):
        return weeks
    before = weeks - YEAR * years(int(weeks.max()) + 1 - start)
    return before if before.min() >= 0 else before[:0]


def years(weeks: int) -> int:
    """How many whole years back the same weeks lie before works of so many weeks."""
    return max(1, -(-weeks // YEAR))


def _alike(cases: int, elsewhere: Elsewhere, matching: np.ndarray) -> np.ndarray:
    """The patches that had most nearly as many cases in the matching weeks, if any had about as many."""
    had = elsewhere.counts[:, matching].sum(axis=1)[elsewhere.patches].sum(axis=1)
    order = np.argsort(np.abs(np.sqrt(had) - np.sqrt(cases)), kind="stable")[:MATCHED]
    within = (had[order] > 0) & (had[order] >= cases / ALIKE) & (had[order] <= cases * ALIKE)
    return elsewhere.patches[order[within]]


@dataclass(frozen=True)
class _Strays:
    """Logarithms: the change elsewhere (`common`), how far the works' place (`own`) and each patch stray from it."""

    common: float
    own: float
    patches: np.ndarray


def _strays(one: Effect, counts: np.ndarray, alike: np.ndarray, before: np.ndarray, during: np.ndarray) -> _Strays:
    pairs = np.column_stack([counts[:, before].sum(axis=1), counts[:, during].sum(axis=1)])
    controls = pairs[np.unique(alike)].sum(axis=0)
    groups = pairs[alike].sum(axis=1)
    common = _log_change(controls)
    own = _log_change(np.array([one.before, one.during])) - common
    return _Strays(float(common), float(own), _log_change(groups) - _log_change(np.maximum(controls - groups, 0)))


def _log_change(pair: np.ndarray) -> np.ndarray:
    """The logarithm of after over before, half a case added to each so that none is nought (Haldane, Anscombe)."""
    return np.log(pair[..., 1] + 0.5) - np.log(pair[..., 0] + 0.5)


def _share(strays: np.ndarray, own: float, apart: float) -> float:
    """How often a patch strays as far; never less than once among as many as share no cell."""
    return float(max((1 + np.count_nonzero(strays >= own)) / (1 + len(strays)), 1 / (1 + apart)))


def _told(one: Effect, found: _Strays, p: float, of_any: float) -> Effect:
    tail = (1 - SURE) / 2
    least, most = np.quantile(found.patches, [tail, 1 - tail])
    low, ratio, high = (float(np.exp(found.own - stray)) for stray in (most, 0.0, least))
    claim = "none" if of_any > 1 - SURE or low <= 1 <= high else "more" if found.own > 0 else "fewer"
    expected = max(0.0, (one.before + 0.5) * float(np.exp(found.common)) - 0.5)
    return replace(one, expected=expected, ratio=ratio, low=low, high=high, p=p, claim=claim)
