"""Dividing the communities of an area into cells, and dividing them again. The cutting itself is `division.py`.

A community that is divided again keeps its history: old cells are closed, new ones opened, with lineage. A grid that
changes gets a new code (the standard: the old one gets an end time, the new one a new code), so new cells take numbers
that no cell of the community ever bore: on from the highest, else whatever is free among 001-999. When too few are
free, the division is refused, unless codes may be reused; then those closed longest come first. A community whose
cells would be just the same is left as it is.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import shapely
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from webgis.errors import Conflict, Invalid
from webgis.grid import division, history, queries
from webgis.grid.division import Division
from webgis.grid.history import NewCells, OldCells
from webgis.grid.models import Area

BATCH = 200
"""Communities cut in one call: enough to be fast, few enough to show progress."""

Progress = Callable[[int, int], None]
"""Called with communities done and communities in all."""


@dataclass(frozen=True)
class Community:
    """A community to divide: its code, names, polygon (CGCS2000 degrees) and the projected system it is cut in."""

    code: str
    name_zh: str
    geom: shapely.Geometry
    srid: int


@dataclass
class Outcome:
    """What a division did. `enlarged`: (community, Note) pairs; `reused`: codes that an earlier cell bore."""

    communities: int = 0
    cells: int = 0
    closed: int = 0
    links: int = 0
    unchanged: list[str] = field(default_factory=list)
    enlarged: list[tuple[Community, division.Note]] = field(default_factory=list)
    slivers: list[tuple[Community, division.Note]] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)


def divide_area(
    session: Session,
    code: str,
    *,
    srid: int,
    size_m: float = division.SIZE_M,
    sliver: float = division.SLIVER,
    again: bool = False,
    reuse_codes: bool = False,
    at: datetime | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Divide every community within an area and store the cells, valid from `at` (default: now).

    `srid`: the projected system where no area states its own. `Conflict` "grid.divided" when the area has valid cells
    and not `again`; "grid.codes-exhausted" when too few codes are unused and not `reuse_codes`; `Invalid`
    "grid.no-communities" when there is nothing to divide.
    """
    queries.area(session, code)
    at = history.moment(session, at)
    found = communities(session, code, srid)
    if not found:
        raise Invalid(
            "grid.no-communities",
            f"Area {code} has no communities to divide; import them first: webgis areas import FILE --level community",
            got=code,
        )
    history.lock_communities(session, [community.code for community in found])
    old = history.valid_cells(session, [community.code for community in found])
    if len(old.ids) and not again:
        raise Conflict(
            "grid.divided",
            f"Area {code} already has {len(old.ids)} valid cells; divide it --again to close them and open new ones",
            cells=len(old.ids),
        )
    outcome = Outcome()
    plan = list(_cut(found, size_m, sliver, progress))
    if len(old.ids):
        plan = _without_unchanged(plan, old, outcome)
    _store(session, plan, old, at, reuse_codes, outcome)
    return outcome


def communities(session: Session, code: str, srid: int) -> list[Community]:
    """The communities within an area, by code, each with its own projected system or that of its nearest ancestor."""
    rows = session.execute(
        select(Area.code, Area.name_zh, func.ST_AsBinary(Area.geom))
        .where(Area.level == "community", Area.code.startswith(code, autoescape=True))
        .order_by(Area.code)
    ).all()
    geoms = shapely.from_wkb([bytes(shape) for _, _, shape in rows])
    srids = queries.projected_srids(session, [own for own, _, _ in rows], srid)
    return [Community(own, name, geom, system) for (own, name, _), geom, system in zip(rows, geoms, srids, strict=True)]


def _cut(
    found: Sequence[Community], size_m: float, sliver: float, progress: Progress | None
) -> Iterator[tuple[Community, Division]]:
    done = 0
    for srid in dict.fromkeys(community.srid for community in found):
        same = [community for community in found if community.srid == srid]
        for start in range(0, len(same), BATCH):
            batch = same[start : start + BATCH]
            areas = [community.geom for community in batch]
            yield from zip(batch, division.divide_many(areas, srid=srid, size_m=size_m, sliver=sliver), strict=True)
            done += len(batch)
            if progress:
                progress(done, len(found))


