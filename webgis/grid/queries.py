"""Questions about areas and cells: which cell holds a point, which is nearest, what became of one. Reads only.

Places are CGCS2000 degrees (WGS 84 is taken as equal), longitude first. Other systems are converted by `geo.py` at the
edge. Moments are aware datetimes; None is now.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session, defer

from webgis.errors import NotFound
from webgis.geo import CRS_NAMES
from webgis.grid.models import LEVELS, Area, Cell, CellLineage

_POINT = "ST_SetSRID(ST_Point(:lon, :lat), 4490)"
_CELL_AT = text(f"SELECT * FROM fn.cell_at({_POINT}, coalesce(CAST(:at AS timestamptz), now())) WHERE id IS NOT NULL")
_NEAREST = text(f"SELECT cell_id, metres FROM fn.nearest_cell({_POINT})")
_CITY_SRID = text(
    "SELECT projected_srid FROM city.area WHERE projected_srid IS NOT NULL ORDER BY length(code), code LIMIT 1"
)
_CELLS_NOW = text("SELECT id, code, share FROM fn.cells_now(:code, :was)")
_SUCCESSORS = text("SELECT id, code, share FROM fn.cell_successors(:id, coalesce(CAST(:at AS timestamptz), now()))")
_PREDECESSORS = text("SELECT id, code, share FROM fn.cell_predecessors(:id, :at)")


class Share(NamedTuple):
    """A cell and the part (0 to 1) of the ground that links it to the cell asked about."""

    id: int
    code: str
    share: float


class Step(NamedTuple):
    """One step of a cell's history: a cell it came from or went into, its share, why and when."""

    code: str
    share: float
    reason: str
    at: datetime


def cell_at(session: Session, lon: float, lat: float, at: datetime | None = None) -> Cell | None:
    """The one cell that holds a point at a moment; a shared edge belongs to the lowest code. None outside the grid."""
    statement = select(Cell).from_statement(_CELL_AT)
    return session.scalars(statement, {"lon": float(lon), "lat": float(lat), "at": at}).first()


_CELL_CODES = text(
    """
    SELECT c.code FROM unnest(CAST(:lons AS float8[]), CAST(:lats AS float8[])) WITH ORDINALITY p (lon, lat, turn)
    CROSS JOIN LATERAL fn.cell_at(ST_SetSRID(ST_Point(p.lon, p.lat), 4490)) c ORDER BY p.turn
    """
)


def cell_codes_at(session: Session, places: Sequence[tuple[float, float]]) -> list[str | None]:
    """The code of the cell that holds each place (longitude, latitude) now; None outside the grid."""
    if not places:
        return []
    lons, lats = zip(*places, strict=True)
    return list(session.scalars(_CELL_CODES, {"lons": list(lons), "lats": list(lats)}))


def nearest_cell(session: Session, lon: float, lat: float) -> tuple[Cell, float] | None:
    """The cell valid now that is nearest to a point and its distance in metres (0 inside); None without any cell."""
    found = session.execute(_NEAREST, {"lon": float(lon), "lat": float(lat)}).one()
    return None if found.cell_id is None else (session.get_one(Cell, found.cell_id), found.metres)


def outside(session: Session, lon: float, lat: float, at: datetime | None = None) -> NotFound:
    """The error for a place in no cell, with the nearest cell of today and how many metres it is away."""
    nearest = nearest_cell(session, lon, lat)
    when = f" at {at.isoformat()}" if at else ""
    if nearest is None:
        return NotFound("grid.outside", "There are no cells yet; divide an area first", lon=lon, lat=lat)
    found, metres = nearest
    return NotFound(
        "grid.outside",
        f"The place is in no cell{when}; the nearest is {found.code}, {metres:,.0f} m away",
        lon=lon,
        lat=lat,
        distance_m=round(metres, 1),
        nearest=found.code,
    )


