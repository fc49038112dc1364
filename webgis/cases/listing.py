"""The list of cases: which of those that somebody may see, in which order, page by page, and how many."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import ColumnElement, Row, Select, func, not_, or_, select, tuple_
from sqlalchemy.orm import Session

from webgis import db
from webgis.accounts.actor import Actor
from webgis.cases import workflow
from webgis.cases.models import Case, OpenCase
from webgis.cases.queries import lines, visible
from webgis.cases.zone_models import CaseZone
from webgis.metro.construction_models import ConstructionZone

MOST_ROWS = 500


@dataclass(frozen=True)
class Filters:
    """Which cases: states, class codes, a cell's code, an area's code (4 to 12 digits), a department's code, a box
    (west, south, east, north in CGCS2000 degrees), a polygon (WKT, the same degrees), reported from `since` until
    before `until`, words in number, text or address, a source; filed, opened again; closed from `closed_since` until
    before `closed_until`, in time or not; past what they are due by at the moment `overdue`; in a construction
    zone of this code when they were reported."""

    states: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    kind: str | None = None
    cell: str | None = None
    area: str | None = None
    department: str | None = None
    box: tuple[float, float, float, float] | None = None
    within: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    words: str | None = None
    source: str | None = None
    filed: bool = False
    reopened: bool = False
    closed_since: datetime | None = None
    closed_until: datetime | None = None
    in_time: bool | None = None
    overdue: datetime | None = None
    zone: str | None = None


@dataclass(frozen=True)
class Page:
    """A page of rows, newest first, and the cursor of the next, or None at the end."""

    rows: Sequence[Row]
    next: str | None = field(default=None)


ORDERS = ("newest", "due")
"""Orders of a list: by the moment of the report, newest first; or by what is due first, of open cases only."""


def list_cases(
    session: Session,
    actor: Actor,
    filters: Filters,
    *,
    limit: int = 50,
    cursor: str | None = None,
    order: str = "newest",
) -> Page:
    """Cases newest first, or open ones by what is due first, `limit` (1 to 500) at a time.

    `cursor` is the `next` of the page before.
    """
    if not 1 <= limit <= MOST_ROWS:
        raise workflow.bad_field("limit", limit, f"a whole number from 1 to {MOST_ROWS}")
    ids = _ids(actor, filters, order)
    key, direction = (OpenCase.due_at, 1) if order == "due" else (Case.reported_at, -1)
    if cursor:
        here = tuple_(key, Case.id)
        ids = ids.where(here > _position(cursor) if direction > 0 else here < _position(cursor))
    by = (key, Case.id) if direction > 0 else (key.desc(), Case.id.desc())
    found = session.execute(ids.order_by(*by).limit(limit + 1)).all()
    more = _cursor(found[limit - 1]) if len(found) > limit else None
    return Page(lines(session, [row.id for row in found[:limit]]), more)


def _ids(actor: Actor, filters: Filters, order: str) -> Select:
    """Ids and sort keys of cases. Open ones are found in the queues' table, which stays small."""
    if order == "due" or filters.overdue or (filters.states and set(filters.states) <= set(workflow.OPEN)):
        key = OpenCase.due_at if order == "due" else Case.reported_at
        wanted = select(Case.id, key.label("key")).join(OpenCase, OpenCase.case_id == Case.id)
        wanted = wanted.where(visible(actor, OpenCase))
        if filters.states:
            wanted = wanted.where(OpenCase.state.in_(filters.states))
        return wanted.where(*conditions(replace(filters, states=()), OpenCase))
    return select(Case.id, Case.reported_at.label("key")).where(visible(actor), *conditions(filters))


def conditions(filters: Filters, of: type[Case] | type[OpenCase] = Case) -> list[ColumnElement[bool]]:
    """The filters as conditions on `Case`; with `of` the columns that the queues have too are theirs."""
    wanted = []
    if filters.states:
        wanted.append(_in_states(filters.states))
    if filters.classes:
        wanted.append(of.class_code.in_(filters.classes))
    for column, value in ((of.kind, filters.kind), (of.department_code, filters.department)):
        if value:
            wanted.append(column == value)
    if filters.cell:
        wanted.append(of.cell_code == filters.cell)
    if filters.area:
        wanted.append(of.cell_code.like(filters.area + "%"))
    if filters.box:
        wanted.append(Case.geom.op("&&")(func.ST_MakeEnvelope(*filters.box, 4490, type_=Geometry)))
    if filters.within:
        wanted.append(func.ST_Covers(func.ST_GeomFromText(filters.within, 4490), Case.geom))
    if filters.since:
        wanted.append(Case.reported_at >= filters.since)
    if filters.until:
        wanted.append(Case.reported_at < filters.until)
    if filters.words:
        wanted.append(_about(filters.words))
    return wanted + _figured(filters)


def _figured(filters: Filters) -> list[ColumnElement[bool]]:
    """The filters that tell of what a figure counts its cases. What is overdue is in the queues."""
    wanted = []
    if filters.source:
        wanted.append(Case.source == filters.source)
    if filters.zone:
        of_zone = select(CaseZone.case_id).join(ConstructionZone, ConstructionZone.id == CaseZone.zone_id)
        wanted.append(Case.id.in_(of_zone.where(ConstructionZone.code == filters.zone)))
    if filters.filed:
        wanted.append(Case.condition_id.is_not(None))
    if filters.reopened:
        wanted.append(Case.flags.contains(["reopened"]))
    if filters.closed_since or filters.closed_until or filters.in_time is not None:
        wanted.append(Case.outcome == workflow.CLOSED)
    if filters.closed_since:
        wanted.append(Case.closed_at >= filters.closed_since)
    if filters.closed_until:
        wanted += [Case.closed_at < filters.closed_until, Case.reported_at < filters.closed_until]
    if filters.in_time is not None:
        in_time = func.coalesce(Case.resolved_at <= Case.deadline_at, Case.deadline_at.is_(None))
        wanted.append(in_time if filters.in_time else not_(in_time))
    if filters.overdue:
        wanted += [OpenCase.due_at < filters.overdue, Case.paused_at.is_(None)]
    return wanted


def _in_states(states: Sequence[str]) -> ColumnElement[bool]:
    """Cases in these states; ended ones by their outcome, which has an index."""
    ended = [state for state in states if state in workflow.OUTCOMES]
    return Case.outcome.in_(ended) if len(ended) == len(states) else Case.state.in_(states)


def _about(words: str) -> ColumnElement[bool]:
    part = f"%{db.like(words)}%"
    found = [Case.description.ilike(part), Case.address.ilike(part)]
    return or_(*found, Case.number == words) if words.isdigit() else or_(*found)


def _cursor(row: Row) -> str:
    packed = json.dumps([row.key.isoformat(), row.id], separators=(",", ":"))
    return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[Any, int]:
    try:
        moment, last_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return datetime.fromisoformat(moment).astimezone(UTC), int(last_id)
    except (ValueError, TypeError, OverflowError, OSError, RecursionError):
        raise workflow.bad_field("cursor", cursor, "the cursor in the `next` of the page before") from None


def count_cases(session: Session, actor: Actor, filters: Filters, at_most: int) -> int:
    """How many cases these filters leave; counting ends at `at_most`, since there may be millions."""
    some = _ids(actor, filters, "newest").limit(at_most).subquery()
    return session.scalar(select(func.count()).select_from(some))
