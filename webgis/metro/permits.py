"""Permits for work in protection zones: applied for, checked against the zones, decided, ended.

Who may do what with a permit as it stands is said by the table of `permit_rules`. Every act is a line of its history.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import shapely
from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from webgis import geo
from webgis.accounts import permissions
from webgis.accounts.actor import ENGINE, Actor
from webgis.errors import Conflict, Forbidden, Invalid, NotFound
from webgis.geo import SRID
from webgis.metro import permit_rules
from webgis.metro.permit_models import MetroPermit, MetroPermitEvent
from webgis.metro.permit_rules import PURPOSES, WORKS, Step

LONGEST_TEXT, LONGEST_NAME = 2000, 200
LONGEST_DAYS = 5 * 366
EARLIEST, LATEST = date(1990, 1, 1), date(2200, 12, 31)
MOST_CORNERS = 5_000
LARGEST_M2 = 5e6
"""A work that covers more than 5 km2 is a wrong outline."""

COUNTER = ("dispatcher", "manager")
"""Roles that take applications for those who come to the counter, and decide for lines without an operator."""


@dataclass(frozen=True)
class Application:
    """What is applied for. `ground`: polygon or multipolygon in CGCS2000 degrees; `starts` to `ends`: days of the
    work, both included."""

    project: str
    applicant: str
    work: str
    purpose: str
    ground: Any
    starts: date
    ends: date
    contractor: str | None = None
    description: str | None = None


CHANGEABLE = ("project", "applicant", "contractor", "work", "purpose", "description", "starts", "ends")
"""What an application says besides its ground."""


# Where and when

_PERMITS_AT = text(
    "SELECT id, number, project, applicant, contractor, work, purpose, conditions, starts, ends"
    " FROM fn.metro_permits_at(ST_SetSRID(ST_Point(:lon, :lat), 4490), coalesce(:at, now()))"
)


def valid_at(session: Session, lon: float, lat: float, at: datetime | None = None) -> Sequence[Row[Any]]:
    """The permits in force at a place (CGCS2000 degrees) and a moment (now), by number."""
    return session.execute(_PERMITS_AT, {"lon": lon, "lat": lat, "at": at}).all()


_TOUCHED = text(
    """
    SELECT s.code AS structure, z.structure_kind, s.name_zh, s.name_en, z.kind, z.metres, z.approximate,
           round(ST_Distance(s.geom::geography, g.geom::geography)::numeric, 1)::float8 AS away_m,
           round(ST_Area(ST_Intersection(z.geom, g.geom)::geography)::numeric)::float8 AS m2,
           (SELECT l.department_code FROM city.metro_line l
            WHERE l.department_code IS NOT NULL AND (l.code = s.line_code OR EXISTS (
                SELECT FROM city.metro_stop p WHERE p.line_code = l.code AND p.structure_code = s.code))
            ORDER BY l.place, l.code LIMIT 1) AS operator
    FROM (SELECT ST_SetSRID(ST_GeomFromWKB(:wkb), 4490) AS geom) g
    JOIN city.metro_zone z ON ST_Intersects(z.geom, g.geom) AND z.valid && tstzrange(:since, :until)
    JOIN city.metro_structure s ON s.code = z.structure_code
    ORDER BY fn.metro_zone_turn(z.kind), 8, s.code
    """
)


def check(session: Session, ground: Any, purpose: str, starts: date, ends: date) -> list[dict[str, Any]]:
    """The protection zones that work on this ground touches on these days, the strictest first, and what each `allows`:
    "agreement" (of the operator) or "excluded". Distances are in metres, to the structure as it is known."""
    _check_days(starts, ends)
    since, until = _span(session, starts, ends)
    rows = session.execute(_TOUCHED, {"wkb": shapely.to_wkb(ground), "since": since, "until": until})
    return [dict(row._mapping) | {"allows": permit_rules.allowed(row.kind, purpose)} for row in rows]


def _check_days(starts: date, ends: date) -> None:
    if not EARLIEST <= starts <= LATEST:
        raise bad_field("starts", starts.isoformat(), f"a day from {EARLIEST} to {LATEST}")
    if not 0 <= (ends - starts).days <= LONGEST_DAYS:
        raise bad_field("ends", ends.isoformat(), "the first day or a later one, at most five years after it")


def _span(session: Session, starts: date, ends: date) -> tuple[datetime, datetime]:
    zone = session.info["settings"].zone
    first = datetime.combine(starts, datetime.min.time(), zone)
    return first, datetime.combine(ends + timedelta(days=1), datetime.min.time(), zone)


def _day_of(session: Session, at: datetime) -> date:
    """The day that it is in the city at a moment."""
    return at.astimezone(session.info["settings"].zone).date()


# Applying

_NUMBER = text(
    "SELECT coalesce(max(right(number, 5)::integer), 0) + 1 FROM city.metro_permit WHERE number LIKE :year || '%'"
)
_NUMBER_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('webgis metro permit numbers', 0))")
_CELL = text("SELECT (fn.cell_at(ST_PointOnSurface(ST_SetSRID(ST_GeomFromWKB(:wkb), 4490)), :at)).code")


def apply(session: Session, actor: Actor, asked: Application, at: datetime) -> str:
    """Apply for a permit; returns its number. `Invalid` "metro.bad-field" names the field at fault."""
    permissions.require(actor, "permits.apply")
    facts = _facts(session, actor, asked, at)
    session.execute(_NUMBER_LOCK)
    year = f"MP{at.astimezone(session.info['settings'].zone):%Y}"
    made = MetroPermit(
        number=f"{year}{session.scalar(_NUMBER, {'year': year}):05d}",
        state="applied",
        department_code=actor.department,
        person_id=actor.id,
        created_at=at,
        **facts,
    )
    session.add(made)
    session.flush()
    tell(session, made, actor, "apply", None, at, None)
    return made.number


def apply_again(session: Session, actor: Actor, number: str, asked: Application, at: datetime) -> MetroPermit:
    """Hand a returned application in again as it is now asked for; the history says which fields are others. Errors of
    `apply` and of `permit_rules.step`."""
    permissions.require(actor, "permits.act")
    permit = require(session, actor, number, lock=True)
    permit_rules.step("resubmit", permit.state, parts(actor, permit), frozenset())
    facts = _facts(session, actor, asked, at)
    changed = [name for name in CHANGEABLE if getattr(permit, name) != facts[name]]
    if to_shape(permit.geom) != to_shape(facts["geom"]):
        changed.append("ground")
    for name, value in facts.items():
        setattr(permit, name, value)
    if changed:
        tell(session, permit, actor, "amend", permit.state, at, " ".join(changed))
    return _do(session, actor, permit, "resubmit", at)


def _facts(session: Session, actor: Actor, asked: Application, at: datetime) -> dict[str, Any]:
    """What is kept of an application, once every field is right and its ground is of the person's area."""
    place = _checked(session, asked, at)
    cell = session.scalar(_CELL, {"wkb": shapely.to_wkb(place), "at": at})
    permissions.require_area(actor, [cell or ""])
    zones = check(session, place, asked.purpose, asked.starts, asked.ends)
    return {name: getattr(asked, name) for name in CHANGEABLE} | {
        "project": asked.project.strip(),
        "applicant": asked.applicant.strip(),
        "geom": from_shape(place, srid=SRID),
        "cell_code": cell,
        "operator_code": next((zone["operator"] for zone in zones if zone["operator"]), None),
        "checked": zones,
    }


