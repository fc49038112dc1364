"""Verbs of emergencies: open, change, invite, link, note, close. What is done with tasks is in `work.py`.

Each writes its line into the log, in the transaction of the change; what others should know of goes out as CAP too.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from webgis import geo
from webgis.accounts import permissions
from webgis.accounts import queries as accounts
from webgis.accounts.actor import Actor
from webgis.cases import queries as cases
from webgis.emergency import acting, board, ground, queries, rules, work
from webgis.emergency.models import Emergency, EmergencyCase, EmergencyParty, EmergencyTask
from webgis.errors import Conflict, Invalid, NotFound
from webgis.grid import queries as grid
from webgis.grid.models import Cell
from webgis.hazards import alarm_queries
from webgis.hazards.impact_rules import USUAL_M
from webgis.settings import Settings

LEAD_KIND = "emergency"
"""The kind of department that leads when none is named."""


@dataclass(frozen=True)
class Opening:
    """What is known when an emergency is opened. `area`: a GeoJSON outline in `crs`; or `ring_m` metres around the
    hazard source `hazard`; without either, so many metres around the place. `lead` and `departments` are codes, `cases`
    numbers. Without `planned` the board begins empty."""

    kind: str
    title: str
    level: int
    lon: float
    lat: float
    crs: str = "wgs84"
    radius_m: float | None = None
    area: Mapping[str, Any] | None = None
    hazard: str | None = None
    ring_m: float | None = None
    address: str | None = None
    lead: str | None = None
    departments: Collection[str] = ()
    exercise: bool = False
    cases: Sequence[str] = ()
    alarm_id: int | None = None
    planned: bool = True


def open_(session: Session, settings: Settings, actor: Actor, given: Opening, *, at: datetime) -> Emergency:
    """Open an emergency: number, ground, who leads, tasks of its kind's plan, first line of the log, CAP Alert."""
    permissions.require(actor, "emergency.open")
    lon, lat = geo.to_cgcs2000(given.lon, given.lat, given.crs)
    cell = grid.cell_at(session, lon, lat, at)
    if cell is None:
        raise grid.outside(session, lon, lat, at)
    permissions.require_area(actor, [cell.code])
    if given.alarm_id is not None:
        _require_alarm(session, actor, given.alarm_id)
    emergency = _made(session, settings, actor, given, (lon, lat), cell, at)
    emergency.lead_code = _lead(session, given.lead, cell.code)
    session.add(emergency)
    session.flush()
    leading = [emergency.lead_code] if emergency.lead_code else []
    joined = acting.join(session, emergency, [*leading, *given.departments], at)
    facts = _facts(emergency) | {"departments": joined, "place": [round(lon, 6), round(lat, 6)]}
    if given.hazard:
        facts |= {"hazard": given.hazard, "ring_m": given.ring_m or USUAL_M}
    acting.note(session, emergency, actor, "open", facts, at)
    if given.planned:
        work.plan(session, emergency, actor, at=at)
    for number in dict.fromkeys(given.cases):
        _link(session, actor, emergency, number, at)
    acting.tell(session, settings, emergency, "Alert", "", at)
    return emergency


def _require_alarm(session: Session, actor: Actor, number: int) -> None:
    try:
        alarm_queries.require(session, actor, number)
    except NotFound:
        raise rules.bad_field("alarm_id", number, "the number of an alarm that you may see") from None


def _made(
    session: Session,
    settings: Settings,
    actor: Actor,
    given: Opening,
    place: tuple[float, float],
    cell: Cell,
    at: datetime,
) -> Emergency:
    radius, area = _ground(session, actor, _with_ring(session, actor, given), place)
    return Emergency(
        number=acting.next_number(session, settings, at),
        kind=rules.kind(given.kind),
        title=rules.words("title", given.title, rules.LONGEST_TITLE),
        level=rules.level(given.level),
        exercise=given.exercise,
        place=ground.stored(shapely.Point(place)),
        radius_m=radius,
        area=ground.stored(area),
        cell_id=cell.id,
        cell_code=cell.code,
        address=rules.words("address", given.address, rules.LONGEST_ADDRESS) if given.address else None,
        state="open",
        alarm_id=given.alarm_id,
        opened_at=at,
    )


