"""Questions about cases. Everything that a person sees of cases passes `visible`."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple

from sqlalchemy import Boolean, ColumnElement, Row, and_, func, select, true
from sqlalchemy.orm import Session

from webgis import db
from webgis.accounts import permissions
from webgis.accounts.actor import Actor
from webgis.accounts.models import Department, Person
from webgis.cases import clock, workflow
from webgis.cases.models import Case, CaseEvent, OpenCase, Photo
from webgis.catalog import queries as catalog
from webgis.errors import Invalid, NotFound
from webgis.grid import queries as grid
from webgis.grid.models import Cell
from webgis.settings import Settings


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
    told, facts = grid.nearest_told(session, lon, lat)
    message = f"The place is in no cell of the grid: {told}"
    return Invalid("cases.outside-grid", message, accepted="a place inside the grid", **facts)
