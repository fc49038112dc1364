"""Questions about cases. Everything that a person sees of cases passes `visible`."""

import base64
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple

from geoalchemy2 import Geometry
from sqlalchemy import Boolean, ColumnElement, Row, Select, and_, func, not_, or_, select, true, tuple_
from sqlalchemy.orm import Session

from webgis import db
from webgis.accounts import permissions
from webgis.accounts.actor import Actor
from webgis.accounts.models import Department, Person
from webgis.cases import clock, workflow
from webgis.cases.models import Case, CaseEvent, OpenCase, Photo
from webgis.cases.zone_models import CaseZone
from webgis.catalog import queries as catalog
from webgis.errors import Invalid, NotFound
from webgis.grid import queries as grid
from webgis.grid.models import Cell
from webgis.metro.construction_models import ConstructionZone
from webgis.settings import Settings

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


class Sight(NamedTuple):
    """What somebody may see of cases: of these departments, in the area of this code, of classes whose kind:code begins
    so. None: all."""

    departments: list[str] | None
    area: str | None
    classes: list[str] | None


def sight(actor: Actor) -> Sight:
    """What this person may see of cases. A machine's account sees none: it is answered what it reported itself."""
    if actor.role == "system":
        return Sight([], None, None)
    departments = list(actor.departments) if actor.role == "department" else None
    return Sight(departments, actor.area, list(actor.classes) or None)


def in_sight(row: str) -> str:
    """Whether somebody sees what a statement calls `row`, a case or what has its columns; the parameters are those of a
    `Sight`, by name."""
    of = ", ".join(f"{row}.{name}" for name in ("department_code", "cell_code", "kind", "class_code"))
    return f"fn.sees({of}, CAST(:departments AS text[]), CAST(:area AS text), CAST(:classes AS text[]))"


def visible(actor: Actor, of: type[Case] | type[OpenCase] = Case) -> ColumnElement[bool]:
    """Which cases this person may see (`sight`): what `fn.sees` says, without what they are not limited to."""
    departments, area, classes = sight(actor)
    seen = []
    if departments is not None:
        seen.append(of.department_code.in_(departments))
    if area is not None:
        seen.append(of.cell_code.startswith(area, autoescape=True))
    if classes is not None:
        seen.append(func.fn.in_classes(of.kind, of.class_code, classes, type_=Boolean))
    return and_(true(), *seen)


def seen(session: Session, actor: Actor, numbers: Collection[str]) -> dict[str, int]:
    """Those of the cases of these numbers that this person may see, with their ids."""
    wanted = select(Case.number, Case.id).where(Case.number.in_(numbers), visible(actor))
    return dict(session.execute(wanted).all()) if numbers else {}


def reaches(person: Person, case: Row) -> bool:
    """Whether a case lies in the area and is of the classes that somebody is limited to."""
    of_area = case.cell_code.startswith(person.area_code or "")
    return of_area and permissions.of_classes(person.classes, case.kind, case.class_code)


def who(actor: Actor) -> workflow.Who:
    """What the workflow needs to know of the one who acts."""
    return workflow.Who(actor.id, actor.role, actor.departments or ((actor.department,) if actor.department else ()))


def standing(case: Row, settings: Settings) -> workflow.Standing:
    """What the workflow needs to know of a case (`fn.case_line` or `fn.locked_case`)."""
    shape = workflow.TASK if case.relation == "task" else workflow.PARENT if "split" in case.flags else workflow.SINGLE
    return workflow.Standing(
        case.state,
        case.department_code,
        case.resolver_id,
        case.reporter_id,
        case.inspector_id,
        shape,
        case.source in settings.confirm_sources.split(",") and case.confirmation != "found",
        clock.suspensions(case.ledger) >= settings.suspensions,
        "alarm" in case.flags,
    )


_ONE = "SELECT * FROM fn.case_of(%s, %s::varchar[], %s, %s::text[])"
_BY_ID = "SELECT * FROM fn.case_lines(%s::bigint[])"


def require_case(session: Session, actor: Actor, number: str) -> Row:
    """The case of this number (columns of `fn.case_line`). `NotFound` when there is none that this person may see."""
    found = db.call(session, _ONE, number, *sight(actor))
    if not found:
        raise unknown(number)
    return found[0]


def unknown(number: str) -> NotFound:
    """The refusal for a case that does not exist, or not for this person."""
    return NotFound("cases.case-unknown", f"There is no case {number}", number=number)


def lines(session: Session, ids: Sequence[int]) -> Sequence[Row]:
    """The cases of these ids, in their order (columns of `fn.case_line`)."""
    return db.call(session, _BY_ID, list(ids)) if ids else []


def family(session: Session, case_id: int, actor: Actor) -> Sequence[Row]:
    """The tasks and duplicates of a case that this person may see, oldest first."""
    wanted = select(Case.id).where(Case.parent_id == case_id, visible(actor)).order_by(Case.id)
    return lines(session, session.scalars(wanted).all())


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


