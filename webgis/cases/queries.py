"""Questions about cases. Everything that a person sees of cases passes `visible`."""

import base64
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import holidays
from geoalchemy2 import Geometry
from sqlalchemy import ColumnElement, Row, func, or_, select, text, true, tuple_
from sqlalchemy.orm import Session

from webgis.accounts.actor import Actor
from webgis.accounts.models import Department, Person
from webgis.cases import clock, workflow
from webgis.cases.models import Case, CaseEvent, Photo
from webgis.catalog import queries as catalog
from webgis.catalog.models import FilingCondition
from webgis.errors import Invalid, NotFound
from webgis.settings import Settings

MOST_ROWS = 500
COUNTY_DIGITS = 6
"""Digits of a cell's code that name its county: a county may have a filing standard of its own."""


@dataclass(frozen=True)
class Filters:
    """Which cases: states, class codes, a cell's code, an area's code (4 to 12 digits), a department's code, a box
    (west, south, east, north in CGCS2000 degrees), reported from `since` until before `until`, words in number, text
    or address."""

    states: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    kind: str | None = None
    cell: str | None = None
    area: str | None = None
    department: str | None = None
    box: tuple[float, float, float, float] | None = None
    since: datetime | None = None
    until: datetime | None = None
    words: str | None = None


@dataclass(frozen=True)
class Page:
    """A page of rows, newest first, and the cursor of the next, or None at the end."""

    rows: Sequence[Row]
    next: str | None = field(default=None)


def sight(actor: Actor) -> str | None:
    """The one department whose cases this person may see, or None: all."""
    return actor.department if actor.role == "department" else None


def visible(actor: Actor) -> ColumnElement[bool]:
    """Which cases this person may see: a department its own, the others all."""
    only = sight(actor)
    return true() if only is None else Case.department_code == only


_ONE = text(
    "SELECT * FROM fn.case_line"
    " WHERE number = :number AND coalesce(department_code = :only, CAST(:only AS text) IS NULL)"
)
_BY_ID = text("SELECT * FROM fn.case_lines(CAST(:ids AS bigint[]))")


def require_case(session: Session, actor: Actor, number: str) -> Row:
    """The case of this number (columns of `fn.case_line`). `NotFound` when there is none that this person may see."""
    row = session.execute(_ONE, {"number": number, "only": sight(actor)}).one_or_none()
    if row is None:
        raise unknown(number)
    return row


def unknown(number: str) -> NotFound:
    """The refusal for a case that does not exist, or not for this person."""
    return NotFound("cases.case-unknown", f"There is no case {number}", number=number)


def after_step(session: Session, case_id: int) -> Row:
    """The case as it is after a step, even if the step took it out of the sight of who did it (a return)."""
    return session.execute(_BY_ID, {"ids": [case_id]}).one()


def list_cases(session: Session, actor: Actor, filters: Filters, *, limit: int = 50, cursor: str | None = None) -> Page:
    """Cases newest first, `limit` (1 to 500) at a time; `cursor` is the `next` of the page before."""
    if not 1 <= limit <= MOST_ROWS:
        raise workflow.bad_field("limit", limit, f"a whole number from 1 to {MOST_ROWS}")
    newest = select(Case.id).where(visible(actor), *conditions(filters))
    if cursor:
        newest = newest.where(tuple_(Case.reported_at, Case.id) < _position(cursor))
    ids = session.scalars(newest.order_by(Case.reported_at.desc(), Case.id.desc()).limit(limit + 1)).all()
    rows = session.execute(_BY_ID, {"ids": ids[:limit]}).all()
    return Page(rows, _cursor(rows[-1]) if len(ids) > limit else None)


def conditions(filters: Filters) -> list[ColumnElement[bool]]:
    """The filters as conditions on `Case`."""
    wanted = []
    if filters.states:
        wanted.append(Case.state.in_(filters.states))
    if filters.classes:
        wanted.append(Case.class_code.in_(filters.classes))
    for column, value in ((Case.kind, filters.kind), (Case.department_code, filters.department)):
        if value:
            wanted.append(column == value)
    if filters.cell:
        wanted.append(Case.cell_code == filters.cell)
    if filters.area:
        wanted.append(Case.cell_code.like(filters.area + "%"))
    if filters.box:
        wanted.append(Case.geom.op("&&")(func.ST_MakeEnvelope(*filters.box, 4490, type_=Geometry)))
    if filters.since:
        wanted.append(Case.reported_at >= filters.since)
    if filters.until:
        wanted.append(Case.reported_at < filters.until)
    if filters.words:
        wanted.append(_about(filters.words))
    return wanted