def nearest_told(session: Session, lon: float, lat: float) -> tuple[str, dict[str, Any]]:
    """Of a place that is given and lies in no cell: where the nearest one is, in words and as facts of a refusal."""
    near = nearest_cell(session, lon, lat)
    facts = {"field": "lon", "got": [lon, lat]}
    if near is None:
        return "there is no grid yet", facts | {"nearest": None, "distance_m": None}
    cell, metres = near
    told = f"the nearest cell, {cell.code}, is {metres:,.0f} m away"
    return told, facts | {"nearest": cell.code, "distance_m": round(metres, 1)}


def cell_by_code(session: Session, code: str, at: datetime | None = None) -> Cell | None:
    """The cell that bears a code at a moment, or None."""
    held = func.upper_inf(Cell.valid) if at is None else Cell.valid.contains(at)
    return session.scalars(select(Cell).where(Cell.code == code, held)).first()


def last_cell(session: Session, code: str) -> Cell | None:
    """The cell that bears a code now or bore it last, or None when no cell ever did."""
    return session.scalars(
        select(Cell).where(Cell.code == code).order_by(func.lower(Cell.valid).desc()).limit(1)
    ).first()


def cells_now(session: Session, code: str, was: datetime | None = None) -> list[Share]:
    """The cells valid now on the ground of the cell that bore `code` at `was` (default: when last it was borne)."""
    return [Share(*row) for row in session.execute(_CELLS_NOW, {"code": code, "was": was})]


def cell_successors(session: Session, cell_id: int, at: datetime | None = None) -> list[Share]:
    """The cells that hold a cell's ground at a moment, through all generations, greatest share first."""
    return [Share(*row) for row in session.execute(_SUCCESSORS, {"id": cell_id, "at": at})]


def cell_predecessors(session: Session, cell_id: int, at: datetime) -> list[Share]:
    """The cells that held a cell's ground at an earlier moment; `share` is the part of theirs that went into it."""
    return [Share(*row) for row in session.execute(_PREDECESSORS, {"id": cell_id, "at": at})]


def became(session: Session, cell_id: int) -> list[Step]:
    """The next step of a closed cell: what it went into."""
    steps = select(Cell.code, *_STEP).join(Cell, Cell.id == CellLineage.to_cell)
    return _steps(session, steps.where(CellLineage.from_cell == cell_id))


def came_from(session: Session, cell_id: int) -> list[Step]:
    """The step before a cell: what it was made from."""
    steps = select(Cell.code, *_STEP).join(Cell, Cell.id == CellLineage.from_cell)
    return _steps(session, steps.where(CellLineage.to_cell == cell_id))


_STEP = (CellLineage.share, CellLineage.reason, CellLineage.at)


def _steps(session: Session, steps: Select) -> list[Step]:
    return [Step(*row) for row in session.execute(steps.order_by(Cell.code))]


def area_chain(session: Session, code: str) -> list[Area]:
    """The areas that hold a community (or any other area, or a cell's code), from the city down to itself.

    Their polygons are only read when asked for.
    """
    codes = [code[:length] for length in (4, 6, 9, 12) if length <= len(code)]
    statement = select(Area).options(defer(Area.geom)).where(Area.code.in_(codes))
    return list(session.scalars(statement.order_by(func.length(Area.code))))


def areas_by_code(session: Session, codes: Iterable[str]) -> Sequence[Area]:
    """The areas with these codes, without their polygons."""
    return session.scalars(select(Area).options(defer(Area.geom)).where(Area.code.in_(codes))).all()


def area(session: Session, code: str) -> Area:
    """The area with this code. `NotFound` otherwise."""
    found = session.get(Area, code)
    if found is None:
        raise NotFound(
            "grid.area-unknown", f"There is no area {code}; `webgis areas list` shows those there are", got=code
        )
    return found


def areas(session: Session, level: str | None = None, within: str | None = None) -> Sequence[Area]:
    """Areas by code; of one level, within the area whose code is `within` (itself included). Without polygons."""
    statement = select(Area).options(defer(Area.geom)).order_by(Area.code)
    if level is not None:
        statement = statement.where(Area.level == level)
    if within is not None:
        statement = statement.where(Area.code.startswith(within, autoescape=True))
    return session.scalars(statement).all()


