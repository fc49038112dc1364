"""Construction zones in files: GeoJSON and GeoPackage, polygons with fields, and lines of traffic beside them.

A feature with a polygon is a zone; one with a line is a road closed, narrowed, or the way round, of the zone that its
field `zone` names. The export is read back by the import.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from sqlalchemy.orm import Session

from webgis.catalog.sheets import Fault
from webgis.errors import Invalid
from webgis.grid import fields, files
from webgis.metro import construction, construction_wire
from webgis.metro.construction_rules import Plan, checked

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
    "patrols": ("patrols", "每日巡查"),
    "phases": ("phases", "阶段"),
    "points": ("points", "监测点"),
    "illustrative": ("illustrative", "示意"),
    "zone": ("zone", "管控区"),
    "line": ("line", "交通"),
    "words": ("words", "说明"),
}
"""Meaning -> what a file may call the field."""

OF_LINES = ("zone", "line", "words")
_LINES = ("LineString", "MultiLineString")
_YES = {"1", "true", "yes", "t", "是"}


@dataclass(frozen=True)
class Read:
    """What a file holds: plans, and what is wrong with it."""

    crs: str
    rows: int
    plans: Sequence[Plan] = ()
    faults: Sequence[Fault] = ()
    notes: list[str] = field(default_factory=list)


def read(path: Path, crs: str | None = None) -> Read:
    """The construction zones of a file; `crs` as in `files.read`. A row that cannot be is a fault, not an end."""
    layer = files.read(path, crs)
    found = fields.chosen(layer, FIELDS, {})
    texts = {name: fields.texts(layer, found, name) for name in FIELDS}
    faults: list[Fault] = []
    plans: dict[str, Plan] = {}
    lines: dict[str, list[dict[str, Any]]] = {}
    told = [{name: values[at] for name, values in texts.items()} for at in range(len(layer.geoms))]
    for one, geom in zip(told, layer.geoms, strict=True):
        if geom is not None and geom.geom_type in _LINES:
            lines.setdefault(one["zone"] or "", []).append(_line(one, geom))
    for at, geom in enumerate(layer.geoms):
        if geom is None or geom.geom_type not in _LINES:
            _zone(at + 1, told[at], geom, lines, plans, faults)
    for code in lines.keys() - plans.keys():
        if not any(code == one["code"] for one in told):
            english = f"A line names zone {code!r}, which is not in the file"
            faults.append(Fault(None, "zone", english, f"线要素所属管控区“{code}”不在文件中"))
    return Read(layer.crs, len(layer.geoms), tuple(plans.values()), faults, layer.notes)


def _line(told: Mapping[str, str | None], geom: Any) -> dict[str, Any]:
    days = {name: told[name] for name in ("first_day", "last_day", "words") if told[name]}
    return days | {"kind": told["line"], "coordinates": shapely.get_coordinates(geom).tolist()}


def _zone(
    row: int,
    told: Mapping[str, str | None],
    geom: Any,
    lines: Mapping[str, list],
    plans: dict[str, Plan],
    faults: list[Fault],
) -> None:
    code = told["code"] or ""
    try:
        given = {name: value for name, value in told.items() if name not in (*OF_LINES, "code") and value}
        given |= {
            "phases": construction_wire.read_phases(code, told["phases"] or ""),
            "points": [point for point in (told["points"] or "").replace("；", ";").split(";") if point.strip()],
            "lines": lines.get(code, []),
            "illustrative": (told["illustrative"] or "").lower() in _YES,
            "geometry": {} if geom is None else shapely.geometry.mapping(geom),
            "crs": "cgcs2000",
        }
        plan = checked(construction_wire.plan(code, construction_wire.as_given(given)))
    except Invalid as error:
        column, got = error.facts.get("field", "code"), error.facts.get("got")
        faults.append(Fault(row, column, error.message, f"{code}：{column} 不可用（{'空' if got is None else got}）"))
        return
    if code in plans:
        faults.append(Fault(row, "code", f"Zone {code} is in the file twice", f"管控区 {code} 在文件中重复"))
        return
    plans[code] = plan


def write(session: Session, path: Path, crs: str = "wgs84", *, at: datetime) -> int:
    """What is known at a moment (now) of all zones, as a file that `read` reads back; returns how many there are."""
    codes = [row.code for row in construction.listed(session, at)]
    plans = [plan for code in codes if (plan := construction.plan_of(session, code)) is not None]
    rows = [(plan.ground, _zone_fields(plan)) for plan in plans]
    rows += [(line.shape, _line_fields(plan, line)) for plan in plans for line in plan.lines]
    columns = {name: [told.get(name) for _shape, told in rows] for name in FIELDS}
    files.write(path, np.array([shape for shape, _told in rows], dtype=object), columns, crs)
    return len(plans)


def _zone_fields(plan: Plan) -> dict[str, str | None]:
    told = {name: _text(getattr(plan, name)) for name in FIELDS if hasattr(plan, name)}
    return told | {"phases": construction_wire.phases_text(plan.phases), "points": ";".join(plan.points)}


def _line_fields(plan: Plan, line: Any) -> dict[str, str | None]:
    days = {"first_day": _text(line.first_day), "last_day": _text(line.last_day)}
    return days | {"zone": plan.code, "line": line.kind, "words": line.words}


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)


def faulty(path: Path, faults: Sequence[Fault]) -> Invalid:
    """The refusal of a file in which something is wrong."""
    return Invalid(
        "catalog.file-faults", f"{path.name}: {len(faults)} faults; nothing was changed", field="file", faults=faults
    )