def _checked(session: Session, asked: Application, at: datetime) -> Any:
    """The ground of an application as a multipolygon, once every field is right."""
    for field, longest in (("project", LONGEST_NAME), ("applicant", LONGEST_NAME), ("contractor", LONGEST_NAME),
                           ("description", LONGEST_TEXT)):  # fmt: skip
        said = getattr(asked, field)
        needed = field in ("project", "applicant")
        if (needed and not (said or "").strip()) or len(said or "") > longest:
            raise bad_field(field, said and said[:50], f"{'1' if needed else '0'} to {longest} characters")
    for field, known in (("work", WORKS), ("purpose", PURPOSES)):
        if getattr(asked, field) not in known:
            raise bad_field(field, getattr(asked, field), list(known))
    _check_days(asked.starts, asked.ends)
    if asked.ends < _day_of(session, at):
        raise bad_field("ends", asked.ends.isoformat(), "a day from today on")
    return ground(asked.ground)


def ground(given: Any) -> Any:
    """The ground of a work as a multipolygon, or `Invalid` for what is none."""
    faces = isinstance(given, (shapely.Polygon, shapely.MultiPolygon)) and not given.is_empty
    if faces and (corners := int(shapely.get_num_coordinates(given))) > MOST_CORNERS:
        raise bad_field("ground", corners, f"at most {MOST_CORNERS:,} corners")
    if not faces or not given.is_valid:
        got = shapely.is_valid_reason(given) if faces else getattr(given, "geom_type", None)
        raise bad_field("ground", got, "a valid polygon")
    made = shapely.multipolygons(shapely.get_parts(shapely.force_2d(given)))
    west, south, east, north = made.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise bad_field("ground", [west, south], "degrees")
    m2 = shapely.area(made) * geo.area_of_degrees(made.centroid.y)
    if m2 > LARGEST_M2:
        raise bad_field("ground", f"about {m2 / 1e6:.1f} km2", f"at most {LARGEST_M2 / 1e6:g} km2")
    return made


