"""Construction zones as GeoJSON: what comes in over HTTP or in a file as a plan, and a version going out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime, time
from typing import Annotated, Any, Literal

import shapely
from geoalchemy2.shape import to_shape
from pydantic import Field, StrictBool

from webgis import api, geo
from webgis.metro import construction_rules as rules
from webgis.metro.construction_models import ConstructionZone
from webgis.metro.construction_rules import LINES, PHASES, Line, NightPermit, Phase, Plan

TEXT = Field(None, max_length=rules.LONGEST_NAME)

Day = Annotated[date, Field(ge=rules.EARLIEST, le=rules.LATEST)]
"""A day that is asked for."""


class PhaseGiven(api.Given):
    """A phase of the works."""

    kind: Literal[PHASES]
    first_day: date
    last_day: date


class NightGiven(api.Given):
    """A permit to work at night."""

    number: str = Field(min_length=1, max_length=rules.LONGEST_NUMBER)
    first_day: date
    last_day: date


class LineGiven(api.Given):
    """A road closed or narrowed, or the way round."""

    kind: Literal[LINES]
    coordinates: list[tuple[float, float]] = Field(min_length=2, max_length=2000, description="longitude, latitude")
    words: str | None = TEXT
    first_day: date | None = Field(None, description="that of the zone when left out")
    last_day: date | None = None


class ZoneGiven(api.Given):
    """A construction zone as it shall be. Days are the city's, the last included."""

    name_zh: str = Field(min_length=1, max_length=rules.LONGEST_NAME)
    name_en: str | None = TEXT
    project: str = Field(min_length=1, max_length=rules.LONGEST_NAME)
    permit_number: str | None = TEXT
    owner: str | None = TEXT
    contractor: str = Field(min_length=1, max_length=rules.LONGEST_NAME)
    supervisor: str | None = TEXT
    department: str | None = Field(None, max_length=64, description="code of the contractor's department")
    metro_department: str | None = Field(None, max_length=64, description="code of the metro company's department")
    first_day: date
    last_day: date | None = Field(None, description="left out: no end is known")
    road: str | None = TEXT
    width_left_m: float | None = Field(None, ge=0, le=rules.WIDEST_M, description="of the road beside the works")
    works_from: time | None = None
    works_until: time | None = None
    night_permits: list[NightGiven] = Field(default_factory=list, max_length=50)
    points: list[str] = Field(default_factory=list, max_length=rules.MOST_POINTS, description="codes of datastreams")
    patrols: int = Field(2, ge=0, le=rules.MOST_PATROLS, description="visits due each day")
    phases: list[PhaseGiven] = Field(default_factory=list, max_length=len(PHASES))
    lines: list[LineGiven] = Field(default_factory=list, max_length=rules.MOST_LINES)
    geometry: dict[str, Any] = Field(description="a GeoJSON Polygon or MultiPolygon")
    crs: Literal[geo.CRS_NAMES] = "wgs84"
    illustrative: StrictBool = False
    version: int | None = Field(None, ge=1, le=2**31 - 1, description="the one that is changed; another now: 409")


def plan(code: str, given: ZoneGiven) -> Plan:
    """What was given as a plan, its ground and lines in CGCS2000; `Invalid` where it is no shape."""
    told = given.model_dump(exclude={"geometry", "crs", "phases", "lines", "night_permits", "points", "version"})
    return Plan(
        code=code,
        ground=_ground(code, given),
        phases=tuple(Phase(one.kind, one.first_day, one.last_day) for one in given.phases),
        lines=tuple(_line(one, given.crs) for one in given.lines),
        night_permits=tuple(NightPermit(one.number, one.first_day, one.last_day) for one in given.night_permits),
        points=tuple(given.points),
        **told,
    )


def _ground(code: str, given: ZoneGiven) -> Any:
    shape = geo.read_geojson(given.geometry)
    if not isinstance(shape, shapely.Polygon | shapely.MultiPolygon) or shape.is_empty:
        got = str(given.geometry)[:80] if shape is None else shape.geom_type
        raise rules.refused(code, "ground", got, "a GeoJSON Polygon or MultiPolygon")
    return geo.transform_geometry(shape, given.crs)


def _line(one: LineGiven, crs: str) -> Line:
    shape = geo.transform_geometry(shapely.LineString(one.coordinates), crs)
    return Line(one.kind, shape, one.words, one.first_day, one.last_day)


# Going out