def _with_ring(session: Session, actor: Actor, given: Opening) -> Opening:
    """What is known, with the ring around a hazard source as its outline when one is named."""
    if not given.hazard:
        return given
    if given.area is not None:
        raise rules.bad_field("hazard", given.hazard, "an outline or a hazard source, not both")
    ring = ground.ring(session, actor, given.hazard, given.ring_m or USUAL_M)
    return replace(given, area=ring, crs="cgcs2000")


def _ground(
    session: Session, actor: Actor, given: "Opening | Change", place: tuple[float, float]
) -> tuple[float | None, shapely.MultiPolygon]:
    if given.area is not None:
        outline = ground.outline(given.area, given.crs)
        ground.require_near(session, actor, outline, place)
        return None, outline
    metres = rules.radius(rules.USUAL_RADIUS_M if given.radius_m is None else given.radius_m)
    return metres, ground.around(session, *place, metres)


def _lead(session: Session, code: str | None, cell_code: str) -> str | None:
    if code:
        return _department(session, "lead", code)
    serving = accounts.serving(accounts.departments(session, LEAD_KIND), cell_code)
    return serving[0].code if serving else None


def _department(session: Session, field: str, code: str) -> str:
    try:
        return accounts.require_department(session, code).code
    except Invalid:
        message = f"There is no department {code[:64]}"
        raise Invalid("emergency.department-unknown", message, field=field, got=code[:64]) from None


def _facts(emergency: Emergency) -> dict[str, Any]:
    return {
        "kind": emergency.kind,
        "title": emergency.title,
        "level": emergency.level,
        "radius_m": emergency.radius_m,
        "lead": emergency.lead_code,
        "exercise": emergency.exercise,
        "alarm": emergency.alarm_id,
    }


@dataclass(frozen=True)
class Change:
    """What becomes of an emergency; None: as it was. `note`: why."""

    title: str | None = None
    level: int | None = None
    radius_m: float | None = None
    area: Mapping[str, Any] | None = None
    crs: str = "wgs84"
    lead: str | None = None
    note: str | None = None


def change(
    session: Session, settings: Settings, actor: Actor, number: str, given: Change, *, at: datetime
) -> Emergency:
    """Change level, title, ground or who leads; a graver level brings the tasks of its plan. CAP Update."""
    emergency = acting.taken(session, actor, number, lead=True)
    before = _changeable(emergency)
    joined = _lead_on(session, emergency, given.lead, at)
    redrawn = _put(session, actor, emergency, given)
    after = _changeable(emergency)
    changed = [name for name in after if before[name] != after[name]]
    if not changed and not redrawn:
        raise rules.bad_field("level", given.level, "something other than it is already")
    why = rules.words("note", given.note) if given.note else ""
    facts = {"before": {name: before[name] for name in changed}, "after": {name: after[name] for name in changed}}
    facts |= {"redrawn": redrawn, "note": why, "departments": joined}
    acting.note(session, emergency, actor, "change", facts, at)
    if emergency.level < before["level"]:
        work.plan(session, emergency, actor, at=at, since=before["level"])
    acting.tell(session, settings, emergency, "Update", why, at)
    return emergency


def _changeable(emergency: Emergency) -> dict[str, Any]:
    names = {"title": emergency.title, "level": emergency.level, "lead": emergency.lead_code}
    return names | {"radius_m": emergency.radius_m}


def _lead_on(session: Session, emergency: Emergency, code: str | None, at: datetime) -> list[str]:
    """Have another department lead, which takes part from now on; those that did not already."""
    if code is None:
        return []
    emergency.lead_code = _department(session, "lead", code)
    return acting.join(session, emergency, [code], at)


