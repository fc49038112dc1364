"""Taking in a report: the place finds its cell, the class is checked, the case gets its number."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis import geo, jobs
from webgis.accounts.actor import Actor
from webgis.cases import workflow
from webgis.cases.evidence import Evidence
from webgis.catalog import queries as catalog
from webgis.errors import Conflict, Invalid
from webgis.grid import queries as grid
from webgis.grid.models import Cell
from webgis.settings import Settings

SOURCES = ("inspector", "hotline", "public", "leader", "department", "video", "sensor")
"""Kinds of source (standards in use: collector, public or hotline, leader's instruction, transfer, video, IoT)."""

USUAL_SOURCE = {"inspector": "inspector", "acceptor": "hotline", "dispatcher": "department"}
LONGEST_DESCRIPTION = 2000
LONGEST_ADDRESS = 256
LARGEST_ACCURACY_M = 100_000


@dataclass(frozen=True)
class Report:
    """What someone reports. `lon` and `lat` are degrees in `crs`; `accuracy_m` is the phone's, in metres."""

    lon: float
    lat: float
    kind: str
    class_code: str
    description: str
    crs: str = "wgs84"
    address: str | None = None
    accuracy_m: float | None = None
    source: str | None = None


_INSERT = text(
    """
    WITH counter AS (
        INSERT INTO city.case_counter AS c (county_code, day, last) VALUES (left(:cell_code, 6), :day, 1)
        ON CONFLICT (county_code, day) DO UPDATE SET last = c.last + 1 RETURNING last
    ), made AS (
        INSERT INTO city.case (number, kind, standard, class_code, description, address, geom, crs, accuracy_m,
            cell_id, cell_code, source, reporter_id, state, reported_at, changed_at)
        SELECT left(:cell_code, 6) || to_char(CAST(:day AS date), 'YYYYMMDD') || lpad(last::text, 5, '0'),
            :kind, :standard, :class_code, :description, :address, ST_SetSRID(ST_Point(:lon, :lat), 4490), :crs,
            :accuracy_m, :cell_id, :cell_code, :source, :person, :state, :at, now()
        FROM counter
        RETURNING id, number
    ), event AS (
        INSERT INTO city.case_event (case_id, at, action, to_state, person_id, role, department_code, given, geom)
        SELECT id, :at, 'report', :state, :person, :role, :department, CAST(:given AS jsonb),
            ST_SetSRID(ST_Point(:lon, :lat), 4490)
        FROM made
        RETURNING id
    )
    SELECT made.id, made.number, event.id AS event_id FROM made, event
    """
)


def report(
    session: Session,
    settings: Settings,
    actor: Actor,
    given: Report,
    photos: Sequence[Evidence] = (),
    *,
    at: datetime,
) -> str:
    """Take in a report made at the moment `at` (aware) and return the case's number.

    `Invalid` when the place is outside the grid (with the nearest cell's distance), the class unknown, a text empty
    or too long, or an inspector gives no photo; `Forbidden` for a role that does not report.
    """
    _check(actor, given, photos)
    lon, lat = geo.to_cgcs2000(given.lon, given.lat, given.crs)
    cell = _cell(session, lon, lat, at)
    class_ = catalog.require_class(session, given.kind, given.class_code)
    row = session.execute(
        _INSERT,
        {
            "day": at.astimezone(settings.zone).date(),
            "kind": given.kind,
            "standard": class_.standard,
            "class_code": class_.code,
            "description": given.description.strip(),
            "address": (given.address or "").strip() or None,
            "lon": lon,
            "lat": lat,
            "crs": given.crs,
            "accuracy_m": given.accuracy_m,
            "cell_id": cell.id,
            "cell_code": cell.code,
            "source": _source(actor, given),
            "person": actor.id,
            "role": actor.role,
            "department": actor.department,
            "state": workflow.REPORTED,
            "at": at,
            "given": json.dumps({"lon": given.lon, "lat": given.lat, "crs": given.crs, "cell": cell.code}),
        },
    ).one()
    attach(session, row.id, row.event_id, photos)
    changed(session)
    return row.number


def _check(actor: Actor, given: Report, photos: Sequence[Evidence]) -> None:
    workflow.require_role(actor.role, workflow.REPORT)
    if not given.description.strip():
        raise workflow.bad_field("description", given.description, "say in a few words what is wrong")
    for field, value, longest in (
        ("description", given.description, LONGEST_DESCRIPTION),
        ("address", given.address or "", LONGEST_ADDRESS),
    ):
        if len(value) > longest:
            raise workflow.bad_field(field, len(value), f"at most {longest} characters")
        if "\0" in value:
            raise workflow.bad_field(field, None, "text without NUL characters")
    if given.accuracy_m is not None and not 0 <= given.accuracy_m <= LARGEST_ACCURACY_M:
        raise workflow.bad_field("accuracy_m", given.accuracy_m, f"metres, from 0 to {LARGEST_ACCURACY_M:,}")
    if _source(actor, given) == "inspector" and not photos:
        raise workflow.bad_field("photos", 0, "an inspector's report needs at least one photo")


def _source(actor: Actor, given: Report) -> str:
    """Where the report comes from; an inspector is always its own source."""
    source = given.source or USUAL_SOURCE[actor.role]
    if source not in SOURCES:
        raise workflow.bad_field("source", source, f"one of {', '.join(SOURCES)}")
    if actor.role == "inspector" and source != "inspector":
        raise workflow.bad_field("source", source, "an inspector's report has the source inspector")
    return source


def _cell(session: Session, lon: float, lat: float, at: datetime) -> Cell:
    cell = grid.cell_at(session, lon, lat, at)
    if cell is not None:
        return cell
    near = grid.nearest_cell(session, lon, lat)
    where = "there is no grid yet" if near is None else f"the nearest cell, {near[0].code}, is {near[1]:,.0f} m away"
    raise Invalid(
        "cases.outside-grid",
        f"The place is in no cell of the grid: {where}",
        field="lon",
        got=[lon, lat],
        accepted="a place inside the grid",
        nearest=None if near is None else near[0].code,
        distance_m=None if near is None else round(near[1], 1),
    )


_ATTACH = text(
    "INSERT INTO city.photo (case_id, event_id, sha256, media_type, width, height, bytes, taken_at, geom) VALUES"
    " (:case_id, :event_id, :sha256, :media_type, :width, :height, :bytes, :taken_at,"
    " ST_SetSRID(ST_Point(CAST(:lon AS float8), CAST(:lat AS float8)), 4490))"
)


def attach(session: Session, case_id: int, event_id: int, photos: Sequence[Evidence]) -> None:
    """Add stored photos to a step, and have their thumbnails made."""
    for photo in photos:
        lon, lat = photo.place or (None, None)
        values = asdict(photo) | {"case_id": case_id, "event_id": event_id, "lon": lon, "lat": lat}
        session.execute(_ATTACH, values)
        jobs.enqueue(session, "cases.thumbnail", sha256=photo.sha256)


def changed(session: Session) -> None:
    """A case has changed: what is drawn from cases is to be drawn again, soon and once for many changes."""
    jobs.enqueue(session, "maps.draw_cases", queue="slow", delay=5)


_CLAIM_KEY = text(
    "INSERT INTO city.idempotency_key (person_id, key, fingerprint) VALUES (:person, :key, :fingerprint)"
    " ON CONFLICT DO NOTHING RETURNING 1"
)
_DONE = text("SELECT fingerprint, number FROM city.idempotency_key WHERE person_id = :person AND key = :key")
_REMEMBER = text("UPDATE city.idempotency_key SET number = :number WHERE person_id = :person AND key = :key")
LONGEST_KEY = 200


def done_before(session: Session, actor: Actor, key: str, asked: Any) -> str | None:
    """The number of the case that this key made before, or None; the key is then taken until the transaction ends.

    Two requests with one key at once: the second waits for the first. `Conflict` when the key was used for something
    else. `asked` is any JSON value that describes the request.
    """
    if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
        raise workflow.bad_field("Idempotency-Key", None, f"1 to {LONGEST_KEY} printable characters")
    fingerprint = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).digest()
    values = {"person": actor.id, "key": key, "fingerprint": fingerprint}
    if session.execute(_CLAIM_KEY, values).one_or_none():
        return None
    before = session.execute(_DONE, values).one()
    if bytes(before.fingerprint) != fingerprint:
        raise Conflict(
            "cases.key-reused",
            "This Idempotency-Key was used for another request. Take a new key for a new report",
            field="Idempotency-Key",
        )
    return before.number


def remember(session: Session, actor: Actor, key: str, number: str) -> None:
    """Note which case the key made."""
    session.execute(_REMEMBER, {"person": actor.id, "key": key, "number": number})