def counts_by_state(session: Session, actor: Actor) -> dict[str, int]:
    """How many visible cases are in each open state; every open state is named.

    Ended cases are not counted: there may be millions of them.
    """
    counted = select(OpenCase.state, func.count().label("cases")).where(visible(actor, OpenCase))
    rows = session.execute(counted.group_by(OpenCase.state))
    return dict.fromkeys(workflow.OPEN, 0) | {row.state: row.cases for row in rows}


def open_actions(actor: Actor, case: Row, settings: Settings) -> list[str]:
    """The actions open to this person with this case now."""
    return workflow.open_actions(who(actor), standing(case, settings))


def offered_conditions(session: Session, cases: Iterable[Row]) -> dict[int, list[Row]]:
    """For those cases that wait to be filed, by their id: the conditions of their city's standard to choose from."""
    waiting = [case for case in cases if case.state == workflow.REPORTED]
    offered = catalog.offered_for(session, [(case.kind, case.class_code, case.cell_code) for case in waiting])
    return {case.id: conditions for case, conditions in zip(waiting, offered, strict=True)}


def light(case: Row, now: datetime) -> clock.Light | None:
    """The light of the handling clock, or None before the dispatch. The clock stops when the department resolves, and
    stands still while it is paused."""
    if case.deadline_at is None:
        return None
    return clock.light(
        case.dispatched_at, case.deadline_at, case.resolved_at or case.closed_at or case.paused_at or now
    )


def events(session: Session, case_id: int) -> Sequence[Row]:
    """The history of a case, oldest first, with the person's name and login and the department's names."""
    return session.execute(
        select(
            CaseEvent.id,
            CaseEvent.seq,
            CaseEvent.at,
            CaseEvent.action,
            CaseEvent.from_state,
            CaseEvent.to_state,
            CaseEvent.role,
            CaseEvent.given,
            CaseEvent.facts,
            func.ST_X(CaseEvent.geom).label("lon"),
            func.ST_Y(CaseEvent.geom).label("lat"),
            Person.login,
            Person.name,
            CaseEvent.department_code,
            Department.name_zh.label("department_zh"),
            Department.name_en.label("department_en"),
        )
        .outerjoin(Person, Person.id == CaseEvent.person_id)
        .outerjoin(Department, Department.code == CaseEvent.department_code)
        .where(CaseEvent.case_id == case_id)
        .order_by(CaseEvent.id)
    ).all()


_KEPT_PHOTOS = select(Photo).where(Photo.removed_at.is_(None)).order_by(Photo.id)


def photos(session: Session, case_ids: Sequence[int]) -> dict[int, list[Photo]]:
    """The photos of these cases that are still kept, in the order they were given."""
    found: dict[int, list[Photo]] = {case_id: [] for case_id in case_ids}
    if not found:
        return found
    for photo in session.scalars(_KEPT_PHOTOS.where(Photo.case_id.in_(case_ids))):
        found[photo.case_id].append(photo)
    return found


def removed_photos(session: Session, case_id: int) -> int:
    """How many photos of a case were kept as long as they had to be, and went."""
    return session.scalar(select(func.count()).where(Photo.case_id == case_id, Photo.removed_at.is_not(None)))


def require_photo(session: Session, actor: Actor, number: str, photo_id: int) -> Photo:
    """A photo of a case that this person may see, or `NotFound`."""
    case = require_case(session, actor, number)
    photo = session.scalar(select(Photo).where(Photo.case_id == case.id, Photo.id == photo_id))
    if photo is None:
        raise NotFound("cases.photo-unknown", f"Case {number} has no photo {photo_id}", number=number)
    if photo.removed_at is not None:
        raise NotFound("cases.photo-removed", "This photo was kept as long as it had to be", number=number)
    return photo


def moment(field: str, given: Any, zone: tzinfo) -> datetime:
    """A moment from text or a datetime, in UTC (PostgreSQL takes no offset of 16 hours or more); without an offset it
    is in `zone`."""
    try:
        read = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise workflow.bad_field(field, str(given), "a moment such as 2026-11-22T18:00:00+08:00") from None


def require_cell(session: Session, lon: float, lat: float, at: datetime) -> Cell:
    """The cell of a place (CGCS2000 degrees) at a moment, or `Invalid` with the nearest cell's code and distance."""
    cell = grid.cell_at(session, lon, lat, at)
    if cell is None:
        raise outside(session, lon, lat)
    return cell


def outside(session: Session, lon: float, lat: float) -> Invalid:
    """The refusal of a place that is in no cell."""
    near = grid.nearest_cell(session, lon, lat)
    where = "there is no grid yet" if near is None else f"the nearest cell, {near[0].code}, is {near[1]:,.0f} m away"
    return Invalid(
        "cases.outside-grid",
        f"The place is in no cell of the grid: {where}",
        field="lon",
        got=[lon, lat],
        accepted="a place inside the grid",
        nearest=None if near is None else near[0].code,
        distance_m=None if near is None else round(near[1], 1),
    )