def bad_field(field: str, got: Any, accepted: Any) -> Invalid:
    """The refusal of a field of an application or act."""
    return Invalid("metro.bad-field", f"{field}: {accepted}, not {got}", field=field, got=got, accepted=accepted)


# Deciding and ending


def require(session: Session, actor: Actor, number: str, *, lock: bool = False) -> MetroPermit:
    """The permit of this number, or `NotFound` when there is none that this person sees."""
    wanted = select(MetroPermit).where(MetroPermit.number == number)
    found = session.scalar(wanted.with_for_update() if lock else wanted)
    if found is None or not sees(actor, found):
        raise NotFound("metro.permit-unknown", f"There is no permit {number[:40]}", got=number[:40])
    return found


def changeable(session: Session, actor: Actor, number: str) -> MetroPermit:
    """The permit of this number, held, once this person has a part in it and it has not ended."""
    permissions.require(actor, "permits.act")
    permit = require(session, actor, number, lock=True)
    if not parts(actor, permit):
        accepted = [permit_rules.APPLICANT, permit_rules.OPERATOR]
        raise Forbidden("metro.not-your-permit", f"{number} is for its {' and '.join(accepted)}", accepted=accepted)
    if permit.state in permit_rules.ENDED:
        raise Conflict("metro.not-now", "An ended permit is not changed any more", state=permit.state, accepted=[])
    return permit


def sees(actor: Actor, permit: MetroPermit) -> bool:
    """Whether a permit is in the sight of a person: of their area, for department staff of their department."""
    if actor.area is not None and not (permit.cell_code or "").startswith(actor.area):
        return False
    own = {permit.department_code, permit.operator_code} & {*actor.departments}
    return actor.role != "department" or bool(own)


def parts(actor: Actor, permit: MetroPermit) -> frozenset[str]:
    """What somebody is of a permit: applicant, operator, both or neither."""
    if actor == ENGINE:
        return frozenset({permit_rules.ENGINE})
    found = set()
    if actor.role in COUNTER or permit.department_code in actor.departments:
        found.add(permit_rules.APPLICANT)
    if (actor.role in COUNTER and permit.operator_code is None) or actor.role == "manager":
        found.add(permit_rules.OPERATOR)
    if permit.operator_code is not None and permit.operator_code in actor.departments:
        found.add(permit_rules.OPERATOR)
    return frozenset(found)


def act(
    session: Session,
    actor: Actor,
    number: str,
    action: str,
    at: datetime,
    *,
    note: str | None = None,
    conditions: str | None = None,
) -> MetroPermit:
    """Do a step of a permit. Errors of `permit_rules.step`; `Conflict` "metro.excluded" when a special zone excludes
    the work, which no decision changes."""
    permissions.require(actor, "permits.act")
    return _do(session, actor, require(session, actor, number, lock=True), action, at, note, conditions)


