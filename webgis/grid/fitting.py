"""Whether cells fit their communities and one another: overlaps, gaps, overhangs, order. For new cells and stored ones.

The measuring itself is in `checks.py`; here it is asked of cells with codes, and told as faults.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import shapely
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from webgis.grid import checks, history, queries
from webgis.grid.checks import Fault
from webgis.grid.dividing import Community, communities
from webgis.grid.history import OldCells
from webgis.grid.models import Area


class Ground(NamedTuple):
    """The communities that cells should lie in: their codes, polygons, and position by code."""

    codes: list[str]
    geoms: np.ndarray
    position: dict[str, int]


def ground(session: Session, codes: Sequence[str]) -> Ground:
    """The stored communities of these codes, in their order."""
    rows = session.execute(
        select(Area.code, func.ST_AsBinary(Area.geom))
        .where(Area.level == "community", Area.code.in_(codes))
        .order_by(Area.code)
    ).all()
    geoms = shapely.from_wkb(np.array([bytes(row[1]) for row in rows], dtype=object))
    return Ground([row[0] for row in rows], geoms, {row[0]: position for position, row in enumerate(rows)})


def fit_faults(
    session: Session,
    codes: np.ndarray,
    geoms: np.ndarray,
    ground: Ground,
    tolerance_m2: float = checks.NOTABLE_M2,
    numbers: np.ndarray | None = None,
) -> list[Fault]:
    """Overlaps of valid cells, gaps in their communities, and what lies outside its community or in a wrong one.

    `codes`, `geoms`: (n,) of known communities; `numbers`: (n,) row numbers in a file, for the report.
    """
    owner_of = np.array([ground.position[code[:12]] for code in codes])
    row = (lambda position: int(numbers[position])) if numbers is not None else (lambda position: None)
    faults = []
    suspects = checks.unmatched(geoms)
    for first, second, m2, part in zip(*checks.overlaps(geoms, suspects, tolerance_m2), strict=True):
        message = f"overlaps {codes[second]} by {m2:,.2f} m2"
        faults.append(
            Fault("overlap", message, row(first), codes[first], codes[second], round(m2, 2), **checks.place(part))
        )
    m2, parts = checks.overhang(geoms, ground.geoms[owner_of])
    astray = np.flatnonzero(m2 > tolerance_m2)
    holders = _holders(session, geoms[astray])
    for position, holder in zip(astray, holders, strict=True):
        code, size, where = codes[position], round(float(m2[position]), 2), checks.place(parts[position])
        if holder and holder != code[:12]:
            message = f"lies in community {holder}, not in {code[:12]}"
            faults.append(Fault("wrong-parent", message, row(position), code, holder, size, **where))
        else:
            message = f"reaches {size:,.2f} m2 beyond community {code[:12]}"
            faults.append(Fault("outside", message, row(position), code, code[:12], size, **where))
    for owner, open_parts in checks.gaps(ground.geoms, geoms, owner_of, suspects):
        faults += _gap_faults(ground.codes[owner], open_parts, tolerance_m2)
    return faults


def _gap_faults(community: str, parts: np.ndarray, tolerance_m2: float) -> list[Fault]:
    """One fault for each open part worth naming; many crumbs that only together matter make one."""
    sizes = checks.square_metres(parts)
    notable = np.flatnonzero(sizes > tolerance_m2)
    if not len(notable):
        message = f"{sizes.sum():,.2f} m2 of the community are in no cell, in {len(parts)} crumbs"
        return [Fault("gap", message, None, community, None, round(float(sizes.sum()), 2), **checks.place(parts[0]))]
    return [
        Fault("gap", f"{sizes[position]:,.2f} m2 of the community are in no cell", None, community, None,
              round(float(sizes[position]), 2), **checks.place(parts[position]))
        for position in notable
    ]  # fmt: skip


def _holders(session: Session, geoms: np.ndarray) -> list[str | None]:
    """The community that holds a point inside each of `geoms`, or None."""
    if not len(geoms):
        return []
    points = shapely.point_on_surface(geoms)
    found = session.execute(
        text(
            "SELECT p.n, min(a.code) FROM unnest(CAST(:lon AS float8[]), CAST(:lat AS float8[])) WITH ORDINALITY"
            " AS p (lon, lat, n) JOIN city.area a ON a.level = 'community'"
            " AND ST_Covers(a.geom, ST_SetSRID(ST_Point(p.lon, p.lat), 4490)) GROUP BY p.n"
        ),
        {"lon": shapely.get_x(points).tolist(), "lat": shapely.get_y(points).tolist()},
    )
    holders = dict(found.all())
    return [holders.get(number) for number in range(1, len(geoms) + 1)]


def check_cells(session: Session, code: str, *, srid: int, tolerance_m2: float = checks.NOTABLE_M2) -> list[Fault]:
    """The same checks on the valid cells stored for an area, and the order of codes of divided communities.

    A community without any cell is a gap. `NotFound` for an unknown area.
    """
    queries.area(session, code)
    found = communities(session, code, srid)
    ground = Ground(
        [community.code for community in found],
        np.array([community.geom for community in found], dtype=object),
        {community.code: position for position, community in enumerate(found)},
    )
    cells = history.valid_cells(session, ground.codes)
    faults = [
        Fault("invalid-geometry", shapely.is_valid_reason(cells.geoms[position]), code=cells.codes[position])
        for position in np.flatnonzero(~shapely.is_valid(cells.geoms))
    ]
    if not faults:
        faults += fit_faults(session, cells.codes, cells.geoms, ground, tolerance_m2)
    return faults + _order_faults(session, cells, found)


def _order_faults(session: Session, cells: OldCells, found: Sequence[Community]) -> list[Fault]:
    """Numbers out of order in communities whose valid cells all come from one division."""
    sizes = dict(
        session.execute(
            text(
                "SELECT community_code, min(nominal_m) FROM city.cell WHERE community_code = ANY(:codes)"
                " AND upper_inf(valid) GROUP BY 1 HAVING bool_and(origin = 'divided')"
                " AND min(nominal_m) = max(nominal_m) AND min(lower(valid)) = max(lower(valid))"
            ),
            {"codes": [community.code for community in found]},
        ).all()
    )
    positions: dict[str, list[int]] = {code: [] for code in sizes}
    for position, code in enumerate(cells.codes):
        if code[:12] in positions:
            positions[code[:12]].append(position)
    faults = []
    for community in found:
        mine = np.array(positions.get(community.code, ()), dtype=int)
        if not len(mine):
            continue
        sequence = np.array([int(code[12:]) for code in cells.codes[mine]])
        for position in checks.out_of_order(cells.geoms[mine], sequence, sizes[community.code], community.srid):
            message = "its number breaks the order west to east, north to south"
            faults.append(Fault("order", message, code=cells.codes[mine[position]]))
    return faults