class Branch(NamedTuple):
    """An area with what lies in it: how many areas are right below, communities in all and those without a valid cell,
    and valid cells."""

    area: Area
    below: int
    communities: int
    undivided: int
    cells: int


_BRANCHES = text(
    """
    WITH held AS (
        SELECT community_code AS code, count(*) AS cells FROM city.cell WHERE upper_inf(valid) GROUP BY 1
    ), communities AS (
        SELECT a.code, coalesce(h.cells, 0) AS cells FROM city.area a LEFT JOIN held h USING (code)
        WHERE a.level = 'community'
    )
    SELECT a.code, count(c.code) AS communities, count(c.code) FILTER (WHERE c.cells = 0) AS undivided,
           coalesce(sum(c.cells), 0)::int AS cells,
           (SELECT count(*) FROM city.area b WHERE b.parent_code = a.code) AS below
    FROM city.area a LEFT JOIN communities c ON starts_with(c.code, a.code)
    WHERE a.parent_code IS NOT DISTINCT FROM CAST(:within AS text) GROUP BY a.code ORDER BY a.code
    """
)


def branches(session: Session, within: str | None) -> list[Branch]:
    """The areas right below an area, or those without one above, with what lies in each."""
    rows = session.execute(_BRANCHES, {"within": within}).all()
    found = {area.code: area for area in areas_by_code(session, [row.code for row in rows])}
    return [Branch(found[row.code], row.below, row.communities, row.undivided, row.cells) for row in rows]


def roots(session: Session) -> Sequence[Area]:
    """The areas without one above: a city, or counties that stand alone."""
    wanted = select(Area).options(defer(Area.geom)).where(Area.parent_code.is_(None))
    return session.scalars(wanted.order_by(Area.code)).all()


_COUNTS = text(
    "SELECT level, count(*) FROM city.area GROUP BY level"
    " UNION ALL SELECT 'cells', count(*) FROM city.cell WHERE upper_inf(valid)"
)


def counts(session: Session) -> dict[str, int]:
    """How many areas of each level there are, and valid `cells`."""
    found = dict(session.execute(_COUNTS).all())
    return {name: found.get(name, 0) for name in (*LEVELS, "cells")}


def srid_of(session: Session, code: str | None = None) -> int:
    """The projected system in whose metres a place is measured: that of an area or cell, or of the nearest that holds
    it; without a code that of the widest area that names one. Else the setting."""
    default = session.info["settings"].projected_srid
    if code is None:
        return session.scalar(_CITY_SRID) or default
    return projected_srids(session, [code], default)[0]


def systems(session: Session) -> list[str]:
    """The systems in which a file is likely to be: those with names, and the city's projected one."""
    return [*CRS_NAMES, f"EPSG:{srid_of(session)}"]


def srid_at(session: Session, lon: float, lat: float) -> int:
    """`srid_of` the cell that holds a place now; of the city outside the grid."""
    cell = cell_at(session, lon, lat)
    return srid_of(session, cell and cell.code)


def projected_srids(session: Session, codes: Sequence[str], default: int) -> list[int]:
    """The projected system of each of some areas or cells: its own, its nearest ancestor's, or `default`."""
    stated = stated_srids(session)
    return [nearest_srid(code, stated) or default for code in codes]


def stated_srids(session: Session) -> dict[str, int]:
    """The projected systems that areas state, by the area's code."""
    return dict(session.execute(select(Area.code, Area.projected_srid).where(Area.projected_srid.is_not(None))).all())


def nearest_srid(code: str, stated: Mapping[str, int]) -> int | None:
    """What an area or cell states, or the nearest that holds it; None: nobody."""
    return next((stated[up] for up in upwards(code) if up in stated), None)


def upwards(code: str) -> list[str]:
    """The codes of an area or of a cell's areas from itself up to its city."""
    return [code[:length] for length in (12, 9, 6, 4) if length <= len(code)]