def _put(session: Session, actor: Actor, emergency: Emergency, given: Change) -> bool:
    """Make title, level and ground what is given; whether the ground was drawn anew."""
    if given.title is not None:
        emergency.title = rules.words("title", given.title, rules.LONGEST_TITLE)
    if given.level is not None:
        emergency.level = rules.level(given.level)
    if given.area is None and given.radius_m is None:
        return False
    radius, area = _ground(session, actor, given, queries.place_of(emergency))
    emergency.radius_m, emergency.area = radius, ground.stored(area)
    return True


def invite(session: Session, actor: Actor, number: str, codes: Collection[str], *, at: datetime) -> Emergency:
    """Have departments take part: they see the emergency from now on, and act in it."""
    emergency = acting.taken(session, actor, number, lead=True)
    joined = acting.join(session, emergency, codes, at)
    if not joined:
        raise rules.bad_field("departments", ", ".join(codes), "at least one that does not take part yet")
    acting.note(session, emergency, actor, "invite", {"departments": joined}, at)
    return emergency


def dismiss(session: Session, actor: Actor, number: str, code: str, *, at: datetime) -> Emergency:
    """Have a department take part no longer. Refused for the one that leads, and while it has a task to do."""
    emergency = acting.taken(session, actor, number, lead=True)
    party = session.get(EmergencyParty, (emergency.id, code))
    if party is None or party.left_at is not None:
        raise rules.bad_field("department", code, "one that takes part")
    standing = select(EmergencyTask.seq).where(
        EmergencyTask.emergency_id == emergency.id,
        EmergencyTask.department_code == code,
        EmergencyTask.state.in_(board.STANDING),
    )
    if code == emergency.lead_code or session.scalar(standing.limit(1)) is not None:
        message = f"{code} leads, or has a task to do; give these to another first"
        raise Conflict("emergency.needed", message, department=code)
    party.left_at = at
    acting.note(session, emergency, actor, "dismiss", {"department": code}, at)
    return emergency


def link(session: Session, actor: Actor, number: str, case_number: str, *, at: datetime) -> Emergency:
    """Have a case that this person may see belong to an emergency."""
    emergency = acting.taken(session, actor, number)
    _link(session, actor, emergency, case_number, at)
    return emergency


def _link(session: Session, actor: Actor, emergency: Emergency, case_number: str, at: datetime) -> None:
    case = cases.require_case(session, actor, case_number)
    if session.get(EmergencyCase, (emergency.id, case.id)) is not None:
        raise rules.bad_field("case", case_number, "a case that does not belong to it yet")
    session.add(EmergencyCase(emergency_id=emergency.id, case_id=case.id))
    acting.note(session, emergency, actor, "link", {"case": case.number}, at)


def note(session: Session, actor: Actor, number: str, words: str, *, at: datetime) -> Emergency:
    """Write into the log what is happening."""
    emergency = acting.taken(session, actor, number)
    acting.note(session, emergency, actor, "note", {"words": rules.words("note", words)}, at)
    return emergency


def close(session: Session, settings: Settings, actor: Actor, number: str, summary: str, *, at: datetime) -> Emergency:
    """End an emergency when nothing is left to do, with what is to be said of it. CAP Cancel."""
    emergency = acting.taken(session, actor, number, lead=True)
    said = rules.words("summary", summary)
    wanted = select(EmergencyTask.seq).where(
        EmergencyTask.emergency_id == emergency.id, EmergencyTask.state.in_(board.STANDING)
    )
    standing = list(session.scalars(wanted.order_by(EmergencyTask.seq)))
    if standing:
        message = f"{len(standing)} tasks are still to be done; finish them or take them off the board first"
        raise Conflict("emergency.tasks-open", message, count=len(standing), tasks=standing)
    emergency.state, emergency.closed_at, emergency.summary = "closed", at, said
    acting.note(session, emergency, actor, "close", {"summary": said}, at)
    acting.tell(session, settings, emergency, "Cancel", said, at)
    return emergency
