"""What comes in and goes out of emergencies over HTTP."""

from datetime import datetime
from typing import Any, Literal

import shapely
from pydantic import Field
from sqlalchemy.orm import Session

from webgis import api
from webgis.accounts.actor import Actor
from webgis.emergency import board, queries, rules
from webgis.emergency.cap_inbox import Received, suggested
from webgis.emergency.kinds import KINDS
from webgis.emergency.models import STATES, CapProposal, Emergency
from webgis.geo import CRS_NAMES
from webgis.hazards.impact_rules import LEAST_M, MOST_M

Crs = Literal[CRS_NAMES]
Code = Field(max_length=64)


class ListAsked(api.Given):
    """Which emergencies."""

    state: Literal[STATES] | None = None
    before: int | None = Field(None, ge=1, le=2**63 - 1, description="the `next` of the page before")
    limit: int = Field(50, ge=1, le=queries.MOST_ROWS)


class OpenGiven(api.Given):
    """An emergency to be opened."""

    kind: Literal[tuple(KINDS)]
    title: str = Field(min_length=1, max_length=rules.LONGEST_TITLE)
    level: int = Field(ge=1, le=4, description="1, the gravest, to 4")
    lon: float
    lat: float
    crs: Crs = "wgs84"
    radius_m: float | None = Field(None, ge=rules.LEAST_RADIUS_M, le=rules.LARGEST_RADIUS_M)
    area: dict[str, Any] | None = Field(None, description="a GeoJSON outline in `crs`, instead of radius_m")
    hazard: str | None = Field(
        None, max_length=40, description="code of a hazard source: the ground is a ring around it"
    )
    ring_m: float | None = Field(None, ge=LEAST_M, le=MOST_M, description="metres from its outline, 500 when not given")
    address: str | None = Field(None, max_length=rules.LONGEST_ADDRESS)
    lead: str | None = Field(None, max_length=64, description="code of the department that leads")
    departments: list[str] = Field(default_factory=list, max_length=100)
    exercise: Literal["yes", "no"] = "no"
    cases: list[str] = Field(default_factory=list, max_length=100, description="numbers")
    alarm_id: int | None = Field(None, ge=1, le=2**63 - 1)
    planned: Literal["yes", "no"] = Field("yes", description="no: the board begins empty")

    def opening(self) -> dict[str, Any]:
        """The fields of `operations.Opening`."""
        return self.model_dump() | {"exercise": self.exercise == "yes", "planned": self.planned == "yes"}


class ChangeGiven(api.Given):
    """What becomes of an emergency."""

    title: str | None = Field(None, min_length=1, max_length=rules.LONGEST_TITLE)
    level: int | None = Field(None, ge=1, le=4)
    radius_m: float | None = Field(None, ge=rules.LEAST_RADIUS_M, le=rules.LARGEST_RADIUS_M)
    area: dict[str, Any] | None = None
    crs: Crs = "wgs84"
    lead: str | None = Field(None, max_length=64)
    note: str | None = Field(None, max_length=rules.LONGEST_WORDS, description="why")


class InviteGiven(api.Given):
    """Departments that are to take part."""

    departments: list[str] = Field(min_length=1, max_length=100)


class DismissGiven(api.Given):
    """A department that is to take part no longer."""

    department: str = Code


class NoteGiven(api.Given):
    """What is happening."""

    words: str = Field(min_length=1, max_length=rules.LONGEST_WORDS)


class LinkGiven(api.Given):
    """A case that belongs to it."""

    case: str = Field(pattern=r"^\d{19}$")


class CloseGiven(api.Given):
    """What is to be said of it in the end."""

    summary: str = Field(min_length=1, max_length=rules.LONGEST_WORDS)


class TaskGiven(api.Given):
    """A task for the board."""

    words: str = Field(min_length=1, max_length=200)
    department: str = Code
    minutes: int = Field(ge=1, le=rules.LONGEST_MINUTES)