def _without_unchanged(
    plan: list[tuple[Community, Division]], old: OldCells, outcome: Outcome
) -> list[tuple[Community, Division]]:
    """The communities whose cells would not be exactly those they have now."""
    now: dict[str, set[bytes]] = {}
    for code, shape in zip(old.codes, shapely.to_wkb(shapely.normalize(old.geoms)), strict=True):
        now.setdefault(code[:12], set()).add(shape)
    changed = []
    for community, cut in plan:
        if now.get(community.code) == set(shapely.to_wkb(shapely.normalize(cut.geoms))):
            outcome.unchanged.append(community.code)
        else:
            changed.append((community, cut))
    return changed


def _store(
    session: Session,
    plan: list[tuple[Community, Division]],
    old: OldCells,
    at: datetime,
    reuse_codes: bool,
    outcome: Outcome,
) -> None:
    for community, cut in plan:
        outcome.communities += 1
        outcome.cells += len(cut.geoms)
        outcome.enlarged += [(community, note) for note in cut.notes if note.code == "enlarged"]
        outcome.slivers += [(community, note) for note in cut.notes if note.code == "sliver-kept"]
    if not plan:
        return
    codes = _codes(session, plan, reuse_codes, outcome)
    changed = {community.code for community, _ in plan}
    going = np.flatnonzero([code[:12] in changed for code in old.codes])
    leaving = old.only(going)
    cells = NewCells(
        codes=codes,
        geoms=np.concatenate([cut.geoms for _, cut in plan]),
        area_m2=np.concatenate([cut.area_m2 for _, cut in plan]),
        origin="divided",
        since=at,
        nominal_m=np.repeat([cut.size_m for _, cut in plan], [len(cut.geoms) for _, cut in plan]),
    )
    outcome.closed = len(going)
    outcome.links = history.replace_cells(session, leaving, cells, "divided", at)


def _codes(session: Session, plan: list[tuple[Community, Division]], reuse_codes: bool, outcome: Outcome) -> list[str]:
    """A code for each new cell, in order; `Conflict` when a community has too few that were never used."""
    borne = _borne(session, [community.code for community, _ in plan])
    codes: list[str] = []
    exhausted = []
    for community, cut in plan:
        used = borne.get(community.code, [])
        numbers = free_numbers(used, len(cut.geoms), reuse_codes)
        if numbers is None:
            exhausted.append(community.code)
            continue
        made = [f"{community.code}{number:03d}" for number in numbers]
        earlier = set(used)
        outcome.reused += [code for code, number in zip(made, numbers, strict=True) if number in earlier]
        codes += made
    if exhausted:
        raise Conflict(
            "grid.codes-exhausted",
            f"{len(exhausted)} communities, the first {exhausted[0]}, have too few codes that no cell ever bore; "
            "larger cells need fewer (--size), or allow codes of cells long closed (--reuse-codes)",
            communities=exhausted,
        )
    return codes


def _borne(session: Session, codes: Sequence[str]) -> dict[str, list[int]]:
    """For each community the numbers that its cells ever bore, those closed longest first, valid ones last."""
    rows = session.execute(
        text(
            "SELECT community_code, array_agg(number ORDER BY until, number) FROM ("
            " SELECT community_code, right(code, 3)::int AS number, max(coalesce(upper(valid), 'infinity')) AS until"
            " FROM city.cell WHERE community_code = ANY(:codes) GROUP BY 1, 2) AS borne GROUP BY 1"
        ),
        {"codes": list(codes)},
    )
    return dict(rows.all())


def free_codes(session: Session, community: str, count: int) -> list[str]:
    """`count` codes of a community that no cell ever bore, ascending. `Conflict` when there are too few."""
    numbers = free_numbers(_borne(session, [community]).get(community, []), count)
    if numbers is None:
        raise Conflict(
            "grid.codes-exhausted",
            f"Community {community} has fewer than {count} codes that no cell ever bore; divide it again with larger "
            "cells, or with --reuse-codes",
            communities=[community],
        )
    return [f"{community}{number:03d}" for number in numbers]


def free_numbers(used: Sequence[int], count: int, reuse: bool = False) -> list[int] | None:
    """`count` sequence numbers (1-999), ascending, for new cells of a community; None when there are not enough.

    `used`: numbers ever borne, those closed longest first. On from the highest, else all that are free, else, with
    `reuse`, those of cells closed longest.
    """
    highest = max(used, default=0)
    if highest + count <= division.MAX_CELLS:
        return list(range(highest + 1, highest + count + 1))
    taken = set(used)
    free = [number for number in range(1, division.MAX_CELLS + 1) if number not in taken]
    if len(free) < count and reuse:
        free = free + list(used)[: count - len(free)]
    return sorted(free[:count]) if len(free) >= count else None
