"""Construction zones: recorded and changed, as versions, and asked for. What they do to cases is in `cases/zones.py`.

A change ends what was known of a zone and begins another version, at the moment it is recorded; what was known at any
moment stays readable. Days are the city's.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import Row, func, select, text
from sqlalchemy.dialects.postgresql import Range
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
_SPANS = text(
    """
    SELECT d.first, d.last, tstzrange(CAST(d.first AS timestamp) AT TIME ZONE :zone,
                                      (d.last + 1)::timestamp AT TIME ZONE :zone) AS span
    FROM unnest(CAST(:firsts AS date[]), CAST(:lasts AS date[])) d (first, last)
    """
)
_END = text(
    "UPDATE city.construction_zone SET recorded = tstzrange(lower(recorded), :at)"
    " WHERE code = ANY(:codes) AND upper_inf(recorded) AND lower(recorded) < :at RETURNING code"
)
_LAST = text("SELECT code, max(version) FROM city.construction_zone WHERE code = ANY(:codes) GROUP BY code")
_CHANGED = text("SELECT fn.layer_changed('construction')")
_IN_GRID = text(
    """
    SELECT EXISTS (SELECT FROM city.cell c WHERE upper_inf(c.valid) AND ST_Intersects(c.geom, g.geom))
    FROM unnest(CAST(:grounds AS bytea[])) WITH ORDINALITY n (ground, turn)
    CROSS JOIN LATERAL (SELECT ST_GeomFromWKB(n.ground, :srid) AS geom OFFSET 0) g ORDER BY n.turn
    """
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
    now = plans_of(session, [plan.code for plan in wanted])
    fresh = [plan for plan in wanted if now.get(plan.code) != plan]
    for plan in fresh if read is not None else ():
        _check_read(session, plan.code, read)
    codes = [plan.code for plan in fresh]
    _end(session, [code for code in codes if code in now], at)
    if fresh:
        _record(session, fresh, at, by)
        session.execute(_CHANGED)
    others = set(codes)
    return Kept(
        tuple(code for code in codes if code not in now),
        tuple(code for code in codes if code in now),
        tuple(plan.code for plan in wanted if plan.code not in others),
        {code: now[code] for code in codes if code in now},
    )


def withdraw(session: Session, code: str, *, at: datetime) -> None:
    """A zone is none from the moment `at` on (it was entered by mistake, say); cases that it had keep it."""
    session.execute(_TURN)
    require(session, code)
    _end(session, [code], at)
    session.execute(_CHANGED)


def _end(session: Session, codes: Sequence[str], at: datetime) -> None:
    """End what is known now of zones."""
    ended = set(session.scalars(_END, {"codes": list(codes), "at": at}))
    if late := next((code for code in codes if code not in ended), None):
        raise rules.refused(late, "at", at, "a moment after the zone was last changed")


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
    inside = session.scalars(_IN_GRID, {"grounds": [plan.ground.wkb for plan in plans], "srid": SRID}).all()
    found = (_refusal(plan, many[plan.code] > 1, in_grid, known) for plan, in_grid in zip(plans, inside, strict=True))
    return [one for one in found if one is not None]


def _known(session: Session, what: str, codes: set[str]) -> set[str]:
    return set(session.scalars(_KNOWN[what], {"codes": sorted(codes)})) if codes else set()


def _departments(plan: Plan) -> list[tuple[str, str]]:
    named = (("department", plan.department), ("metro_department", plan.metro_department))
    return [(name, code) for name, code in named if code is not None]


def _refusal(plan: Plan, twice: bool, in_grid: bool, known: Mapping[str, set[str]]) -> Invalid | None:
    if twice:
        return rules.refused(plan.code, "code", plan.code, "each zone once")
    if not in_grid:
        return rules.refused(plan.code, "ground", plan.ground.bounds, "ground that touches the city's grid")
    for name, code in _departments(plan):
        if code not in known["departments"]:
            return rules.refused(plan.code, name, code, "the code of a department")
    if unknown := set(plan.points) - known["points"]:
        return rules.refused(plan.code, "points", min(unknown), "codes of datastreams")
    return None


def _record(session: Session, plans: Sequence[Plan], at: datetime, by: int | None) -> None:
    """Make these plans the newest versions of their zones."""
    last = dict(session.execute(_LAST, {"codes": [plan.code for plan in plans]}).all())
    spans = _spans(session, plans)
    zones = [_version(plan, last.get(plan.code, 0) + 1, at, by, spans) for plan in plans]
    session.add_all(zones)
    session.flush()
    for plan, zone in zip(plans, zones, strict=True):
        session.add_all(_phase(plan, one, zone.id, spans) for one in plan.phases)
        session.add_all(_line(plan, one, zone.id, spans) for one in plan.lines)
    session.flush()


Spans = Mapping[tuple[date, date | None], Any]
"""By first and last day: from the beginning of the first to the end of the last, in the city's time."""


