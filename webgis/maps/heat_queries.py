"""What heat asks: how many cases one may see by cell or area in a span, and what they can be measured by. Reads only.

Every count passes `Asked`, which holds the sight of who asks. A case keeps the cell it was found in; where that cell
has ended, its count goes to the cells of now on its ground, by their share of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.accounts import permissions
from webgis.accounts.actor import Actor
from webgis.cases import queries as cases
from webgis.catalog import queries as catalog
from webgis.days import Span
from webgis.errors import Invalid
from webgis.grid import duty
from webgis.grid import queries as grid
from webgis.grid.models import CELL_CODE_LENGTH, CODE_LENGTHS

LEVELS = {"cell": CELL_CODE_LENGTH} | {level: CODE_LENGTHS[level] for level in ("community", "subdistrict", "county")}
"""Levels and the digits of their codes."""

M2_OF_KM2 = 1_000_000
PEOPLE = 10_000


@dataclass(frozen=True)
class Asked:
    """Which cases: of these departments (None: all), in this area (None: the city), of a span of days, of a class, of
    the classes that one is limited to (`cases.queries.Sight`)."""

    span: Span
    departments: tuple[str, ...] | None = None
    area: str | None = None
    kind: str | None = None
    class_code: str | None = None
    classes: tuple[str, ...] | None = None

    def during(self, span: Span) -> "Asked":
        """The same question of other days."""
        return replace(self, span=span)

    def values(self) -> dict:
        """The parameters of `fn.seen_cells` and its kin."""
        departments = None if self.departments is None else list(self.departments)
        return {
            "departments": departments,
            "area": self.area,
            "since": self.span.since,
            "until": self.span.until,
            "kind": self.kind,
            "class": self.class_code,
            "classes": None if self.classes is None else list(self.classes),
        }


@dataclass(frozen=True)
class Places:
    """Cells or areas of one level by code: ids (of cells, else zeros), names, m2, and people (NaN: not known)."""

    level: str
    codes: np.ndarray
    ids: np.ndarray
    names: Sequence[tuple[str, str | None]]
    m2: np.ndarray
    people: np.ndarray


def asked(
    session: Session,
    actor: Actor,
    span: Span,
    *,
    area: str | None = None,
    kind: str | None = None,
    class_code: str | None = None,
) -> Asked:
    """The question of this person. Refused: an area beyond theirs or that is none, a class that is none."""
    departments, own, classes = cases.sight(actor)
    if area is not None:
        permissions.require_area(actor, [area])
        grid.area(session, area)
    if class_code is not None:
        if kind is None:
            raise refused("kind", None, "component or matter: both have classes of the same numbers")
        catalog.require_class(session, kind, class_code)
        permissions.require_class(actor, kind, class_code)
    whose = None if departments is None else tuple(sorted(departments))
    return Asked(span, whose, area or own, kind, class_code, None if classes is None else tuple(classes))


def refused(field: str, got: object, accepted: str) -> Invalid:
    """The refusal of a field of a question."""
    return Invalid("maps.bad-field", f"{field}: {accepted}", field=field, got=got, accepted=accepted)


def span(session: Session, since: date | None, until: date | None, zone: ZoneInfo) -> Span:
    """The span between two days; without a first day from the first case on, without a last one until today."""
    until = until or datetime.now(zone).date()
    if since is None:
        first = session.scalar(text("SELECT min(reported_at) FROM city.case"))
        since = until if first is None else min(first.astimezone(zone).date(), until)
    if since > until:
        raise refused("until", until.isoformat(), f"a day that is not before {since.isoformat()}")
    return Span(since, until)


_CELLS = text(
    "SELECT id, code, area_m2 FROM city.cell WHERE upper_inf(valid) AND starts_with(code, :area) ORDER BY code"
)


def places(session: Session, level: str, area: str | None) -> Places:
    """The cells valid now, or the areas of a level, within an area."""
    if level == "cell":
        found = session.execute(_CELLS, {"area": area or ""}).all()
        names = [(row.code, None) for row in found]
        ids, people = [row.id for row in found], [None] * len(found)
    else:
        found = grid.areas(session, level, area)
        names = [(row.name_zh, row.name_en) for row in found]
        ids, people = [0] * len(found), [row.population for row in found]
    codes = np.array([row.code for row in found], dtype="U15")
    m2 = np.array([row.area_m2 for row in found], dtype=float)
    return Places(level, codes, np.array(ids, dtype=np.int64), names, m2, np.array(people, dtype=float))


_SEEN_CELLS = text(
    "SELECT array_agg(cell_id) AS cells, array_agg(reported) AS counts FROM fn.seen_cells("
    "CAST(:departments AS varchar[]), :area, CAST(:since AS date), CAST(:until AS date), :kind, :class,"
    " CAST(:classes AS text[]))"
)
_SEEN_AREAS = text(
    "SELECT code, reported FROM fn.seen_areas("
    "CAST(:departments AS varchar[]), :level, :area, CAST(:since AS date), CAST(:until AS date), :kind, :class,"
    " CAST(:classes AS text[]))"
)


def counts(session: Session, question: Asked, where: Places) -> np.ndarray:
    """How many cases each place counts."""
    if where.level == "cell":
        return cell_counts(session, question, where.ids)
    found = dict(session.execute(_SEEN_AREAS, question.values() | {"level": where.level}).all())
    return np.array([found.get(code, 0) for code in where.codes.tolist()], dtype=float)


def cell_counts(session: Session, question: Asked, ids: np.ndarray) -> np.ndarray:
    """How many cases each of these cells (ids of cells valid now) counts. Of a whole city: they come as two arrays,
    which are read ten times as fast as rows."""
    found = session.execute(_SEEN_CELLS, question.values()).one()
    cells, amounts = np.array(found.cells or [], dtype=np.int64), np.array(found.counts or [], dtype=float)
    return spread(session, cells, amounts, ids)


_CARRIED = text("SELECT was, cell_id, share FROM fn.cells_carried(CAST(:ended AS bigint[]))")


def spread(session: Session, found: np.ndarray, amounts: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Amounts by row of `city.cell` brought to the cells `ids`; what was on ended cells by share of their ground."""
    rows, place = np.unique(found, return_inverse=True)
    whole = np.bincount(place, weights=amounts, minlength=len(rows))
    now = np.isin(rows, ids)
    carried = session.execute(_CARRIED, {"ended": rows[~now].tolist()}).all() if not now.all() else []
    of = dict(zip(rows.tolist(), whole.tolist(), strict=True))
    cells = np.concatenate([rows[now], np.array([row.cell_id for row in carried], dtype=np.int64)])
    parts = np.concatenate([whole[now], np.array([of[row.was] * row.share for row in carried], dtype=float)])
    order = np.argsort(ids)
    known = np.isin(cells, ids)
    at = order[np.searchsorted(ids, cells[known], sorter=order)]
    return np.bincount(at, weights=parts[known], minlength=len(ids))