def feature(zone: ConstructionZone, phases: Sequence[Phase], lines: Sequence[Line], at: datetime) -> dict[str, Any]:
    """A version as a Feature, with everything that is known of it."""
    day = at.date()
    properties = {
        name: getattr(zone, name)
        for name in (
            "code", "version", "name_zh", "name_en", "project", "permit_number", "owner", "contractor", "supervisor",
            "first_day", "last_day", "road", "width_left_m", "night_permits", "points", "patrols", "illustrative",
        )
    }  # fmt: skip
    properties |= {
        "department": zone.department_code,
        "metro_department": zone.metro_department_code,
        "works_from": zone.works_from and f"{zone.works_from:%H:%M}",
        "works_until": zone.works_until and f"{zone.works_until:%H:%M}",
        "recorded_from": zone.recorded.lower,
        "recorded_until": zone.recorded.upper,
        "phase": rules.holding(phases, day),
        "phases": [vars(one) for one in phases],
        "lines": [
            {"kind": one.kind, "words": one.words, "first_day": one.first_day, "last_day": one.last_day}
            | {"coordinates": shapely.get_coordinates(one.shape).tolist()}
            for one in lines
        ],
    }
    return {
        "type": "Feature",
        "id": zone.code,
        "geometry": shapely.geometry.mapping(to_shape(zone.geom)),
        "properties": properties,
    }


def facts(plan: Plan) -> dict[str, Any]:
    """A plan in small values, as a log or the look before a change tells it: its ground by size and place."""
    told = {one.name: getattr(plan, one.name) for one in fields(plan) if one.name not in ("code", "phases")}
    middle = plan.ground.centroid
    return {name: value.isoformat() if isinstance(value, date | time) else value for name, value in told.items()} | {
        "phases": phases_text(plan.phases),
        "night_permits": nights_text(plan.night_permits),
        "points": " ".join(plan.points),
        "lines": "; ".join(_line_facts(one) for one in plan.lines),
        "ground": f"{rules.square_metres(plan.ground):.0f} m2, {middle.x:.6f} {middle.y:.6f}",
    }


def _line_facts(line: Line) -> str:
    days = f"{line.first_day or ''}..{line.last_day or ''}" if line.first_day or line.last_day else ""
    ends = " to ".join(f"{x:.6f} {y:.6f}" for x, y in shapely.get_coordinates(line.shape)[[0, -1]])
    return " ".join(filter(None, (line.kind, line.words, days, f"({ends})")))


# Phases and permits to work at night in one text, as files and tables hold them

_SPAN = re.compile(r"(.+?)\s+(\d{4}-\d{2}-\d{2})\s*(?:\.\.|~|至)\s*(\d{4}-\d{2}-\d{2})")
_KINDS = {word: kind for kind, words in rules.PHASE_WORDS.items() for word in (kind, *words)}


def phases_text(phases: Sequence[Phase]) -> str:
    """Phases as a text that `read_phases` reads back: "hoarding 2026-06-10..2026-06-30; ..."."""
    return "; ".join(f"{one.kind} {one.first_day}..{one.last_day}" for one in phases)


def nights_text(permits: Sequence[NightPermit]) -> str:
    """Permits to work at night as a text that `read_nights` reads back: number and days as for phases."""
    return "; ".join(f"{one.number} {one.first_day}..{one.last_day}" for one in permits)


def read_phases(code: str, given: str) -> list[dict[str, str]]:
    """Phases from such a text; `Invalid` for a part that is none."""
    accepted = f"such as hoarding 2026-06-10..2026-06-30; of {', '.join(PHASES)}"
    found = _spans(code, "phases", given, accepted)
    for one in found:
        if one[0] not in _KINDS:
            raise rules.refused(code, "phases", one[0], accepted)
    return [{"kind": _KINDS[kind], "first_day": first, "last_day": last} for kind, first, last in found]


def read_nights(code: str, given: str) -> list[dict[str, str]]:
    """Permits to work at night from such a text; `Invalid` for a part that is none."""
    found = _spans(code, "night_permits", given, "such as N-1 2026-06-10..2026-06-30; ...")
    return [{"number": number, "first_day": first, "last_day": last} for number, first, last in found]


def _spans(code: str, field: str, given: str, accepted: str) -> list[tuple[str, str, str]]:
    parts = [part.strip() for part in re.split(r"[;；]", given) if part.strip()]
    found = [_SPAN.fullmatch(part) for part in parts]
    for part, match in zip(parts, found, strict=True):
        if match is None:
            raise rules.refused(code, field, part, accepted)
    return [match.groups() for match in found]


def as_given(fields: Mapping[str, Any]) -> ZoneGiven:
    """Fields as a zone that is given, empty ones left out; `Invalid` that names the first field at fault."""
    return api.checked(ZoneGiven, {name: value for name, value in fields.items() if value not in (None, "")})
