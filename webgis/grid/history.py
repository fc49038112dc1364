"""The history of cells: opening new ones, closing old ones, and the lineage between them. In bulk, by COPY.

Verbs that dividing, surveying, splitting and merging share. A code is never edited and no row ever moves: a closed
row keeps its geometry, its `valid` range only gets its end.
"""

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

import numpy as np
import shapely
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from webgis.errors import Conflict, Invalid
from webgis.geo import SRID
from webgis.grid import bulk
from webgis.grid.models import CELL_CODE_LENGTH, CODE_LENGTHS

SLIGHT = 1e-6
"""A part of a cell's ground below this is no lineage: rounding of coordinates."""

MANY = 10_000
"""So many cells at once are the first load of a city."""

LOCK_NOT_AVAILABLE = "55P03"

_CHANGED = "SELECT fn.layer_changed('cells')"

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_FROM_START, _WITHOUT_END = 0x02, 0x10  # flags of a range on the wire: lower end included, no upper end


@dataclass(frozen=True)
class NewCells:
    """Cells to open; (n,) each, one value for all where a single one is given.

    `geoms`: Polygons in CGCS2000 degrees; `area_m2`: in the projected system; `since`, `until`: aware datetimes,
    `until` None while valid; `nominal_m`: side of the square they were cut by, None for surveyed ones.
    """

    codes: Sequence[str]
    geoms: np.ndarray
    area_m2: np.ndarray
    origin: str
    since: Sequence[datetime] | datetime
    until: Sequence[datetime | None] | None = None
    nominal_m: Sequence[float] | float | None = None
    land_use: Sequence[str | None] | None = None
    manager: Sequence[str | None] | None = None
    remark: Sequence[str | None] | None = None


@dataclass(frozen=True)
class OldCells:
    """Cells that are valid: (n,) ids, codes, Polygons and the moments since when they are."""

    ids: np.ndarray
    codes: np.ndarray
    geoms: np.ndarray
    since: np.ndarray

    def only(self, positions: np.ndarray) -> "OldCells":
        """Those at these (k,) positions."""
        return OldCells(self.ids[positions], self.codes[positions], self.geoms[positions], self.since[positions])


def moment(session: Session, at: datetime | None) -> datetime:
    """`at`, or the transaction's moment. `Invalid` without a time zone or in the future: what is valid is valid now."""
    now = session.scalar(select(func.now()))
    if at is None:
        return now
    if at.tzinfo is None:
        raise Invalid("grid.no-zone", f"{at} has no time zone; add one, such as +08:00", field="at", got=str(at))
    if at > now:
        raise Invalid("grid.future", f"{at} is in the future; a change of cells holds from now or earlier", field="at")
    return at


def read_moment(written: str, zone: tzinfo) -> datetime:
    """A moment as people and programs write it (ISO 8601; in `zone` unless it says another), in UTC.

    UTC, since PostgreSQL takes no offset of 16 hours or more. `Invalid` "grid.bad-moment" says what is accepted.
    """
    try:
        at = datetime.fromisoformat(written)
        return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        accepted = "ISO 8601, such as 2026-07-01T09:30 or 2026-07-01T09:30:00+08:00"
        message = f"{written!r} is not a moment; accepted: {accepted}"
        raise Invalid("grid.bad-moment", message, field="at", got=written, accepted=accepted) from None


def lock_communities(session: Session, codes: Sequence[str]) -> None:
    """Let one writer at a time change the cells of these communities."""
    session.execute(
        text("SELECT FROM city.area WHERE code = ANY(:codes) ORDER BY code FOR NO KEY UPDATE"), {"codes": list(codes)}
    )


def valid_cells(session: Session, communities: Sequence[str]) -> OldCells:
    """The valid cells of these communities, by code."""
    rows = session.execute(
        text(
            "SELECT id, code, ST_AsBinary(geom), lower(valid) FROM city.cell"
            " WHERE community_code = ANY(:codes) AND upper_inf(valid) ORDER BY code"
        ),
        {"codes": list(communities)},
    ).all()
    return as_old_cells(rows)


def as_old_cells(rows: Sequence) -> OldCells:
    """Rows of (id, code, WKB, since) as OldCells."""
    ids, codes, wkb, since = zip(*rows, strict=True) if rows else ((), (), (), ())
    geoms = shapely.from_wkb(np.array([bytes(one) for one in wkb], dtype=object))
    return OldCells(np.array(ids, dtype=np.int64), np.array(codes, dtype=object), geoms, np.array(since, dtype=object))


def replace_cells(session: Session, leaving: OldCells, cells: NewCells, reason: str, at: datetime) -> int:
    """Close old cells at a moment and open new ones, with lineage; returns how many links it has.

    `reason`: "divided", "split", "merged" or "surveyed". `Conflict` "grid.same-moment" when an old one began at or
    after `at`. The database refuses a code that is already valid.
    """
    if not len(leaving.ids):
        open_cells(session, cells)
        return 0
    close_cells(session, leaving, at)
    if not len(cells.codes):
        return 0
    ids = _new_ids(session, len(cells.codes))
    open_cells(session, cells, ids)
    return _link(session, leaving, ids, cells.geoms, reason, at)


