"""Taking in a report: the place finds its cell, the class is checked, likely duplicates are shown, the case gets its
number."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis import db, geo, texts
from webgis.accounts.actor import ENGINE, Actor
from webgis.cases import calendar, duplicates, evidence, queries, record, relations, stages, workflow
from webgis.cases.evidence import Evidence
from webgis.catalog import components
from webgis.catalog import queries as catalog
from webgis.errors import Conflict
from webgis.settings import Settings

SOURCES = ("inspector", "hotline", "public", "leader", "department", "video", "sensor", "iot")
"""Kinds of source (standards in use: collector, public or hotline, leader's instruction, transfer, video, IoT)."""

OF_MACHINES = ("video", "sensor", "iot")
USUAL_SOURCE = {
    "inspector": "inspector",
    "acceptor": "hotline",
    "dispatcher": "department",
    "system": "sensor",
    "public": "public",
}
LONGEST_DESCRIPTION = 2000
LONGEST_ADDRESS = 256
LARGEST_ACCURACY_M = 100_000


@dataclass(frozen=True)
class Report:
    """What someone reports. `lon` and `lat` are degrees in `crs`; `accuracy_m` is the phone's, in metres.

    `component` is the code of a registered component, whose class the case takes; `footprint` the ground of an incident
    (GeoJSON in `crs`). `seen_at` is when it was seen, by the clock of a phone that had no network then.
    `acknowledged`: the reporter has seen that it may be a duplicate, and reports it all the same.
    """

    lon: float
    lat: float
    kind: str | None
    class_code: str | None
    description: str
    crs: str = "wgs84"
    address: str | None = None
    accuracy_m: float | None = None
    source: str | None = None
    component: str | None = None
    footprint: Mapping[str, Any] | str | None = None
    acknowledged: bool = False
    seen_at: datetime | None = None


_LOOK = "SELECT * FROM fn.look_before_report(%s, %s, %s, %s, %s, %s)"


def report(
    session: Session,
    settings: Settings,
    actor: Actor,
    given: Report,
    photos: Sequence[Evidence] = (),
    *,
    at: datetime,
):
    """Take in a report made at the moment `at` (aware); the case as it is then (columns of `fn.case_line`).

    `Invalid` when the place is outside the grid (with the nearest cell's distance), the class or component unknown, a
    text empty or too long, or an inspector gives no photo; `Forbidden` for a role that does not report; `Conflict`
    "cases.duplicate" with the candidates when it may be a duplicate of what the reporter may see and that was not
    acknowledged.
    """
    _check(actor, given, photos)
    given = _of_component(session, given)
    lon, lat = geo.to_cgcs2000(given.lon, given.lat, given.crs)
    cell = _look(session, given, lon, lat, at)
    alike = _alike(session, given, lon, lat, photos, at)
    if alike and not given.acknowledged:
        _refuse_duplicate(duplicates.shown_to(session, actor, alike))
    due = stages.due_at(settings, workflow.REPORTED, at, calendar.of_city(session, settings))
    case = _told(actor, given, cell, lon, lat) | {"state": workflow.REPORTED, "reported_at": at, "due_at": due}
    event = record.event(
        actor,
        workflow.REPORT,
        None,
        workflow.REPORTED,
        at,
        department=actor.department,
        given={"lon": given.lon, "lat": given.lat, "crs": given.crs, "cell": cell.cell_code}
        | ({"seen_at": given.seen_at.isoformat()} if given.seen_at else {}),
        facts=({"photos": evidence.judged(settings, photos, (lon, lat), at)} if photos else {})
        | ({"alike": alike} if alike else {})
        | ({"zones": cell.zones} if cell.zones else {}),
        place=(lon, lat),
    )
    line = record.report(session, case, at.astimezone(settings.zone).date(), event, photos)
    if given.footprint:
        relations.keep_footprint(session, line.id, given.footprint, given.crs)
    if given.component:
        components.case_opened(session, given.component, at=at, number=line.number, person_id=actor.id)
    return line


def _told(actor: Actor, given: Report, cell: Row, lon: float, lat: float) -> dict[str, Any]:
    """The columns of the case that the report fills."""
    return {
        "kind": given.kind,
        "standard": cell.standard,
        "class_code": given.class_code,
        "description": given.description.strip(),
        "address": (given.address or "").strip() or None,
        "geom": f"SRID={geo.SRID};POINT({lon!r} {lat!r})",
        "crs": given.crs,
        "accuracy_m": given.accuracy_m,
        "cell_id": cell.cell_id,
        "cell_code": cell.cell_code,
        "source": _source(actor, given),
        "component_code": given.component,
        "reporter_id": actor.id,
    } | ({"zones": cell.zones} if cell.zones else {})


def _look(session: Session, given: Report, lon: float, lat: float, at: datetime):
    """The cell and zones of the place and the standard of the class, in one statement."""
    found = db.call(session, _LOOK, lon, lat, at, given.kind, given.class_code, catalog.CURRENT)[0]
    if found.cell_id is None:
        raise queries.outside(session, lon, lat)
    if found.standard is None:
        catalog.require_class(session, given.kind, given.class_code)
    return found


def _of_component(session: Session, given: Report) -> Report:
    """A case on a registered component takes its kind and class; others have to be given theirs."""
    if given.component is None:
        for field, value in (("kind", given.kind), ("class", given.class_code)):
            if value is None:
                raise workflow.bad_field(field, None, "the kind and class of what is wrong, or a component")
        return given
    found = components.require(session, given.component)
    of_component = {"kind": "component", "class": found.class_code}
    for field, value in (("kind", given.kind), ("class", given.class_code)):
        if value not in (None, of_component[field]):
            raise workflow.bad_field(field, value, f"{of_component[field]}, as component {given.component}")
    return replace(given, kind="component", class_code=found.class_code)


def _alike(
    session: Session, given: Report, lon: float, lat: float, photos: Sequence[Evidence], at: datetime
) -> list[dict[str, Any]]:
    """Likely duplicates, which are noted with the case."""
    found = duplicates.candidates(
        session,
        kind=given.kind,
        class_code=given.class_code,
        lon=lon,
        lat=lat,
        at=at,
        description=given.description,
        photo_hashes=[photo.picture_hash for photo in photos],
    )
    return [one.as_facts() for one in found]


def _refuse_duplicate(candidates: Sequence[Mapping[str, Any]]) -> None:
    if candidates:
        number, metres = candidates[0]["number"], candidates[0]["distance_m"]
        raise Conflict(
            "cases.duplicate",
            f"Case {number} may be the same: {metres:.0f} m away. Add yourself to it "
            "(POST /api/v1/cases/<number>/reporters), or send X-Acknowledge-Duplicate: true to report it all the same",
            field="X-Acknowledge-Duplicate",
            candidates=candidates,
        )


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
        if not texts.storable(value):
            raise workflow.bad_field(field, None, "text without NUL characters")
    if given.accuracy_m is not None and not 0 <= given.accuracy_m <= LARGEST_ACCURACY_M:
        raise workflow.bad_field("accuracy_m", given.accuracy_m, f"metres, from 0 to {LARGEST_ACCURACY_M:,}")
    if _source(actor, given) == "inspector" and not photos:
        raise workflow.bad_field("photos", 0, "an inspector's report needs at least one photo")


def _source(actor: Actor, given: Report) -> str:
    """Where the report comes from; inspectors, machines and strangers cannot name another source than their own."""
    source = given.source or USUAL_SOURCE[actor.role]
    if source not in SOURCES:
        raise workflow.bad_field("source", source, f"one of {', '.join(SOURCES)}")
    own = {"inspector": ("inspector",), "system": OF_MACHINES, "public": ("public",)}.get(actor.role, SOURCES)
    if source not in own:
        raise workflow.bad_field("source", source, f"for the role {actor.role}: {' or '.join(own)}")
    return source


_CLAIM_KEY = text(
    "INSERT INTO city.idempotency_key (person_id, key, fingerprint) VALUES (:person, :key, :fingerprint)"
    " ON CONFLICT DO NOTHING RETURNING 1"
)
_DONE = text("SELECT fingerprint, number FROM city.idempotency_key WHERE person_id = :person AND key = :key")
_REMEMBER = text("UPDATE city.idempotency_key SET number = :number WHERE person_id = :person AND key = :key")
LONGEST_KEY = 200


def once(session: Session, actor: Actor, key: str | None, asked: Any, make: Callable[[], Row]) -> tuple[Row, bool]:
    """The case that `make` makes, and whether it was made now: a key that made one before gives that one again.

    Two requests with one key at once: the second waits for the first. `Conflict` when the key was used for something
    else. `asked` is any JSON value that describes the request.
    """
    before = None if key is None else _done_before(session, actor, key, asked)
    if before is not None:
        return queries.require_case(session, ENGINE, before), False
    case = make()
    if key is not None:
        session.execute(_REMEMBER, {"person": actor.id, "key": key, "number": case.number})
    return case, True


def _done_before(session: Session, actor: Actor, key: str, asked: Any) -> str | None:
    """The number of the case that this key made before, or None; the key is then taken until the transaction ends."""
    check_key(key)
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


def check_key(key: str) -> None:
    """Refuse what cannot be an Idempotency-Key."""
    if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
        raise workflow.bad_field("Idempotency-Key", None, f"1 to {LONGEST_KEY} printable characters")
