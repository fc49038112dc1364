"""Cells that surveyors drew: their way in from a file, with every fault found and said, and the way out of cells.

Nothing is loaded while there is a fault whose kind was not accepted by name. Overlaps, gaps and overhangs are those of
the cells that would be valid afterwards. Accepting a kind of UNSTORABLE leaves those rows out; accepting any other
loads the rows as they are (geometry repaired).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from webgis.errors import Conflict, Invalid
from webgis.grid import checks, fields, files, fitting, history, queries
from webgis.grid.areas import geometry_faults
from webgis.grid.checks import Fault
from webgis.grid.files import Layer
from webgis.grid.history import NewCells, OldCells
from webgis.grid.models import CELL_CODE_LENGTH, Cell

UNSTORABLE = frozenset({"code-form", "duplicate", "unknown-community", "empty-geometry", "multipart", "time"})
KINDS = UNSTORABLE | {
    "overlap", "gap", "outside", "wrong-parent", "invalid-geometry", "area-mismatch", "reused-code"
}  # fmt: skip
"""Kinds of faults of a file of cells."""

AREA_TOLERANCE = 0.01
"""A stated area may differ by 1 % from the measured one (2 % is the scale error of a wrong zone of projection)."""


@dataclass
class Outcome:
    """What an import did. `refused`: kinds of faults that were not accepted; with any, nothing was stored."""

    loaded: bool = False
    cells: int = 0
    closed: int = 0
    left_out: int = 0
    unchanged: int = 0
    refused: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Rows:
    """Features as cells; (n,) each. `geoms`: valid Polygons, MultiPolygons or None; `valid`: in force now."""

    codes: np.ndarray
    geoms: np.ndarray
    stated_m2: list[float | None]
    since: list[datetime]
    until: list[datetime | None]
    land_use: list[str | None]
    manager: list[str | None]
    remark: list[str | None]

    @property
    def valid(self) -> np.ndarray:
        return np.array([end is None for end in self.until], dtype=bool)


def import_cells(
    session: Session,
    layer: Layer,
    *,
    srid: int,
    zone: tzinfo,
    given: Mapping[str, str | None] | None = None,
    accepted: Collection[str] = (),
    again: bool = False,
    at: datetime | None = None,
    tolerance_m2: float = checks.NOTABLE_M2,
) -> Outcome:
    """Check the cells of a file and store them; see the module for what faults do.

    `srid`: projected system where no area states its own; `zone`: of dates without one; `at`: since when cells
    without an initial time are valid (default: now); `again`: close the valid cells of the file's communities, with
    lineage to the new ones (`Conflict` "grid.divided" without); cells of the same code and shape stay as they are.
    """
    unknown = set(accepted) - KINDS
    if unknown:
        raise Invalid(
            "grid.fault-unknown",
            f"There is no kind of fault {sorted(unknown)[0]!r}; known are {', '.join(sorted(KINDS))}",
            field="accept-faults",
            accepted=sorted(KINDS),
        )
    at = history.moment(session, at)
    rows, faults = _rows(layer, given or {}, zone, at)
    ground = fitting.ground(session, sorted({code[:12] for code in rows.codes if code}))
    faults += _row_faults(rows, ground)
    storable = np.ones(len(rows.codes), dtype=bool)
    storable[[fault.row - 1 for fault in faults if fault.kind in UNSTORABLE]] = False
    history.lock_communities(session, ground.codes)
    old = history.valid_cells(session, ground.codes)
    srids = np.array(queries.projected_srids(session, [str(code) for code in rows.codes], srid))
    faults += _area_mismatches(rows, srids)
    loadable = np.flatnonzero(storable & rows.valid)
    if len(loadable):
        codes, geoms = rows.codes[loadable], rows.geoms[loadable]
        faults += fitting.fit_faults(session, codes, geoms, ground, tolerance_m2, loadable + 1)
    faults += _reused(session, rows, storable)
    outcome = Outcome(faults=sorted(faults, key=lambda fault: fault.row or 0), notes=list(layer.notes))
    outcome.refused = sorted({fault.kind for fault in faults} - set(accepted))
    if outcome.refused:
        return outcome
    if len(old.ids) and not again:
        raise Conflict(
            "grid.divided",
            f"{len({code[:12] for code in old.codes})} of the file's communities already have valid cells; import "
            "--again to close them and open those of the file",
            cells=len(old.ids),
        )
    outcome.left_out = int((~storable).sum())
    _store(session, rows, storable, old, srids, at, outcome)
    return outcome


def _rows(layer: Layer, given: Mapping[str, str | None], zone: tzinfo, at: datetime) -> tuple[_Rows, list[Fault]]:
    found = fields.chosen(layer, fields.CELL_FIELDS, given)
    codes = np.array(
        [fields.as_text(code) for code in fields.needed(layer, found, "code", "--code-field").tolist()], dtype=object
    )
    geoms, repaired, reasons = checks.polygons_only(layer.geoms)
    faults = geometry_faults(codes, geoms, repaired, reasons)
    parts = shapely.get_num_geometries(geoms)
    for position in np.flatnonzero(parts > 1):
        message = f"consists of {parts[position]} separate parts; a cell is one closed polygon"
        faults.append(Fault("multipart", message, int(position) + 1, codes[position]))
    single = np.flatnonzero(parts == 1)
    geoms[single] = shapely.normalize(shapely.get_geometry(geoms[single], 0))
    since, until, wrong = _times(layer, found, codes, zone, at)
    rows = _Rows(
        codes,
        geoms,
        [fields.as_number(area) for area in fields.values(layer, found, "area")],
        since,
        until,
        *(fields.texts(layer, found, name) for name in _TEXTS),
    )
    return rows, faults + wrong


_TEXTS = ("land_use", "manager", "remark")


def _times(
    layer: Layer, found: Mapping[str, str], codes: np.ndarray, zone: tzinfo, at: datetime
) -> tuple[list[datetime], list[datetime | None], list[Fault]]:
    starts, ends = fields.values(layer, found, "since"), fields.values(layer, found, "until")
    read = {pair: _read_times(*pair, zone, at) for pair in set(zip(starts, ends, strict=True))}
    since, until, faults = [], [], []
    for row, pair in enumerate(zip(starts, ends, strict=True), 1):
        begin, end, wrong = read[pair]
        since.append(begin)
        until.append(end)
        if wrong:
            faults.append(Fault("time", wrong, row, codes[row - 1]))
    return since, until, faults


def _read_times(start: Any, end: Any, zone: tzinfo, at: datetime) -> tuple[datetime, datetime | None, str | None]:
    try:
        begins, ends = fields.as_moment(start, zone) or at, fields.as_moment(end, zone)
    except ValueError:
        return at, None, f"{start!r} or {end!r} is not a date; accepted: 2024-01-31, 20240131"
    return begins, ends, _time_fault(begins, ends, at)


def _time_fault(begins: datetime, ends: datetime | None, at: datetime) -> str | None:
    if begins > at:
        return f"begins in the future ({begins.isoformat()})"
    if ends is not None and ends <= begins:
        return f"ends ({ends.isoformat()}) before it begins ({begins.isoformat()})"
    if ends is not None and ends > at:
        return f"ends in the future ({ends.isoformat()}); leave the end open while a cell is valid"
    return None


def _row_faults(rows: _Rows, ground: fitting.Ground) -> list[Fault]:
    """Faults of codes: their form, an unknown community, and the same code twice at one time."""
    faults: list[Fault] = []
    borne: dict[str, list[int]] = {}
    for position, code in enumerate(rows.codes):
        wrong = code_fault(code)
        if wrong:
            faults.append(Fault("code-form", wrong, position + 1, code))
        elif code[:12] not in ground.position:
            faults.append(Fault("unknown-community", f"there is no community {code[:12]}", position + 1, code))
        else:
            twin = next((other for other in borne.get(code, ()) if _at_once(rows, other, position)), None)
            if twin is None:
                borne.setdefault(code, []).append(position)
            else:
                faults.append(Fault("duplicate", f"the code stands in row {twin + 1} already", position + 1, code))
    return faults


def _at_once(rows: _Rows, one: int, other: int) -> bool:
    end, other_end = rows.until[one], rows.until[other]
    return (end is None or rows.since[other] < end) and (other_end is None or rows.since[one] < other_end)


def code_fault(code: str | None) -> str | None:
    """What is wrong with the form of a cell's code, or None."""
    if code is None or not (code.isascii() and code.isdigit()) or len(code) != CELL_CODE_LENGTH:
        return f"the code has to be {CELL_CODE_LENGTH} digits: community 12, sequence 3"
    return "the sequence begins at 001" if code.endswith("000") else None


