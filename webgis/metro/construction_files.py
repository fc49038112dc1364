"""Construction zones in files: GeoJSON and GeoPackage, polygons with fields, and lines of traffic beside them.

A feature with a polygon is a zone; one with a line is a road closed, narrowed, or the way round, of the zone that its
field `zone` names. The export is read back by the import. All of a file is taken, or nothing with every fault named.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webgis.errors import Invalid
from webgis.grid import fields, files
from webgis.metro import construction, construction_rules, construction_wire
from webgis.metro.construction import Kept
from webgis.metro.construction_models import ConstructionZone
from webgis.metro.construction_rules import Plan
from webgis.texts import YES

FIELDS = {
    "code": ("code", "代码", "编号"),
    "name_zh": ("name_zh", "name", "名称"),
    "name_en": ("name_en", "英文名称"),
    "project": ("project", "项目", "工程名称"),
    "permit_number": ("permit_number", "permit", "许可证号", "施工许可证"),
    "owner": ("owner", "建设单位"),
    "contractor": ("contractor", "施工单位"),
    "supervisor": ("supervisor", "监理单位"),
    "department": ("department", "责任单位代码"),
    "metro_department": ("metro_department", "地铁单位代码"),
    "first_day": ("first_day", "from", "开工日期"),
    "last_day": ("last_day", "until", "竣工日期"),
    "road": ("road", "道路"),
    "width_left_m": ("width_left_m", "剩余宽度"),
    "works_from": ("works_from", "作业开始"),
    "works_until": ("works_until", "作业结束"),
    "night_permits": ("night_permits", "夜间施工许可"),
    "patrols": ("patrols", "每日巡查"),
    "phases": ("phases", "阶段"),
    "points": ("points", "监测点"),
    "illustrative": ("illustrative", "示意"),
    "zone": ("zone", "管控区"),
    "line": ("line", "交通"),
    "words": ("words", "说明"),
}
"""Meaning -> what a file may call the field."""

NEEDED = ("code", "name_zh", "project", "contractor", "first_day")
OF_LINES = ("zone", "line", "words")
_LINES = ("LineString", "MultiLineString")
_KINDS = {word: kind for kind, words in construction_rules.LINE_WORDS.items() for word in (kind, *words)}
MOST_FEATURES = 10_000
MOST_FAULTS = 500


@dataclass(frozen=True)
class Fault:
    """What is wrong with a feature (the first of a file is 1): the zone that it is or belongs to, the field, the
    problem in English, what was there."""

    row: int
    zone: str
    column: str
    problem: str
    got: str | None = None


@dataclass(frozen=True)
class Read:
    """What a file of so many features holds: plans by code, the feature that each is, and what is wrong."""

    crs: str
    features: int
    plans: dict[str, Plan] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Feature:
    row: int
    told: Mapping[str, str | None]
    geom: Any

    @property
    def code(self) -> str:
        return self.told["code"] or ""

    @property
    def is_line(self) -> bool:
        return self.geom is not None and self.geom.geom_type in _LINES


def take(session: Session, path: Path, crs: str | None, *, at: datetime, by: int | None = None) -> tuple[Read, Kept]:
    """Make the zones of a file be known so from the moment `at` on. `Invalid` ("catalog.file-faults") when anything is
    wrong with any of them: its fact `faults` tells row, zone, column and problem of the first `MOST_FAULTS`."""
    found = read(path, crs)
    plans = list(found.plans.values())
    faults = found.faults + [
        _fault(found.rows[one.facts["zone"]], one) for one in construction.refusals(session, plans)
    ]
    if faults:
        told = [asdict(one) for one in sorted(faults, key=lambda one: one.row)]
        message = f"{path.name}: {len(faults)} faults; nothing was changed"
        raise Invalid("catalog.file-faults", message, field="file", faults=told[:MOST_FAULTS], count=len(faults))
    return found, construction.keep(session, plans, at=at, by=by)


def read(path: Path, crs: str | None = None) -> Read:
    """The construction zones of a file; `crs` as in `files.read`. A feature that cannot be is a fault, not an end."""
    layer = files.read(path, crs)
    if (many := len(layer.geoms)) > MOST_FEATURES:
        message = f"{path.name} has {many:,} features; at most {MOST_FEATURES:,} are taken at once"
        raise Invalid("metro.too-many-features", message, field="file", got=many, accepted=MOST_FEATURES)
    chosen = fields.chosen(layer, FIELDS, {})
    texts = {name: fields.texts(layer, chosen, name) for name in FIELDS}
    features = [
        _Feature(at + 1, {name: values[at] for name, values in texts.items()}, layer.geoms[at]) for at in range(many)
    ]
    lines = [one for one in features if one.is_line]
    zones = [one for one in features if not one.is_line]
    made = Read(layer.crs, many, notes=layer.notes)
    drawn = _lines(lines, {one.code for one in zones}, made.faults)
    for one in zones:
        _zone(one, drawn.get(one.code, []), made)
    return made


def _lines(features: Sequence[_Feature], zones: set[str], faults: list[Fault]) -> dict[str, list[dict[str, Any]]]:
    """The lines of each zone as they are given; of several parts each is one."""
    lines: dict[str, list[dict[str, Any]]] = {}
    for one in features:
        zone, kind = one.told["zone"] or "", one.told["line"] or ""
        if zone not in zones:
            problem = f"A line names zone {zone!r}, which is not in the file"
            faults.append(Fault(one.row, zone, "zone", problem, zone))
        elif kind not in _KINDS:
            problem = f"line is {kind!r}; accepted: {', '.join(construction_rules.LINES)}"
            faults.append(Fault(one.row, zone, "line", problem, kind))
        else:
            days = {name: one.told[name] for name in ("first_day", "last_day", "words") if one.told[name]}
            parts = [shapely.get_coordinates(part).tolist() for part in shapely.get_parts(one.geom)]
            lines.setdefault(zone, []).extend(days | {"kind": _KINDS[kind], "coordinates": part} for part in parts)
    return lines


def _zone(one: _Feature, lines: list[dict[str, Any]], made: Read) -> None:
    try:
        if one.code in made.rows:
            raise construction_rules.refused(one.code, "code", one.code, "each zone once")
        made.rows[one.code] = one.row
        for name, value in one.told.items():
            if fields.is_nested(value):
                raise construction_rules.refused(one.code, name, value, "a text or a number, no list and no object")
        made.plans[one.code] = construction_rules.checked(construction_wire.plan(one.code, _given(one, lines)))
    except Invalid as error:
        made.faults.append(_fault(one.row, error, one.code))


def _given(one: _Feature, lines: list[dict[str, Any]]) -> construction_wire.ZoneGiven:
    told = one.told
    given = {name: value for name, value in told.items() if name not in (*OF_LINES, "code") and value}
    given |= {
        "phases": construction_wire.read_phases(one.code, told["phases"] or ""),
        "night_permits": construction_wire.read_nights(one.code, told["night_permits"] or ""),
        "points": [point for part in re.split("[;；]", told["points"] or "") if (point := part.strip())],
        "lines": lines,
        "illustrative": (told["illustrative"] or "").lower() in YES,
        "geometry": {} if one.geom is None else shapely.geometry.mapping(one.geom),
        "crs": "cgcs2000",
    }
    return construction_wire.as_given(given)


def _fault(row: int, error: Invalid, code: str | None = None) -> Fault:
    facts = error.facts
    zone, got = facts.get("zone", code or ""), facts.get("got")
    return Fault(row, zone, facts.get("field", "code"), error.message, None if got is None else str(got)[:80])


def write(session: Session, path: Path, crs: str = "wgs84") -> int:
    """What is known now of all zones, as a file that `read` reads back; how many they are. `Invalid` when none."""
    known = select(ConstructionZone).where(func.upper_inf(ConstructionZone.recorded)).order_by(ConstructionZone.code)
    plans = [construction.as_plan(session, zone) for zone in session.scalars(known)]
    if not plans:
        raise Invalid("metro.nothing", "There are no construction zones to export")
    rows = [(plan.ground, _zone_fields(plan)) for plan in plans]
    rows += [(line.shape, _line_fields(plan, line)) for plan in plans for line in plan.lines]
    columns = {name: [told.get(name) for _shape, told in rows] for name in FIELDS}
    files.write(path, np.array([shape for shape, _told in rows], dtype=object), columns, crs)
    return len(plans)


def _zone_fields(plan: Plan) -> dict[str, str | None]:
    told = {name: _text(getattr(plan, name)) for name in FIELDS if hasattr(plan, name)}
    return told | {
        "phases": construction_wire.phases_text(plan.phases),
        "night_permits": construction_wire.nights_text(plan.night_permits),
        "points": ";".join(plan.points),
    }


def _line_fields(plan: Plan, line: Any) -> dict[str, str | None]:
    days = {"first_day": _text(line.first_day), "last_day": _text(line.last_day)}
    return days | {"zone": plan.code, "line": line.kind, "words": line.words}


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)
