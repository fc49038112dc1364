"""Construction zones: recorded and changed, as versions, and asked for. What they do to cases is in `cases/zones.py`.

A change ends what was known of a zone and begins another version, at the moment it is recorded; what was known at any
moment stays readable. Days are the city's.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session

from webgis.errors import Conflict, Invalid, NotFound
from webgis.geo import SRID
from webgis.metro import construction_rules as rules
from webgis.metro.construction_models import ConstructionLine, ConstructionPhase, ConstructionZone
from webgis.metro.construction_rules import PHASES, Line, NightPermit, Phase, Plan

OF_ZONE = (
    "name_zh", "name_en", "project", "permit_number", "owner", "contractor", "supervisor", "first_day", "last_day",
    "road", "width_left_m", "works_from", "works_until", "patrols", "illustrative",
)  # fmt: skip
"""Columns of a version that are as in the plan."""

_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended('webgis construction zones', 0))")
_SPAN = text(
    "SELECT tstzrange(CAST(:first AS timestamp) AT TIME ZONE :zone,"
    " (CAST(:last AS date) + 1)::timestamp AT TIME ZONE :zone) AS span"
)
_END = text(
    "UPDATE city.construction_zone SET recorded = tstzrange(lower(recorded), :at)"
    " WHERE code = :code AND upper_inf(recorded) AND lower(recorded) < :at RETURNING version"
)
_CHANGED = text("SELECT fn.layer_changed('construction')")
_IN_GRID = text(
    "SELECT EXISTS (SELECT FROM city.cell c"
    " WHERE upper_inf(c.valid) AND ST_Intersects(c.geom, ST_GeomFromWKB(:ground, :srid)))"
)
_KNOWN = {
    "departments": text("SELECT d.code FROM city.department d WHERE d.code = ANY(CAST(:codes AS text[]))"),
    "points": text("SELECT d.code FROM city.datastream d WHERE d.code = ANY(CAST(:codes AS text[]))"),
}


@dataclass(frozen=True)
class Kept:
    """What became of some plans: codes of zones that are new, changed, and as they were; what was known before of those
    that are changed."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    before: Mapping[str, Plan]


def keep(
    session: Session, plans: Sequence[Plan], *, at: datetime, by: int | None = None, read: int | None = None
) -> Kept:
    """Make the zones of these plans be known so from the moment `at` (aware) on; those that are so already are left.

    `Invalid` ("metro.bad-zone") for a plan that cannot be, lies outside the grid, names an unknown department or
    datastream, or is to be recorded before what is known already; one code twice. `Conflict` ("metro.zone-stale") for
    one that changes another version than `read`, if that is given.
    """
    session.execute(_TURN)
    wanted = [rules.checked(plan) for plan in plans]
    if found := refusals(session, wanted):
        raise found[0]
    now = {code: plan for code in [plan.code for plan in wanted] if (plan := plan_of(session, code)) is not None}
    fresh = [plan for plan in wanted if now.get(plan.code) != plan]
    for plan in fresh:
        if read is not None:
            _check_read(session, plan.code, read)
        _record(session, plan, at, by, known=plan.code in now)
    if fresh:
        session.execute(_CHANGED)
    codes = [plan.code for plan in fresh]
    return Kept(
        tuple(code for code in codes if code not in now),
        tuple(code for code in codes if code in now),
        tuple(plan.code for plan in wanted if plan.code not in codes),
        {code: now[code] for code in codes if code in now},
    )


def withdraw(session: Session, code: str, *, at: datetime) -> None:
    """A zone is none from the moment `at` on (it was entered by mistake, say); cases that it had keep it."""
    session.execute(_TURN)
    require(session, code)
    if session.execute(_END, {"code": code, "at": at}).one_or_none() is None:
        raise _too_early(code, at)
    session.execute(_CHANGED)


def _check_read(session: Session, code: str, read: int) -> None:
    zone = version_of(session, code)
    if zone is None or zone.version != read:
        raise Conflict(
            "metro.zone-stale",
            f"Construction zone {code} has changed since version {read}; read it again",
            field="version",
            got=read,
            version=zone and zone.version,
        )