def _area_mismatches(rows: _Rows, srids: np.ndarray) -> list[Fault]:
    stated = np.array([np.nan if area is None else area for area in rows.stated_m2], dtype=float)
    given = np.flatnonzero(~np.isnan(stated) & ~shapely.is_missing(rows.geoms))
    if not len(given):
        return []
    m2 = checks.projected_m2(rows.geoms[given], srids[given])
    off = np.abs(stated[given] - m2) > m2 * AREA_TOLERANCE
    return [
        Fault("area-mismatch", f"states {stated[row]:,.1f} m2, measures {size:,.1f} m2", int(row) + 1, rows.codes[row],
              m2=round(abs(stated[row] - size), 1))
        for row, size in zip(given[off], m2[off], strict=True)
    ]  # fmt: skip


def _reused(session: Session, rows: _Rows, storable: np.ndarray) -> list[Fault]:
    """Rows whose code an earlier cell of another shape bore: the standard gives a changed cell a new code."""
    number = {rows.codes[row]: row for row in np.flatnonzero(storable)}
    stored = session.execute(
        text("SELECT code, ST_AsBinary(geom) FROM city.cell WHERE code = ANY(:codes)"), {"codes": list(number)}
    ).all()
    bearers = np.array([number[code] for code, _ in stored], dtype=int)
    shapes = shapely.from_wkb(np.array([bytes(wkb) for _, wkb in stored], dtype=object))
    same = np.unique(bearers[_same(rows.geoms[bearers], shapes)])
    return [
        Fault("reused-code", "an earlier cell of another shape bore this code", int(row) + 1, rows.codes[row])
        for row in np.setdiff1d(bearers, same)
    ]