_BEATS = text("SELECT * FROM fn.beats_between(:since, :until, :zone)")
_GROUND = text("SELECT * FROM fn.beat_ground(CAST(:beats AS integer[]))")


_RECORDED = text(
    "SELECT p.cell_id, c.code, sum(p.seconds) / 3600.0 AS hours"
    " FROM city.patrol_time p JOIN city.cell c ON c.id = p.cell_id WHERE p.day BETWEEN :since AND :until"
    " GROUP BY p.cell_id, c.code"
)


class Patrol(NamedTuple):
    """Hours of patrol by row of `city.cell`, with the codes of these."""

    cells: np.ndarray
    codes: np.ndarray
    hours: np.ndarray


def patrol_hours(session: Session, days: Span, where: Places, zone: ZoneInfo) -> np.ndarray:
    """Hours of patrol in a span by place: as planned, or as phones recorded them (setting `patrol_hours`).

    So hours of areas are the sums of those of their cells. Two inspectors on duty at once are two hours an hour.
    """
    recorded = session.info["settings"].patrol_hours == "recorded"
    found = _recorded(session, days) if recorded else _planned(session, days, zone)
    if where.level == "cell":
        return spread(session, found.cells, found.hours, where.ids)
    codes = np.array([code[: LEVELS[where.level]] for code in found.codes.tolist()], dtype="U15")
    known = np.isin(codes, where.codes)
    at = np.searchsorted(where.codes, codes[known])
    return np.bincount(at, weights=found.hours[known], minlength=len(where.codes))


def _recorded(session: Session, days: Span) -> Patrol:
    """The time that shifts spent in each cell, by their tracks."""
    rows = session.execute(_RECORDED, {"since": days.since, "until": days.until}).all()
    return _patrol((row.cell_id, row.code, float(row.hours)) for row in rows)


def _planned(session: Session, days: Span, zone: ZoneInfo) -> Patrol:
    """The hours of duty of each shift of a beat, shared by the ground of the beat's cells."""
    since = datetime.combine(days.since, time(), zone)
    until = datetime.combine(days.until + timedelta(days=1), time(), zone)
    beats = session.execute(_BEATS, {"since": since, "until": until, "zone": zone.key}).all()
    reckon = lru_cache(duty.hours_between)
    hours = {
        beat.beat_id: sum(
            reckon(tuple(on), time.fromisoformat(start), time.fromisoformat(end), beat.begun, beat.ended)
            for on, start, end in beat.shifts
        )
        for beat in beats
    }
    ground = session.execute(_GROUND, {"beats": list(hours)}).all()
    return _patrol((row.cell_id, row.code, hours[row.beat_id] * row.share) for row in ground)


def _patrol(rows: Iterable[tuple[int, str, float]]) -> Patrol:
    cells, codes, hours = zip(*rows, strict=True) if (rows := list(rows)) else ((), (), ())
    return Patrol(np.array(cells, dtype=np.int64), np.array(codes, dtype="U15"), np.array(hours, dtype=float))


def measured_by(session: Session, measure: str, days: Span, where: Places, zone: ZoneInfo) -> np.ndarray:
    """What the counts of a span are divided by, place by place: 1, km2, tens of thousands of people (NaN: not known),
    or hours of patrol."""
    if measure == "per_patrol_hour":
        return patrol_hours(session, days, where, zone)
    ones = np.ones(len(where.codes))
    return {"count": ones, "per_km2": where.m2 / M2_OF_KM2, "per_10000_people": where.people / PEOPLE}[measure]