def open_cells(session: Session, cells: NewCells, ids: np.ndarray | None = None) -> None:
    """Store new cells, under `ids` where they are known beforehand."""
    count = len(cells.codes)
    codes = np.array(cells.codes, dtype=f"U{CELL_CODE_LENGTH}")
    columns = {
        "code": codes,
        "community_code": codes.astype(f"U{CODE_LENGTHS['community']}"),
        "geom": bulk.ewkb(cells.geoms, SRID),
        "area_m2": np.asarray(cells.area_m2, dtype=float),
        "valid": _ranges(cells, count),
        "origin": np.full(count, cells.origin),
    }
    if ids is not None:
        columns["id"] = ids
    if cells.nominal_m is not None:
        columns["nominal_m"] = np.broadcast_to(np.asarray(cells.nominal_m, dtype=float), count)
    for name in ("land_use", "manager", "remark"):
        if getattr(cells, name) is not None:
            columns[name] = _texts(getattr(cells, name))
    with _checked_afterwards(session, count), session.connection().connection.cursor() as cursor:
        bulk.write(cursor, f"city.cell ({', '.join(columns)})", list(columns.values()))
        cursor.execute(_CHANGED)


@contextmanager
def _checked_afterwards(session: Session, count: int) -> Iterator[None]:
    """Fill an empty table without its spatial index and foreign key, and make both in one pass at the end.

    Row by row they are most of the cost of a first load: together 5 of 6 s for 160,000 cells, at the end 0.4 s.
    """
    if count < MANY or not _empty_and_ours(session):
        yield
        return
    aside = session.execute(_SET_ASIDE).all()
    for drop, _ in aside:
        session.execute(text(drop))
    yield
    for _, make in aside:
        session.execute(text(make))


_SET_ASIDE = text(
    """
    SELECT 'DROP INDEX city.ix_cell_geom', pg_get_indexdef('city.ix_cell_geom'::regclass)
    UNION ALL
    SELECT 'ALTER TABLE city.cell DROP CONSTRAINT ' || conname,
           'ALTER TABLE city.cell ADD CONSTRAINT ' || conname || ' ' || pg_get_constraintdef(oid)
    FROM pg_constraint WHERE conrelid = 'city.cell'::regclass AND conname = 'fk_cell_community_code'
    """
)


def _empty_and_ours(session: Session) -> bool:
    """Whether there is no cell yet, and the tables can be had for ourselves until the commit without waiting."""
    empty = text("SELECT NOT EXISTS (SELECT FROM city.cell)")
    owner = text("SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'city.cell'::regclass")
    if not (session.scalar(empty) and session.scalar(owner)):
        return False
    try:
        with session.begin_nested():
            session.execute(text("LOCK TABLE city.cell, city.area IN ACCESS EXCLUSIVE MODE NOWAIT"))
    except OperationalError as error:
        if error.orig.pgcode != LOCK_NOT_AVAILABLE:
            raise
        return False
    return session.scalar(empty)


def _new_ids(session: Session, count: int) -> np.ndarray:
    statement = text("SELECT nextval(pg_get_serial_sequence('city.cell', 'id')) FROM generate_series(1, :count)")
    return np.array(session.scalars(statement, {"count": count}).all(), dtype=np.int64)


def _ranges(cells: NewCells, count: int) -> np.ndarray:
    """The `valid` ranges in PostgreSQL's binary form."""
    made = np.empty(count, dtype=object)
    if isinstance(cells.since, datetime) and cells.until is None:
        made.fill(_range(cells.since, None))
        return made
    since = [cells.since] * count if isinstance(cells.since, datetime) else cells.since
    made[:] = [_range(start, end) for start, end in zip(since, cells.until or [None] * count, strict=True)]
    return made


def _range(start: datetime, end: datetime | None) -> bytes:
    if end is None:
        return struct.pack(">Biq", _FROM_START | _WITHOUT_END, 8, _microseconds(start))
    return struct.pack(">Biqiq", _FROM_START, 8, _microseconds(start), 8, _microseconds(end))


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _texts(values: Sequence[str | None]) -> np.ndarray:
    made = np.empty(len(values), dtype=object)
    made[:] = [None if value is None else value.encode() for value in values]
    return made


def close_cells(session: Session, cells: OldCells, at: datetime) -> None:
    """Give cells their end. `Conflict` when one began at or after that moment."""
    late = [code for code, since in zip(cells.codes, cells.since, strict=True) if since >= at]
    if late:
        raise Conflict(
            "grid.same-moment",
            f"Cell {late[0]} is valid only since {max(cells.since).isoformat()}; a change must come after that",
            cells=late[:10],
            at=at.isoformat(),
        )
    session.execute(
        text("UPDATE city.cell SET valid = tstzrange(lower(valid), :at) WHERE id = ANY(:ids) AND upper_inf(valid)"),
        {"ids": cells.ids.tolist(), "at": at},
    )
    session.execute(text(_CHANGED))


def _link(session: Session, old: OldCells, ids: np.ndarray, geoms: np.ndarray, reason: str, at: datetime) -> int:
    """Record which part of each old cell's ground each new cell took over; returns how many links were made."""
    before, after, share = shares(old.geoms, geoms)
    if len(share):
        columns = [
            old.ids[before],
            ids[after],
            share,
            np.full(len(share), reason),
            np.full(len(share), _microseconds(at), dtype=np.int64),
        ]
        with session.connection().connection.cursor() as cursor:
            bulk.write(cursor, "city.cell_lineage (from_cell, to_cell, share, reason, at)", columns)
    return len(share)


def shares(old: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(k,) positions in `old` and `new` of polygons that share ground, and the (k,) part (0 to 1] of the old one's."""
    if not len(old) or not len(new):
        return np.empty(0, int), np.empty(0, int), np.empty(0)
    before, after = shapely.STRtree(new).query(old, predicate="intersects")
    share = shapely.area(shapely.intersection(old[before], new[after])) / shapely.area(old[before])
    real = share > SLIGHT
    return before[real], after[real], np.minimum(share[real], 1.0)