def _about(words: str) -> ColumnElement[bool]:
    part = f"%{words.replace(chr(92), chr(92) * 2).replace('%', chr(92) + '%').replace('_', chr(92) + '_')}%"
    found = [Case.description.ilike(part), Case.address.ilike(part)]
    return or_(*found, Case.number == words) if words.isdigit() else or_(*found)


def _cursor(row: Row) -> str:
    packed = json.dumps([row.reported_at.timestamp(), row.id], separators=(",", ":"))
    return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[Any, int]:
    try:
        moment, last_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return datetime.fromtimestamp(moment, UTC), int(last_id)
    except (ValueError, TypeError, OverflowError, OSError):
        raise workflow.bad_field("cursor", cursor, "the cursor in the `next` of the page before") from None


def counts_by_state(session: Session, actor: Actor, filters: Filters = Filters()) -> dict[str, int]:
    """How many visible cases are in each state; every state is named."""
    rows = session.execute(
        select(Case.state, func.count().label("cases")).where(visible(actor), *conditions(filters)).group_by(Case.state)
    )
    return dict.fromkeys(workflow.STATES, 0) | {row.state: row.cases for row in rows}


def open_actions(actor: Actor, case: Row) -> list[str]:
    """The actions open to this person with this case now."""
    who = workflow.Who(actor.id, actor.role, actor.department)
    return workflow.open_actions(who, workflow.Standing(case.state, case.department_code, case.resolver_id))


def offered_conditions(session: Session, cases: Iterable[Row]) -> dict[int, list[FilingCondition]]:
    """For those cases that wait to be filed, by their id: the conditions of their city's standard to choose from."""
    waiting: dict[str, list[Row]] = defaultdict(list)
    for case in cases:
        if case.state == workflow.REPORTED:
            waiting[case.cell_code[:COUNTY_DIGITS]].append(case)
    offered = {}
    for county, there in waiting.items():
        found = catalog.conditions_by_class(session, {(case.kind, case.class_code) for case in there}, county)
        offered |= {case.id: found[case.kind, case.class_code] for case in there}
    return offered


def light(case: Row, now: datetime) -> clock.Light | None:
    """The light of the handling clock, or None before the dispatch. The clock stops when the department resolves."""
    if case.deadline_at is None:
        return None
    return clock.light(case.dispatched_at, case.deadline_at, case.resolved_at or case.closed_at or now)


def events(session: Session, case_id: int) -> Sequence[Row]:
    """The history of a case, oldest first, with the person's name and login and the department's names."""
    return session.execute(
        select(
            CaseEvent.id,
            CaseEvent.at,
            CaseEvent.action,
            CaseEvent.from_state,
            CaseEvent.to_state,
            CaseEvent.role,
            CaseEvent.given,
            func.ST_X(CaseEvent.geom).label("lon"),
            func.ST_Y(CaseEvent.geom).label("lat"),
            Person.login,
            Person.name,
            CaseEvent.department_code,
            Department.name_zh.label("department_zh"),
            Department.name_en.label("department_en"),
        )
        .join(Person, Person.id == CaseEvent.person_id)
        .outerjoin(Department, Department.code == CaseEvent.department_code)
        .where(CaseEvent.case_id == case_id)
        .order_by(CaseEvent.id)
    ).all()


def photos(session: Session, case_ids: Sequence[int]) -> dict[int, list[Photo]]:
    """The photos of these cases in the order they were given."""
    found: dict[int, list[Photo]] = {case_id: [] for case_id in case_ids}
    if not found:
        return found
    for photo in session.scalars(select(Photo).where(Photo.case_id.in_(case_ids)).order_by(Photo.id)):
        found[photo.case_id].append(photo)
    return found


def require_photo(session: Session, actor: Actor, number: str, photo_id: int) -> Photo:
    """A photo of a case that this person may see, or `NotFound`."""
    case = require_case(session, actor, number)
    photo = session.scalar(select(Photo).where(Photo.case_id == case.id, Photo.id == photo_id))
    if photo is None:
        raise NotFound("cases.photo-unknown", f"Case {number} has no photo {photo_id}", number=number)
    return photo


def calendar(settings: Settings) -> clock.Calendar:
    """The city's working time: shifts from the settings, days off and make-up days from the `holidays` package."""
    days = _working_days(settings.holiday_country)
    return clock.Calendar(settings.zone, clock.parse_shifts(settings.working_hours), days.is_working_day)


@lru_cache
def _working_days(country: str) -> "holidays.HolidayBase":
    try:
        return holidays.country_holidays(country)
    except NotImplementedError:
        raise Invalid(
            "settings.bad-value",
            f"holiday_country: the holidays package knows no {country}",
            field="holiday_country",
        ) from None