class AssignGiven(api.Given):
    """A resource that is to be brought."""

    resource: str = Code
    minutes: int = Field(30, ge=1, le=rules.LONGEST_MINUTES)


class StepGiven(api.Given):
    """Something done with a task."""

    note: str | None = Field(None, max_length=rules.LONGEST_WORDS)


class NearAsked(api.Given):
    """How far to look."""

    within: float = Field(queries.WITHIN_M, ge=1, le=100_000, description="metres")
    most: int = Field(queries.MOST_OF_KIND, ge=1, le=100, description="of each kind")


class AcceptGiven(api.Given):
    """What is to be other than the message suggests."""

    kind: Literal[tuple(KINDS)] | None = None
    title: str | None = Field(None, min_length=1, max_length=rules.LONGEST_TITLE)
    level: int | None = Field(None, ge=1, le=4)
    lon: float | None = None
    lat: float | None = None
    crs: Crs | None = None
    radius_m: float | None = Field(None, ge=rules.LEAST_RADIUS_M, le=rules.LARGEST_RADIUS_M)


def feature(emergency: Emergency) -> dict[str, Any]:
    """An emergency as a GeoJSON Feature in CGCS2000 degrees: its ground, and where it is."""
    lon, lat = queries.place_of(emergency)
    return {
        "type": "Feature",
        "id": emergency.number,
        "geometry": shapely.geometry.mapping(queries.area_of(emergency)),
        "properties": {
            "number": emergency.number,
            "kind": emergency.kind,
            "title": emergency.title,
            "level": emergency.level,
            "exercise": emergency.exercise,
            "state": emergency.state,
            "lon": round(lon, 6),
            "lat": round(lat, 6),
            "radius_m": emergency.radius_m,
            "cell": emergency.cell_code,
            "address": emergency.address,
            "lead": emergency.lead_code,
            "opened_at": emergency.opened_at,
            "closed_at": emergency.closed_at,
            "summary": emergency.summary,
            "version": emergency.version,
        },
    }


def whole(session: Session, actor: Actor, emergency: Emergency, now: datetime) -> dict[str, Any]:
    """The same with its board, who takes part, its cases as far as this person sees them, and what they may do."""
    told = feature(emergency)
    may = queries.rights(actor, emergency)
    is_open = emergency.state == "open"
    told["properties"] |= {
        "alarm_id": emergency.alarm_id,
        "parties": [dict(row._mapping) for row in queries.parties(session, emergency)],
        "tasks": [task(actor, one, may.lead, now, is_open) for one in queries.tasks(session, emergency)],
        "cases": [row.number for row in queries.linked(session, actor, emergency)],
        "leads": may.lead and is_open,
        "acts": may.act and is_open,
    }
    return told


def task(actor: Actor, one: queries.Task, lead: bool, now: datetime, is_open: bool) -> dict[str, Any]:
    """A task of the board, with what this person may do with it."""
    owner = actor.role == "department" and one.department_code in actor.departments
    steps = board.offered(one.state, owner=owner, lead=lead) if is_open else []
    return vars(one) | {"late": one.late(now), "actions": [step.action for step in steps]}


def line(row: queries.Line) -> dict[str, Any]:
    """A line of the log."""
    told = {name: getattr(row, name) for name in ("seq", "at", "action", "role", "login", "name", "facts")}
    return told | {"department": row.department, "hash": row.hash.hex()}


def received(one: Received) -> dict[str, Any]:
    """What became of a CAP message that came in."""
    told = {name: one.told[name] for name in ("identifier", "sender", "sent", "status", "msgType")}
    became = {"proposal": one.proposal and one.proposal.id, "known": one.known, "ours": one.ours}
    return told | became | {"signed": one.told["signed"]}


def proposal(one: CapProposal) -> dict[str, Any]:
    """A CAP message that waits."""
    told = {name: getattr(one, name) for name in ("id", "sender", "identifier", "sent", "state", "received_at")}
    return told | {"suggested": suggested(one), "message": one.told}
