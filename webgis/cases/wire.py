"""Cases as they go over the wire: what comes in is checked here, what goes out is GeoJSON (RFC 7946)."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal

from flask import request as http_request
from flask import url_for
from pydantic import Field, field_validator
from sqlalchemy import Row
from sqlalchemy.orm import Session

from webgis import geo
from webgis.accounts.actor import Actor
from webgis.api import Given
from webgis.cases import handling, intake, listing, queries, workflow
from webgis.cases.models import CaseRequest, Photo
from webgis.catalog.rules import limit_text
from webgis.settings import Settings

ACKNOWLEDGE = "X-Acknowledge-Duplicate"
HEADERS = [
    {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {"type": "string", "maxLength": intake.LONGEST_KEY},
        "description": "Of your making, new for each report: a retry with it makes no second case.",
    },
    {
        "name": ACKNOWLEDGE,
        "in": "header",
        "schema": {"type": "boolean"},
        "description": "true: report it although it may be a duplicate (409 cases.duplicate names the candidates).",
    },
]


def acknowledged() -> bool:
    """Whether the header of this request says that likely duplicates have been looked at."""
    return http_request.headers.get(ACKNOWLEDGE, "").lower() in ("true", "1", "yes")


class PlaceGiven(Given):
    """Where and what: the part of a report that every channel has."""

    lon: float = Field(description="degrees, in `crs`", allow_inf_nan=False, examples=[104.0665])
    lat: float = Field(description="degrees, in `crs`", allow_inf_nan=False, examples=[30.6574])
    crs: Literal[geo.CRS_NAMES] = "wgs84"
    kind: Literal["component", "matter"] | None = Field(None, description="that of the component when left out")
    class_: str | None = Field(
        None,
        alias="class",
        pattern=r"^\d{5}$",
        description="5-digit class code; that of the component when left out",
        examples=["06010"],
    )
    description: str = Field(min_length=1, max_length=intake.LONGEST_DESCRIPTION)
    address: str | None = Field(None, max_length=intake.LONGEST_ADDRESS)
    accuracy_m: float | None = Field(
        None, ge=0, le=intake.LARGEST_ACCURACY_M, description="the phone's accuracy in metres"
    )

    def report(self, **known: Any) -> intake.Report:
        """The report that this is, with what is `known` besides."""
        fields = self.model_dump(exclude={"class_"}, include=_REPORTED)
        return intake.Report(**(fields | {"class_code": self.class_} | known))


class ReportGiven(PlaceGiven):
    """A report: place, kind and class, and what is wrong."""

    source: str | None = Field(
        None, max_length=32, description="default: inspector for inspectors, hotline for acceptors"
    )
    component: str | None = Field(None, pattern=r"^\d{17}$", description="code of a registered component")
    footprint: dict[str, Any] | str | None = Field(
        None, description="ground of an incident: a GeoJSON line or polygon in `crs`"
    )


_REPORTED = {field.name for field in dataclasses.fields(intake.Report)}


class ActionGiven(Given):
    """What a step is given. Which fields a step needs and takes is the workflow's to say."""

    condition: int | None = Field(None, description="file: id of a filing condition")
    department: str | None = Field(
        None, max_length=64, description="dispatch: code of a department, or auto: as the routing rules choose"
    )
    departments: list[str] | None = Field(
        None, max_length=20, description="split: codes; redo, verify: whose tasks are to be done again"
    )
    reason: str | None = Field(None, max_length=handling.LONGEST_TEXT, description="why; returns always carry one")
    note: str | None = Field(None, max_length=handling.LONGEST_TEXT)
    result: Literal["pass", "fail", "found", "not_found"] | None = Field(None, description="verify, confirm")
    into: str | None = Field(None, pattern=r"^\d{19}$", description="merge: number of the case to follow")
    kind: Literal["component", "matter"] | None = Field(None, description="reclassify")
    class_: str | None = Field(None, alias="class", pattern=r"^\d{5}$", description="reclassify")
    address: str | None = Field(None, max_length=intake.LONGEST_ADDRESS, description="relocate")
    handler: str | None = Field(None, max_length=100, description="assign: login of someone of the department")
    inspector: str | None = Field(
        None, max_length=100, description="request_confirmation, request_verification: login; default: who is on duty"
    )
    until: datetime | None = Field(None, description="suspend: its end; without an offset in the city's time zone")
    footprint: dict[str, Any] | str | None = Field(None, description="split: a GeoJSON line or polygon")
    lon: float | None = Field(None, allow_inf_nan=False)
    lat: float | None = Field(None, allow_inf_nan=False)
    crs: Literal[geo.CRS_NAMES] | None = None
    accuracy_m: float | None = Field(None, ge=0, le=intake.LARGEST_ACCURACY_M)
    version: int | None = Field(None, description="the case's version on the page acted on; an older one is refused")

    @field_validator("departments", mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        """A form gives codes with commas."""
        return [code.strip() for code in given.split(",") if code.strip()] if isinstance(given, str) else given

    def fields(self) -> dict[str, Any]:
        """What was given, by the names on the wire, as JSON values."""
        return self.model_dump(mode="json", exclude_none=True, by_alias=True)


class RequestGiven(Given):
    """A request for a case."""

    kind: Literal[workflow.REQUEST_KINDS]
    reason: str = Field(min_length=1, max_length=handling.LONGEST_TEXT)
    until: datetime | None = Field(None, description="suspension: its end")


class DecisionGiven(Given):
    """A review or decision of a request."""

    decision: Literal["grant", "refuse"]
    note: str | None = Field(None, max_length=handling.LONGEST_TEXT, description="needed when it is refused")


class ClaimGiven(Given):
    """Which queue to claim from."""

    state: str | None = Field(None, description="one or more states that wait for you, separated by commas")


class JoinGiven(Given):
    """Reporting an open case too."""

    description: str | None = Field(None, max_length=intake.LONGEST_DESCRIPTION)
    lon: float | None = Field(None, allow_inf_nan=False)
    lat: float | None = Field(None, allow_inf_nan=False)
    crs: Literal[geo.CRS_NAMES] = "wgs84"


class ListGiven(Given):
    """Filters and paging of a list of cases."""

    state: str | None = Field(None, description="one or more states, separated by commas")
    class_: str | None = Field(None, alias="class", description="one or more class codes, separated by commas")
    kind: Literal["component", "matter"] | None = None
    cell: str | None = Field(None, pattern=r"^\d{15}$", description="a cell's code")
    area: str | None = Field(None, pattern=r"^\d{4,12}$", description="an area's code: 4, 6, 9 or 12 digits")
    department: str | None = None
    bbox: str | None = Field(None, description="west,south,east,north in degrees (WGS 84 or CGCS2000)")
    within: str | None = Field(None, max_length=6000, description="a polygon: lon,lat of its corners, spaces between")
    since: datetime | None = Field(None, description="reported at or after; without an offset in the city's time zone")
    until: datetime | None = Field(None, description="reported before")
    q: str | None = Field(None, max_length=100, description="number, or words in the description or address")
    source: str | None = Field(None, max_length=32)
    filed: Literal["yes"] | None = Field(None, description="taken up by a filing condition")
    reopened: Literal["yes"] | None = None
    closed_since: datetime | None = Field(None, description="closed at or after")
    closed_until: datetime | None = Field(None, description="closed before")
    in_time: Literal["yes", "no"] | None = Field(None, description="closed, and resolved by the deadline or not")
    overdue: Literal["yes"] | None = Field(None, description="open and past what it is due by, the clock not at rest")
    zone: str | None = Field(
        None, max_length=40, description="a construction zone's code: reported in it, as known then"
    )
    order: Literal[listing.ORDERS] = Field("newest", description="due: open cases by what is due first")
    limit: int = Field(50, ge=1, le=listing.MOST_ROWS)
    cursor: str | None = Field(None, description="of the page before")


def filters(given: ListGiven, zone: tzinfo = UTC) -> listing.Filters:
    """The filters of a list, or `Invalid` for an unknown state or a bad box. `zone`: of moments without an offset."""
    states = tuple(filter(None, (given.state or "").split(",")))
    for state in states:
        if state not in workflow.STATES:
            raise workflow.bad_field("state", state, f"one or more of {', '.join(workflow.STATES)}")
    return listing.Filters(
        states=states,
        classes=tuple(filter(None, (given.class_ or "").split(","))),
        kind=given.kind,
        cell=given.cell,
        area=given.area,
        department=given.department,
        box=geo.read_box(given.bbox) if given.bbox else None,
        within=geo.read_ring(given.within) if given.within else None,
        since=given.since and queries.moment("since", given.since, zone),
        until=given.until and queries.moment("until", given.until, zone),
        words=given.q,
        source=given.source,
        filed=given.filed is not None,
        reopened=given.reopened is not None,
        closed_since=given.closed_since and queries.moment("closed_since", given.closed_since, zone),
        closed_until=given.closed_until and queries.moment("closed_until", given.closed_until, zone),
        in_time=None if given.in_time is None else given.in_time == "yes",
        overdue=datetime.now(UTC) if given.overdue else None,
        zone=given.zone,
    )


def feature(session: Session, settings: Settings, actor: Actor, case: Row) -> dict[str, Any]:
    """One case as a GeoJSON Feature."""
    return features(session, settings, actor, [case])[0]


def features(session: Session, settings: Settings, actor: Actor, cases: Sequence[Row]) -> list[dict[str, Any]]:
    """Cases as GeoJSON Features, with the actions open to this person and, while they wait to be filed, conditions."""
    photos = queries.photos(session, [case.id for case in cases if case.photo_count])
    offered = queries.offered_conditions(session, cases)
    now = datetime.now(UTC)
    return [
        {
            "type": "Feature",
            "id": case.number,
            "geometry": {"type": "Point", "coordinates": [case.lon, case.lat]},
            "properties": _properties(settings, actor, case, photos.get(case.id, []), now)
            | ({"conditions": [_condition(one) for one in offered[case.id]]} if case.id in offered else {}),
        }
        for case in cases
    ]


def _properties(settings: Settings, actor: Actor, case: Row, photos: Sequence[Photo], now: datetime) -> dict[str, Any]:
    return {
        "number": case.number,
        "state": case.state,
        "kind": case.kind,
        "class": case.class_code,
        "class_name": {"zh": case.class_zh, "en": case.class_en},
        "description": case.description,
        "address": case.address,
        "accuracy_m": case.accuracy_m,
        "source": case.source,
        "cell": case.cell_code,
        "condition": case.condition_id,
        "department": case.department_code,
        "department_name": case.department_code and {"zh": case.department_zh, "en": case.department_en},
        "reported_at": case.reported_at,
        "dispatched_at": case.dispatched_at,
        "deadline": case.deadline_at,
        "light": queries.light(case, now),
        "resolved_at": case.resolved_at,
        "closed_at": case.closed_at,
        "rework_count": case.rework_count,
        "version": case.version,
        "due": case.due_at,
        "paused_at": case.paused_at,
        "resume_at": case.resume_at,
        "extensions": case.extension_count,
        "flags": case.flags,
        "confirmation": case.confirmation,
        "component": case.component_code,
        "relation": case.relation,
        "parent": case.parent_number,
        "zones": case.zones,
        "handler": case.handler_login and {"login": case.handler_login, "name": case.handler_name},
        "inspector": case.inspector_login and {"login": case.inspector_login, "name": case.inspector_name},
        "photos": [photo(case.number, one) for one in photos],
        "actions": queries.open_actions(actor, case, settings),
    }


def _condition(condition: Row) -> dict[str, Any]:
    limit = {"value": condition.limit_value, "unit": condition.limit_unit}
    return {
        "id": condition.id,
        "text": condition.text_zh,
        "text_en": condition.text_en,
        "limit": limit | {lang: limit_text(condition.limit_value, condition.limit_unit, lang) for lang in ("zh", "en")},
        "closing": condition.closing_zh,
        "department_kind": condition.department_kind,
    }


def photo(number: str, one: Photo) -> dict[str, Any]:
    """A photo: where to fetch it and its thumbnail, its size, and when it was taken."""
    return {
        "id": one.id,
        "event": one.event_id,
        "url": url_for("cases.photo", number=number, photo_id=one.id),
        "thumbnail": url_for("cases.thumbnail", number=number, photo_id=one.id),
        "width": one.width,
        "height": one.height,
        "taken_at": one.taken_at,
    }


def event_features(number: str, events: Sequence[Row], photos: Sequence[Photo]) -> list[dict[str, Any]]:
    """The history as GeoJSON Features: placed where the person stood, or without a place."""
    return [
        {
            "type": "Feature",
            "id": event.id,
            "geometry": None if event.lon is None else {"type": "Point", "coordinates": [event.lon, event.lat]},
            "properties": {
                "seq": event.seq,
                "action": event.action,
                "at": event.at,
                "from": event.from_state,
                "to": event.to_state,
                "by": {"login": event.login, "name": event.name, "role": event.role},
                "department": event.department_code,
                "given": event.given,
                "facts": _facts(event.facts or {}),
                "photos": [photo(number, one) for one in photos if one.event_id == event.id],
            },
        }
        for event in events
    ]


def _facts(kept: Mapping[str, Any]) -> dict[str, Any]:
    """What the engine noted, its moments as all others go out."""
    photos = [one | {"taken_at": one["taken_at"] and datetime.fromisoformat(one["taken_at"])} for one in _judged(kept)]
    return {**kept, "photos": photos} if photos else dict(kept)


def _judged(kept: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [one for one in kept.get("photos", ()) if "taken_at" in one]


def request(one: CaseRequest) -> dict[str, Any]:
    """A request as JSON."""
    return {
        "id": one.id,
        "kind": one.kind,
        "state": one.state,
        "department": one.department_code,
        "reason": one.reason,
        "until": one.until_at,
        "asked_at": one.asked_at,
        "reviewed_at": one.reviewed_at,
        "review_note": one.review_note,
        "decided_at": one.decided_at,
        "decision_note": one.decision_note,
    }