def refusals(session: Session, plans: Sequence[Plan]) -> list[Invalid]:
    """Why plans (`rules.checked`) cannot be recorded here, one refusal for each that cannot, in their order: a code
    twice, ground outside the grid, departments or datastreams that there are not."""
    many = Counter(plan.code for plan in plans)
    known = {
        "departments": _known(session, "departments", {code for plan in plans for _, code in _departments(plan)}),
        "points": _known(session, "points", {point for plan in plans for point in plan.points}),
    }
    return [found for plan in plans if (found := _refusal(session, plan, many[plan.code] > 1, known)) is not None]


def _known(session: Session, what: str, codes: set[str]) -> set[str]:
    return set(session.scalars(_KNOWN[what], {"codes": sorted(codes)})) if codes else set()


def _departments(plan: Plan) -> list[tuple[str, str]]:
    named = (("department", plan.department), ("metro_department", plan.metro_department))
    return [(name, code) for name, code in named if code is not None]


def _refusal(session: Session, plan: Plan, twice: bool, known: Mapping[str, set[str]]) -> Invalid | None:
    if twice:
        return rules.refused(plan.code, "code", plan.code, "each zone once")
    if not session.scalar(_IN_GRID, {"ground": plan.ground.wkb, "srid": SRID}):
        return rules.refused(plan.code, "ground", plan.ground.bounds, "ground that touches the city's grid")
    for name, code in _departments(plan):
        if code not in known["departments"]:
            return rules.refused(plan.code, name, code, "the code of a department")
    if unknown := set(plan.points) - known["points"]:
        return rules.refused(plan.code, "points", min(unknown), "codes of datastreams")
    return None


def _too_early(code: str, at: datetime) -> Invalid:
    return rules.refused(code, "at", at, "a moment after the zone was last changed")


def _record(session: Session, plan: Plan, at: datetime, by: int | None, *, known: bool) -> None:
    if known and session.execute(_END, {"code": plan.code, "at": at}).one_or_none() is None:
        raise _too_early(plan.code, at)
    last = session.scalar(select(func.max(ConstructionZone.version)).where(ConstructionZone.code == plan.code))
    zone = ConstructionZone(
        code=plan.code,
        version=(last or 0) + 1,
        recorded=func.tstzrange(at, None),
        recorded_by=by,
        department_code=plan.department,
        metro_department_code=plan.metro_department,
        valid=_span(session, plan.first_day, plan.last_day),
        night_permits=[
            {"number": one.number, "first_day": one.first_day.isoformat(), "last_day": one.last_day.isoformat()}
            for one in plan.night_permits
        ],
        points=list(plan.points),
        geom=from_shape(plan.ground, srid=SRID),
        **{name: getattr(plan, name) for name in OF_ZONE},
    )
    session.add(zone)
    session.flush()
    for one in plan.phases:
        days = {"first_day": one.first_day, "last_day": one.last_day, "valid": _span(session, *_days(plan, one))}
        session.add(ConstructionPhase(zone_id=zone.id, kind=one.kind, place=PHASES.index(one.kind), **days))
    for one in plan.lines:
        days = {"first_day": one.first_day, "last_day": one.last_day, "valid": _span(session, *_days(plan, one))}
        shape = from_shape(one.shape, srid=SRID)
        session.add(ConstructionLine(zone_id=zone.id, kind=one.kind, words=one.words, geom=shape, **days))
    session.flush()


def _days(plan: Plan, one: Phase | Line) -> tuple[date, date | None]:
    return one.first_day or plan.first_day, one.last_day or plan.last_day


def _span(session: Session, first: date, last: date | None) -> Any:
    """From the beginning of the first day to the end of the last, in the city's time."""
    zone = session.info["settings"].timezone
    return session.scalar(_SPAN, {"first": first, "last": last, "zone": zone})


# Questions


def unknown(code: str) -> NotFound:
    """The refusal for a zone that there is not."""
    return NotFound("metro.zone-unknown", f"There is no construction zone {code}", got=code)