def _do(
    session: Session,
    actor: Actor,
    permit: MetroPermit,
    action: str,
    at: datetime,
    note: str | None = None,
    conditions: str | None = None,
) -> MetroPermit:
    given = {"note": (note or "").strip() or None, "conditions": (conditions or "").strip() or None}
    for field, said in given.items():
        if len(said or "") > LONGEST_TEXT:
            raise bad_field(field, f"{len(said)} characters", f"at most {LONGEST_TEXT} characters")
    told = frozenset(name for name, said in given.items() if said)
    step = permit_rules.step(action, permit.state, parts(actor, permit), told)
    if step.action == "grant":
        _grant(session, permit, at)
        permit.conditions = given["conditions"]
    before = permit.state
    permit.state = step.to
    if step.to in permit_rules.ENDED:
        permit.ended_at = at
    session.flush()
    tell(session, permit, actor, action, before, at, given["note"] or (given["conditions"] if step.needs else None))
    return permit


def _grant(session: Session, permit: MetroPermit, at: datetime) -> None:
    if permit.ends < _day_of(session, at):
        raise Conflict("metro.days-over", f"Its last day was {permit.ends}: return it for other days", got=permit.ends)
    permit.checked = check(session, to_shape(permit.geom), permit.purpose, permit.starts, permit.ends)
    excluded = [zone["structure"] for zone in permit.checked if zone["allows"] == "excluded"]
    if excluded:
        raise Conflict(
            "metro.excluded",
            f"The special protection zone of {excluded[0]} excludes work for this purpose",
            structures=excluded,
            accepted=sorted(permit_rules.IN_SPECIAL),
        )
    permit.granted_at = at


_POSITION = text("SELECT coalesce(max(position), 0) + 1 FROM city.metro_permit_event WHERE permit_id = :id")


def tell(
    session: Session,
    permit: MetroPermit,
    actor: Actor,
    action: str,
    before: str | None,
    at: datetime,
    note: str | None,
) -> None:
    """Write a line of the history of a permit, as it stands now."""
    session.add(
        MetroPermitEvent(
            permit_id=permit.id,
            position=session.scalar(_POSITION, {"id": permit.id}),
            at=at,
            person_id=actor.id,
            action=action,
            from_state=before,
            to_state=permit.state,
            note=note,
        )
    )
    session.flush()


def offered(actor: Actor, permit: MetroPermit) -> tuple[Step, ...]:
    """The steps that this person may do now."""
    may = permissions.may(actor, "permits.act")
    return permit_rules.offered(permit.state, parts(actor, permit)) if may else ()


def expire(session: Session, at: datetime) -> int:
    """End the permits whose last day is over; how many."""
    wanted = select(MetroPermit).where(MetroPermit.state == "granted", MetroPermit.ends < _day_of(session, at))
    over = session.scalars(wanted.order_by(MetroPermit.id).with_for_update(skip_locked=True)).all()
    for permit in over:
        _do(session, ENGINE, permit, "expire", at)
    return len(over)


# Monitoring

_STREAMS = text("SELECT id, code FROM city.datastream WHERE code = ANY(:codes)")
_UNLINK = text("DELETE FROM city.metro_permit_datastream WHERE permit_id = :id")
_LINK = text("INSERT INTO city.metro_permit_datastream (permit_id, datastream_id) VALUES (:id, :stream)")


def monitor(session: Session, actor: Actor, number: str, codes: Sequence[str], at: datetime) -> None:
    """Say by which datastreams (codes) the work is monitored, instead of those before."""
    permit = changeable(session, actor, number)
    known = {row.code: row.id for row in session.execute(_STREAMS, {"codes": list(codes)})}
    if missing := sorted(set(codes) - known.keys()):
        raise bad_field("datastreams", missing[0][:60], "codes of datastreams that are registered")
    session.execute(_UNLINK, {"id": permit.id})
    if known:
        session.execute(_LINK, [{"id": permit.id, "stream": stream} for stream in known.values()])
    tell(session, permit, actor, "monitor", permit.state, at, ", ".join(sorted(known)) or None)
