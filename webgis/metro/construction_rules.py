"""Rules of construction zones as values: phases, lines of traffic, hours, whether a plan of a zone can be. Pure.

Days are the city's, the first and the last both included. A zone may have several phases at once; the one that began
last holds, of those that began together the later in the order of `PHASES`.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from typing import Any

import shapely

from webgis.errors import Invalid
from webgis.texts import storable

PHASES = ("hoarding", "utilities", "excavation", "structure", "backfill", "restored")
"""The phases of works in their usual order: hoarding put up, utilities moved, ... , the road restored."""

PHASE_WORDS = {
    "hoarding": ("围挡", "Hoarding"),
    "utilities": ("管线迁改", "Utilities moved"),
    "excavation": ("土方开挖", "Excavation"),
    "structure": ("主体结构", "Main structure"),
    "backfill": ("回填", "Backfill"),
    "restored": ("道路恢复", "Road restored"),
}
LINES = ("closure", "narrowed", "diversion")
"""What works do to traffic: a road closed, a road made narrower, the way round."""

LINE_WORDS = {
    "closure": ("道路封闭", "Road closed"),
    "narrowed": ("占道施工", "Road narrowed"),
    "diversion": ("绕行路线", "Diversion"),
}
WAYS = ("act", "track")
"""How a patrol was done: said on the phone, or the track of a shift went through the zone."""

SEVERITIES = ("ordinary", "serious", "urgent")

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_NO_CODES = ("new", "contractors")
"""Pages stand at these addresses."""

LONGEST_NAME = 200
MOST_LINES = 50
MOST_POINTS = 100
LONGEST_NUMBER = 100
MOST_VERTICES = 5000
LARGEST_M2 = 5e6
"""A zone that covers more than 5 km2 is a wrong outline."""

EARLIEST, LATEST = date(1990, 1, 1), date(2200, 12, 31)
"""Days of plans lie between; beyond are slips of the pen, and days that have no next one."""

DIGITS = 7
"""Of degrees: a centimetre, and as many as GeoJSON keeps, so that a zone from a file is the one that went into it."""

WIDEST_M = 200.0
MOST_PATROLS = 24


@dataclass(frozen=True)
class Phase:
    """A phase of the works: its kind, its first and last day."""

    kind: str
    first_day: date
    last_day: date


@dataclass(frozen=True)
class Line:
    """What the works do to traffic along a line (CGCS2000 degrees); without days as long as the zone."""

    kind: str
    shape: shapely.LineString
    words: str | None = None
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True)
class NightPermit:
    """A permit to work at night (22:00 to 06:00): its number, its first and last night."""

    number: str
    first_day: date
    last_day: date


@dataclass(frozen=True)
class Plan:
    """A construction zone as it shall be. `ground` is a (multi)polygon in CGCS2000 degrees; `last_day` None: no end is
    known; `width_left_m` is what the works leave of the road; `points` are codes of datastreams that watch the works;
    `patrols` visits that are due each day."""

    code: str
    name_zh: str
    project: str
    contractor: str
    first_day: date
    ground: Any
    last_day: date | None = None
    name_en: str | None = None
    permit_number: str | None = None
    owner: str | None = None
    supervisor: str | None = None
    department: str | None = None
    metro_department: str | None = None
    road: str | None = None
    width_left_m: float | None = None
    works_from: time | None = None
    works_until: time | None = None
    night_permits: tuple[NightPermit, ...] = ()
    points: tuple[str, ...] = ()
    patrols: int = 2
    illustrative: bool = False
    phases: tuple[Phase, ...] = ()
    lines: tuple[Line, ...] = ()


def holding(phases: Sequence[Phase], day: date) -> str | None:
    """The kind of the phase that holds on a day, or None."""
    there = [one for one in phases if one.first_day <= day <= one.last_day]
    return max(there, key=lambda one: (one.first_day, PHASES.index(one.kind))).kind if there else None


def checked(plan: Plan) -> Plan:
    """The plan, its phases in order, its ground a multipolygon, degrees with `DIGITS`; `Invalid` ("metro.bad-zone") for
    what cannot be."""
    _check_texts(plan)
    _check_days(plan)
    _check_rest(plan)
    ordered = tuple(sorted(plan.phases, key=lambda one: (one.first_day, PHASES.index(one.kind))))
    lines = tuple(replace(one, shape=_rounded(one.shape)) for one in plan.lines)
    return replace(plan, ground=_ground(plan), phases=ordered, lines=lines)


def _check_texts(plan: Plan) -> None:
    names = ("name_zh", "name_en", "project", "contractor", "permit_number", "owner", "supervisor", "road")
    texts: Mapping[str, str | None] = {name: getattr(plan, name) for name in names}
    for name, text in texts.items():
        if name in ("name_zh", "project", "contractor") and not (text or "").strip():
            raise refused(plan.code, name, text, "a text")
        if text is not None and (len(text) > LONGEST_NAME or not storable(text)):
            raise refused(plan.code, name, len(text), f"at most {LONGEST_NAME} characters")
    if not _CODE.fullmatch(plan.code) or plan.code in _NO_CODES:
        accepted = "1 to 40 of A-Z, a-z, 0-9, point, hyphen, underscore; a letter or digit first"
        raise refused(plan.code, "code", plan.code, f"{accepted}; not {' or '.join(_NO_CODES)}")


def _check_days(plan: Plan) -> None:
    for name in ("first_day", "last_day"):
        if (day := getattr(plan, name)) is not None and not EARLIEST <= day <= LATEST:
            raise refused(plan.code, name, day, f"a day from {EARLIEST} to {LATEST}")
    if plan.last_day is not None and plan.last_day < plan.first_day:
        raise refused(plan.code, "last_day", plan.last_day, f"{plan.first_day}, the first day, or later")
    kinds = [one.kind for one in plan.phases]
    for one in plan.phases:
        if one.kind not in PHASES or kinds.count(one.kind) > 1:
            raise refused(plan.code, "phases", one.kind, f"each of {', '.join(PHASES)} at most once")
        _check_span(plan, "phases", one)
    for one in plan.lines:
        if one.kind not in LINES:
            raise refused(plan.code, "lines", one.kind, f"one of {', '.join(LINES)}")
        _check_span(plan, "lines", one)
    for one in plan.night_permits:
        if not 1 <= len(one.number.strip()) <= LONGEST_NUMBER or not set(";；\0\n").isdisjoint(one.number):
            accepted = f"numbers of 1 to {LONGEST_NUMBER} characters without ;"
            raise refused(plan.code, "night_permits", one.number, accepted)
        _check_span(plan, "night_permits", one)


def _check_span(plan: Plan, field: str, one: Phase | Line | NightPermit) -> None:
    """What is part of a zone's time lies in it, and ends no earlier than it begins."""
    first, last = one.first_day or plan.first_day, one.last_day or plan.last_day
    if last is not None and last < first:
        raise refused(plan.code, field, f"{first} to {last}", "a last day that is not before the first")
    if first < plan.first_day or (plan.last_day is not None and (last is None or last > plan.last_day)):
        accepted = f"days of the zone, {plan.first_day} to {plan.last_day or '...'}"
        raise refused(plan.code, field, f"{first} to {last or '...'}", accepted)
    if last is not None and last > LATEST:
        raise refused(plan.code, field, f"{first} to {last}", f"days up to {LATEST}")