def _version(plan: Plan, number: int, at: datetime, by: int | None, spans: Spans) -> ConstructionZone:
    return ConstructionZone(
        code=plan.code,
        version=number,
        recorded=Range(at, None),
        recorded_by=by,
        department_code=plan.department,
        metro_department_code=plan.metro_department,
        valid=spans[plan.first_day, plan.last_day],
        night_permits=[
            {"number": one.number, "first_day": one.first_day.isoformat(), "last_day": one.last_day.isoformat()}
            for one in plan.night_permits
        ],
        points=list(plan.points),
        geom=from_shape(plan.ground, srid=SRID),
        **{name: getattr(plan, name) for name in OF_ZONE},
    )


def _phase(plan: Plan, one: Phase, zone_id: int, spans: Spans) -> ConstructionPhase:
    days = {"first_day": one.first_day, "last_day": one.last_day, "valid": spans[_days(plan, one)]}
    return ConstructionPhase(zone_id=zone_id, kind=one.kind, place=PHASES.index(one.kind), **days)


def _line(plan: Plan, one: Line, zone_id: int, spans: Spans) -> ConstructionLine:
    days = {"first_day": one.first_day, "last_day": one.last_day, "valid": spans[_days(plan, one)]}
    shape = from_shape(one.shape, srid=SRID)
    return ConstructionLine(zone_id=zone_id, kind=one.kind, words=one.words, geom=shape, **days)


def _days(plan: Plan, one: Phase | Line) -> tuple[date, date | None]:
    return one.first_day or plan.first_day, one.last_day or plan.last_day


def _spans(session: Session, plans: Sequence[Plan]) -> Spans:
    days = {(plan.first_day, plan.last_day) for plan in plans}
    days |= {_days(plan, one) for plan in plans for one in (*plan.phases, *plan.lines)}
    firsts, lasts = ([one[place] for one in days] for place in (0, 1))
    asked = {"firsts": firsts, "lasts": lasts, "zone": session.info["settings"].timezone}
    return {(row.first, row.last): row.span for row in session.execute(_SPANS, asked)}


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
    return _phases(session, [zone_id])[zone_id]


def _phases(session: Session, zone_ids: Sequence[int]) -> Mapping[int, list[Phase]]:
    asked = select(ConstructionPhase).where(ConstructionPhase.zone_id.in_(zone_ids))
    found: dict[int, list[Phase]] = defaultdict(list)
    for one in session.scalars(asked.order_by(ConstructionPhase.first_day, ConstructionPhase.place)):
        found[one.zone_id].append(Phase(one.kind, one.first_day, one.last_day))
    return found


def lines_of(session: Session, zone_id: int) -> list[Line]:
    """The lines of traffic of a version, in the order in which they were given."""
    return _lines(session, [zone_id])[zone_id]


def _lines(session: Session, zone_ids: Sequence[int]) -> Mapping[int, list[Line]]:
    found: dict[int, list[Line]] = defaultdict(list)
    asked = select(ConstructionLine).where(ConstructionLine.zone_id.in_(zone_ids)).order_by("id")
    for one in session.scalars(asked):
        found[one.zone_id].append(Line(one.kind, to_shape(one.geom), one.words, one.first_day, one.last_day))
    return found


def plan_of(session: Session, code: str) -> Plan | None:
    """What is known of a zone now, as a plan; None when nothing."""
    return plans_of(session, [code]).get(code)


def plans_of(session: Session, codes: Sequence[str]) -> dict[str, Plan]:
    """What is known now of those of these zones that there are, as plans by code."""
    known = func.upper_inf(ConstructionZone.recorded)
    zones = session.scalars(select(ConstructionZone).where(ConstructionZone.code.in_(codes), known)).all()
    ids = [zone.id for zone in zones]
    phases, lines = _phases(session, ids), _lines(session, ids)
    return {zone.code: _as_plan(zone, phases[zone.id], lines[zone.id]) for zone in zones}


def as_plan(session: Session, zone: ConstructionZone) -> Plan:
    """A version as a plan."""
    return _as_plan(zone, phases_of(session, zone.id), lines_of(session, zone.id))


def _as_plan(zone: ConstructionZone, phases: Sequence[Phase], lines: Sequence[Line]) -> Plan:
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
        phases=tuple(phases),
        lines=tuple(lines),
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