def version_of(session: Session, code: str, at: datetime | None = None) -> ConstructionZone | None:
    """What is known of a zone now, or was known at a moment; None when nothing."""
    known = ConstructionZone.recorded.contains(at) if at else func.upper_inf(ConstructionZone.recorded)
    return session.scalar(select(ConstructionZone).where(ConstructionZone.code == code, known))


def require(session: Session, code: str, version: int | None = None) -> ConstructionZone:
    """What is known of a zone now, or a version of it; `NotFound` when there is none."""
    if version is None:
        found = version_of(session, code)
    else:
        found = session.scalar(select(ConstructionZone).filter_by(code=code, version=version))
    if found is None:
        raise unknown(code)
    return found


def versions(session: Session, code: str) -> Sequence[ConstructionZone]:
    """Everything that was ever known of a zone, newest first."""
    asked = select(ConstructionZone).where(ConstructionZone.code == code).order_by(ConstructionZone.version.desc())
    return session.scalars(asked).all()


def phases_of(session: Session, zone_id: int) -> list[Phase]:
    """The phases of a version, in order."""
    asked = select(ConstructionPhase).where(ConstructionPhase.zone_id == zone_id)
    rows = session.scalars(asked.order_by(ConstructionPhase.first_day, ConstructionPhase.place))
    return [Phase(one.kind, one.first_day, one.last_day) for one in rows]


def lines_of(session: Session, zone_id: int) -> list[Line]:
    """The lines of traffic of a version, in the order in which they were given."""
    rows = session.scalars(select(ConstructionLine).where(ConstructionLine.zone_id == zone_id).order_by("id"))
    return [Line(one.kind, to_shape(one.geom), one.words, one.first_day, one.last_day) for one in rows]


def plan_of(session: Session, code: str) -> Plan | None:
    """What is known of a zone now, as a plan; None when nothing."""
    zone = version_of(session, code)
    return None if zone is None else as_plan(session, zone)


def as_plan(session: Session, zone: ConstructionZone) -> Plan:
    """A version as a plan."""
    return Plan(
        code=zone.code,
        ground=to_shape(zone.geom),
        department=zone.department_code,
        metro_department=zone.metro_department_code,
        night_permits=tuple(
            NightPermit(one["number"], date.fromisoformat(one["first_day"]), date.fromisoformat(one["last_day"]))
            for one in zone.night_permits
        ),
        points=tuple(zone.points),
        phases=tuple(phases_of(session, zone.id)),
        lines=tuple(lines_of(session, zone.id)),
        **{name: getattr(zone, name) for name in OF_ZONE},
    )


_LISTED = text(
    """
    SELECT z.id, z.code, z.version, z.name_zh, z.name_en, z.project, z.contractor, z.first_day, z.last_day, z.road,
           z.width_left_m, z.illustrative, z.department_code, z.patrols, fn.construction_phase(z.id, :at) AS phase,
           z.valid @> CAST(:at AS timestamptz) AS there, lower(z.valid) > CAST(:at AS timestamptz) AS ahead,
           ST_AsGeoJSON(z.geom, 7, 0)::jsonb AS geometry
    FROM city.construction_zone z
    WHERE z.recorded @> CAST(:known AS timestamptz)
        AND (CAST(:code AS text) IS NULL OR z.code = :code)
        AND (CAST(:west AS float8) IS NULL OR z.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490))
    ORDER BY there DESC, z.first_day DESC, z.code LIMIT :most
    """
)
MOST_ZONES = 2000


def listed(
    session: Session,
    at: datetime,
    *,
    known: datetime | None = None,
    code: str | None = None,
    box: tuple[float, float, float, float] | None = None,
) -> Sequence[Row]:
    """The zones by what is known at `known` (the same moment when left out), those with works at the moment `at` first;
    one code, or those that touch a box (degrees), if given."""
    corners = dict(zip(("west", "south", "east", "north"), box or (None,) * 4, strict=True))
    given = {"at": at, "known": known or at, "code": code, "most": MOST_ZONES} | corners
    return session.execute(_LISTED, given).all()