def _same(geoms: np.ndarray, stored: np.ndarray) -> np.ndarray:
    """(n,) bool: polygons in normal form that have the very shape of stored ones, to about a millimetre."""
    return shapely.equals_exact(geoms, shapely.normalize(stored), 1e-8)


def _store(
    session: Session,
    rows: _Rows,
    storable: np.ndarray,
    old: OldCells,
    srids: np.ndarray,
    at: datetime,
    outcome: Outcome,
) -> None:
    stays = _staying(rows, storable, old)
    taken = np.array([row for row in np.flatnonzero(storable) if rows.codes[row] not in stays], dtype=int)
    going = np.flatnonzero([code not in stays for code in old.codes])
    outcome.loaded, outcome.cells, outcome.closed, outcome.unchanged = True, len(taken), len(going), len(stays)
    replaced = {code[:12] for code in old.codes}
    cells = NewCells(
        codes=rows.codes[taken].tolist(),
        geoms=rows.geoms[taken],
        area_m2=checks.projected_m2(rows.geoms[taken], srids[taken]),
        origin="surveyed",
        since=[at if rows.codes[row][:12] in replaced else rows.since[row] for row in taken],
        until=[rows.until[row] for row in taken],
        **{name: [getattr(rows, name)[row] for row in taken] for name in _TEXTS},
    )
    history.replace_cells(session, old.only(going), cells, "surveyed", at)


def _staying(rows: _Rows, storable: np.ndarray, old: OldCells) -> set[str]:
    """Codes of valid cells that the file has in just the same shape."""
    number = {rows.codes[row]: row for row in np.flatnonzero(storable & rows.valid)}
    known = np.array([position for position, code in enumerate(old.codes) if code in number], dtype=int)
    bearers = np.array([number[code] for code in old.codes[known]], dtype=int)
    return set(old.codes[known][_same(rows.geoms[bearers], old.geoms[known])])


def export_cells(session: Session, path: Path, code: str, zone: tzinfo, crs: str = "wgs84") -> int:
    """Write the valid cells of an area to a GeoJSON or GeoPackage file; returns how many. `Invalid` without any."""
    queries.area(session, code)
    rows = session.execute(
        select(Cell.code, Cell.area_m2, func.lower(Cell.valid), Cell.origin, *(getattr(Cell, name) for name in _TEXTS),
               func.ST_AsBinary(Cell.geom))
        .where(Cell.code.startswith(code, autoescape=True), func.upper_inf(Cell.valid))
        .order_by(Cell.code)
    ).all()  # fmt: skip
    if not rows:
        raise Invalid("grid.nothing", f"Area {code} has no valid cells to export", got=code)
    codes, areas, since, origin, *texts, wkb = zip(*rows, strict=True)
    columns = {
        "code": codes,
        "area_m2": areas,
        "initial_time": [start.astimezone(zone).isoformat(timespec="seconds") for start in since],
        "origin": origin,
        **dict(zip(_TEXTS, texts, strict=True)),
    }
    files.write(path, shapely.from_wkb([bytes(shape) for shape in wkb]), columns, crs)
    return len(rows)