def _check_rest(plan: Plan) -> None:
    if (plan.works_from is None) != (plan.works_until is None):
        raise refused(plan.code, "works_until", plan.works_until, "both hours or none")
    if plan.width_left_m is not None and not 0 <= plan.width_left_m <= WIDEST_M:
        raise refused(plan.code, "width_left_m", plan.width_left_m, f"metres, 0 to {WIDEST_M:g}")
    if not 0 <= plan.patrols <= MOST_PATROLS:
        raise refused(plan.code, "patrols", plan.patrols, f"visits a day, 0 to {MOST_PATROLS}")
    for name, most in (("lines", MOST_LINES), ("points", MOST_POINTS)):
        if (count := len(getattr(plan, name))) > most:
            raise refused(plan.code, name, count, f"at most {most}")
    for line in plan.lines:
        if not isinstance(line.shape, shapely.LineString) or line.shape.is_empty or not line.shape.is_valid:
            raise refused(plan.code, "lines", getattr(line.shape, "geom_type", None), "a line of two places or more")


def _ground(plan: Plan) -> shapely.MultiPolygon:
    ground = plan.ground
    if not isinstance(ground, shapely.Polygon | shapely.MultiPolygon) or ground.is_empty:
        raise refused(plan.code, "ground", getattr(ground, "geom_type", None), "a polygon, or several")
    if shapely.get_num_coordinates(ground) > MOST_VERTICES:
        raise refused(plan.code, "ground", int(shapely.get_num_coordinates(ground)), f"at most {MOST_VERTICES} corners")
    ground = _rounded(ground)
    if not ground.is_valid:
        raise refused(plan.code, "ground", shapely.is_valid_reason(ground), "an outline that does not cross itself")
    if (m2 := square_metres(ground)) > LARGEST_M2:
        raise refused(plan.code, "ground", f"about {m2 / 1e6:.1f} km2", f"at most {LARGEST_M2 / 1e6:g} km2")
    return ground if isinstance(ground, shapely.MultiPolygon) else shapely.MultiPolygon([ground])


def _rounded(shape: Any) -> Any:
    return shapely.transform(shapely.force_2d(shape), lambda degrees: degrees.round(DIGITS))


def square_metres(ground: Any) -> float:
    """How much ground an outline in degrees covers; of something as small as works within a hundredth."""
    return shapely.area(ground) * 111_320**2 * math.cos(math.radians(ground.centroid.y))


def refused(code: str, field: str, got: Any, accepted: str) -> Invalid:
    """The refusal of a zone's plan for one field."""
    return Invalid(
        "metro.bad-zone",
        f"Construction zone {code}: {field} is {got}; accepted: {accepted}",
        field=field,
        zone=code,
        got=got if got is None or isinstance(got, int | float) else str(got)[:200],
        accepted=accepted,
    )
