"""Questions about emergencies. Everything that a person sees of them passes `visible`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

import shapely
from geoalchemy2.shape import to_shape
from sqlalchemy import ColumnElement, Row, and_, exists, func, literal_column, select, text, true
from sqlalchemy.orm import Session

from webgis.accounts import permissions
from webgis.accounts.actor import Actor
from webgis.accounts.models import Department, Person
from webgis.cases import queries as cases
from webgis.cases import shifts
from webgis.cases.models import Case
from webgis.emergency import board
from webgis.emergency.models import (
    CapMessage,
    CapProposal,
    Emergency,
    EmergencyCase,
    EmergencyEvent,
    EmergencyParty,
    EmergencyTask,
    Resource,
)
from webgis.errors import NotFound

MOST_ROWS = 200
WITHIN_M, MOST_OF_KIND, MOST_CREWS = 5000.0, 3, 20


def visible(actor: Actor) -> ColumnElement[bool]:
    """Which emergencies this person may see: those in their area; department staff those in which their department, or
    one below it, takes part. Classes limit nobody here: an emergency has none."""
    departments, area, _classes = cases.sight(actor)
    seen = []
    if area is not None:
        seen.append(Emergency.cell_code.startswith(area, autoescape=True))
    if departments is not None:
        party = exists().where(
            EmergencyParty.emergency_id == Emergency.id,
            EmergencyParty.department_code.in_(departments),
            EmergencyParty.left_at.is_(None),
        )
        seen.append(party)
    return and_(true(), *seen)


def require(session: Session, actor: Actor, number: str, *, lock: bool = False) -> Emergency:
    """The emergency of this number, locked if it is to be changed. `NotFound` when there is none that they may see."""
    wanted = select(Emergency).where(Emergency.number == number, visible(actor))
    if lock:
        wanted = wanted.with_for_update(of=Emergency).execution_options(populate_existing=True)
    found = session.scalar(wanted)
    if found is None:
        raise NotFound("emergency.unknown", f"There is no emergency {number[:40]}", number=number[:40])
    return found


class Rights(NamedTuple):
    """What somebody may do in an emergency: lead it; act in it at all."""

    lead: bool
    act: bool


def rights(actor: Actor, emergency: Emergency) -> Rights:
    """Dispatchers and managers lead, and the staff of the department that leads; who takes part acts."""
    staff = actor.role == "department"
    lead = permissions.may(actor, "emergency.lead") and (not staff or emergency.lead_code in actor.departments)
    return Rights(lead, permissions.may(actor, "emergency.act"))


def listed(
    session: Session, actor: Actor, state: str | None = None, *, before: int | None = None, most: int = 50
) -> Sequence[Emergency]:
    """Emergencies, newest first; `before`: the id before which the page begins."""
    wanted = select(Emergency).where(visible(actor))
    if state:
        wanted = wanted.where(Emergency.state == state)
    if before is not None:
        wanted = wanted.where(Emergency.id < before)
    return session.scalars(wanted.order_by(Emergency.id.desc()).limit(min(most, MOST_ROWS))).all()


def place_of(emergency: Emergency) -> tuple[float, float]:
    """Longitude and latitude, CGCS2000."""
    point = to_shape(emergency.place)
    return point.x, point.y


def area_of(emergency: Emergency) -> shapely.MultiPolygon:
    """The ground it covers, CGCS2000."""
    return to_shape(emergency.area)


def parties(session: Session, emergency: Emergency) -> Sequence[Row]:
    """Departments that take part or did: code, names, kind, joined_at, left_at."""
    wanted = (
        select(
            Department.code,
            Department.name_zh,
            Department.name_en,
            Department.kind,
            EmergencyParty.joined_at,
            EmergencyParty.left_at,
        )
        .join(Department, Department.code == EmergencyParty.department_code)
        .where(EmergencyParty.emergency_id == emergency.id)
    )
    return session.execute(wanted.order_by(EmergencyParty.joined_at, Department.code)).all()


_REACHED = text("SELECT * FROM fn.emergency_reached(:id)")


def reached(session: Session, emergency: Emergency) -> dict[str, int]:
    """How many people of each department that takes part are reached by message, by its code."""
    rows = session.execute(_REACHED, {"id": emergency.id})
    return {row.department_code: row.people for row in rows}


@dataclass(frozen=True)
class Task:
    """A task of the board, with the names of its department."""

    seq: int
    words_zh: str
    words_en: str | None
    department_code: str
    department_zh: str
    department_en: str | None
    due_at: datetime
    state: str
    changed_at: datetime
    put_at: datetime

    def near(self, now: datetime) -> bool:
        """Standing, with a fifth of its time left or less (as `fn.take_due_tasks` tells it)."""
        return self.state in board.STANDING and self.due_at - (self.due_at - self.put_at) / 5 <= now <= self.due_at

    def late(self, now: datetime) -> bool:
        """Past what it was due by: still standing, or done after it."""
        return self.state != "dropped" and (self.changed_at if self.state == "done" else now) > self.due_at


def tasks(session: Session, emergency: Emergency) -> list[Task]:
    """The tasks of an emergency, by when they are due."""
    wanted = (
        select(EmergencyTask, Department.name_zh, Department.name_en)
        .join(Department, Department.code == EmergencyTask.department_code)
        .where(EmergencyTask.emergency_id == emergency.id)
        .order_by(EmergencyTask.due_at, EmergencyTask.seq)
    )
    return [
        Task(
            one.seq, one.words_zh, one.words_en, one.department_code, name_zh, name_en, one.due_at, one.state,
            one.changed_at, one.put_at,
        )
        for one, name_zh, name_en in session.execute(wanted)
    ]  # fmt: skip


class Progress(NamedTuple):
    """How many tasks of an emergency there are but those taken off, are done, and stand past what they were due by."""

    tasks: int = 0
    done: int = 0
    late: int = 0


def progress(session: Session, emergencies: Sequence[Emergency], now: datetime) -> dict[int, Progress]:
    """How far each of these is, by its id."""
    state, counted = EmergencyTask.state, func.count()
    wanted = select(
        EmergencyTask.emergency_id,
        counted.filter(state != "dropped"),
        counted.filter(state == "done"),
        counted.filter(state.in_(board.STANDING), EmergencyTask.due_at < now),
    )
    wanted = wanted.where(EmergencyTask.emergency_id.in_([one.id for one in emergencies]))
    told = {id: Progress(*counts) for id, *counts in session.execute(wanted.group_by(EmergencyTask.emergency_id))}
    return {one.id: told.get(one.id, Progress()) for one in emergencies}


@dataclass(frozen=True)
class Line:
    """A line of the log, with the name and login of who and the names of their department."""

    seq: int
    at: datetime
    action: str
    facts: dict[str, Any]
    role: str
    hash: bytes
    login: str | None
    name: str | None
    department: str | None
    department_zh: str | None
    department_en: str | None


def log(session: Session, actor: Actor, emergency: Emergency) -> list[Line]:
    """The log, oldest first. The number of a case that this person may not see is left out of its line."""
    wanted = (
        select(
            EmergencyEvent.seq,
            EmergencyEvent.at,
            EmergencyEvent.action,
            EmergencyEvent.facts,
            EmergencyEvent.role,
            EmergencyEvent.hash,
            Person.login,
            Person.name,
            EmergencyEvent.department_code,
            Department.name_zh,
            Department.name_en,
        )
        .outerjoin(Person, Person.id == EmergencyEvent.person_id)
        .outerjoin(Department, Department.code == EmergencyEvent.department_code)
        .where(EmergencyEvent.emergency_id == emergency.id)
    )
    lines = [Line(*row) for row in session.execute(wanted.order_by(EmergencyEvent.seq))]
    seen = cases.seen(session, actor, {line.facts["case"] for line in lines if "case" in line.facts})
    return [line if line.facts.get("case", None) in (None, *seen) else _without_case(line) for line in lines]


def _without_case(line: Line) -> Line:
    return replace(line, facts=line.facts | {"case": None})


def altered(session: Session, emergency: Emergency) -> list[int]:
    """Numbers of the lines of the log that are not as they were written; 0: it does not end where it should."""
    asked = text("SELECT seq FROM fn.audit_emergency(:id) AS seq")
    return list(session.scalars(asked, {"id": emergency.id}))


def linked(session: Session, actor: Actor, emergency: Emergency) -> Sequence[Row]:
    """The cases of an emergency that this person may see (columns of `fn.case_line`)."""
    ids = select(EmergencyCase.case_id).join(Case, Case.id == EmergencyCase.case_id)
    ids = ids.where(EmergencyCase.emergency_id == emergency.id, cases.visible(actor)).order_by(EmergencyCase.case_id)
    return cases.lines(session, session.scalars(ids).all())


def of_case(session: Session, actor: Actor, case_id: int) -> Sequence[Emergency]:
    """The emergencies to which a case belongs, as far as this person may see them."""
    wanted = select(Emergency).join(EmergencyCase, EmergencyCase.emergency_id == Emergency.id)
    return session.scalars(wanted.where(EmergencyCase.case_id == case_id, visible(actor)).order_by(Emergency.id)).all()


def messages(session: Session, emergency: Emergency) -> Sequence[CapMessage]:
    """The CAP messages that it gave out, oldest first."""
    wanted = select(CapMessage).where(CapMessage.emergency_id == emergency.id)
    return session.scalars(wanted.order_by(CapMessage.seq)).all()


def require_message(session: Session, actor: Actor, number: str, seq: int) -> CapMessage:
    """One of them."""
    found = require(session, actor, number)
    wanted = select(CapMessage).where(CapMessage.emergency_id == found.id, CapMessage.seq == seq)
    message = session.scalar(wanted)
    if message is None:
        raise NotFound("emergency.message-unknown", f"{number} gave out no message {seq}", number=number, seq=seq)
    return message


def decides(actor: Actor) -> ColumnElement[bool]:
    """On which CAP messages this person decides. Limited to an area: those that concern a cell of it, by their own
    ground or by a message that they name."""
    if actor.area is None:
        return true()
    cell = func.unnest(func.fn.cap_cells(literal_column("cap_proposal"))).column_valued("cell")
    return exists(select(cell).where(cell.startswith(actor.area, autoescape=True)))


def proposals(session: Session, actor: Actor, most: int = 50) -> Sequence[CapProposal]:
    """CAP messages that came in and wait for a decision of this person, newest first."""
    wanted = select(CapProposal).where(CapProposal.state == "waiting", decides(actor))
    return session.scalars(wanted.order_by(CapProposal.id.desc()).limit(most)).all()


def assigned(session: Session, codes: Sequence[str]) -> dict[str, str]:
    """With which open emergency each of these resources is, by its code: a task there brings it, or has brought it."""
    wanted = (
        select(Resource.code, Emergency.number)
        .join(EmergencyTask, EmergencyTask.resource_id == Resource.id)
        .join(Emergency, Emergency.id == EmergencyTask.emergency_id)
        .where(Resource.code.in_(codes), Emergency.closed_at.is_(None), EmergencyTask.state != "dropped")
    )
    return {row.code: row.number for row in session.execute(wanted)}


_RESOURCES = text("SELECT * FROM fn.resources_near(ST_SetSRID(ST_Point(:lon, :lat), 4490), :within, :most)")
_CREWS = text("SELECT * FROM fn.crews_near(ST_SetSRID(ST_Point(:lon, :lat), 4490), :within, :since, :area, :most)")


def resources_near(
    session: Session, lon: float, lat: float, within: float = WITHIN_M, most: int = MOST_OF_KIND
) -> Sequence[Row]:
    """Resources within so many metres of a place (CGCS2000), of each kind the `most` nearest, nearest first."""
    asked = {"lon": lon, "lat": lat, "within": within, "most": most}
    return session.execute(_RESOURCES, asked).all()


def crews_near(
    session: Session, actor: Actor, lon: float, lat: float, at: datetime, within: float = WITHIN_M
) -> Sequence[Row]:
    """Inspectors on a shift near a place, nearest first, for those who may see shifts, within their area."""
    if actor.role == "inspector" or not permissions.may(actor, "shifts.see"):
        return []
    asked: dict[str, Any] = {"lon": lon, "lat": lat, "within": within, "since": at - shifts.SEEN}
    return session.execute(_CREWS, asked | {"area": actor.area, "most": MOST_CREWS}).all()
