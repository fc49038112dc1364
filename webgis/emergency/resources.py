"""Resources in a table: what helps in an emergency and where it stands. Every row is looked at before any is stored."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import shapely
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from webgis import geo
from webgis.accounts import admin_log
from webgis.accounts.actor import Actor
from webgis.accounts.models import Department
from webgis.catalog import sheets
from webgis.emergency import ground, rules
from webgis.emergency.kinds import RESOURCE_KINDS
from webgis.emergency.models import Resource
from webgis.errors import Invalid

COLUMNS = {
    "code": ("code", "编号"),
    "kind": ("kind", "类别"),
    "name_zh": ("name_zh", "名称"),
    "name_en": ("name_en", "名称（英文）"),
    "lon": ("lon", "经度"),
    "lat": ("lat", "纬度"),
    "department": ("department", "部门代码"),
    "amount": ("amount", "数量"),
    "phone": ("phone", "电话"),
    "address": ("address", "地址"),
    "source": ("source", "来源"),
    "illustrative": ("illustrative", "示意"),
    "active": ("active", "在用"),
}
NEEDED = ("code", "kind", "name_zh", "lon", "lat", "source")
LONGEST = {"code": 64, "amount": 100, "phone": 64}
YES, NO = ("yes", "true", "1", "是"), ("no", "false", "0", "否")


def take_over(session: Session, file: Path, crs: str, by: Actor | None = None) -> dict[str, int]:
    """Store the resources of a table: those whose code is known become as their row says. A fault names its row, and
    nothing is changed."""
    given = _read(session, file, crs)
    known = {one.code: one for one in session.scalars(select(Resource))}
    counts = {"added": 0, "changed": 0}
    for values in given:
        one = known.get(values["code"])
        counts["changed" if one else "added"] += 1
        if one is None:
            session.add(Resource(**values))
        else:
            for name, value in values.items():
                setattr(one, name, value)
    session.flush()
    session.execute(text("SELECT fn.layer_changed('emergency')"))
    admin_log.record(session, by, "emergency.resources", file.name, None, counts)
    return counts


def _read(session: Session, file: Path, crs: str) -> Sequence[dict[str, Any]]:
    geo.check_crs(crs)
    table = sheets.read(file)
    names, _unknown = sheets.columns(table.header, COLUMNS)
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise sheets.bad_header(f"the columns {', '.join(missing)} are missing", missing[0])
    departments = set(session.scalars(select(Department.code)))
    found: dict[str, dict[str, Any]] = {}
    for row in table.rows:
        cells = {name: row.cells[names[name]] if name in names else "" for name in COLUMNS}
        try:
            values = _values(cells, crs, departments)
            if values["code"] in found:
                raise rules.bad_field("code", values["code"], "each code once")
        except Invalid as error:
            message = f"Row {row.number}: {error.message}"
            raise Invalid("emergency.bad-row", message, row=row.number, **error.facts) from None
        found[values["code"]] = values
    return list(found.values())


def _values(cells: Mapping[str, str], crs: str, departments: set[str]) -> dict[str, Any]:
    if cells["kind"] not in RESOURCE_KINDS:
        raise rules.bad_field("kind", cells["kind"], ", ".join(RESOURCE_KINDS))
    if cells["department"] and cells["department"] not in departments:
        raise rules.bad_field("department", cells["department"], "the code of a department")
    lon, lat = geo.to_cgcs2000(cells["lon"], cells["lat"], crs)
    texts = ("name_en", "amount", "phone", "address")
    return {
        "code": rules.words("code", cells["code"], LONGEST["code"]),
        "kind": cells["kind"],
        "geom": ground.stored(shapely.Point(lon, lat)),
        "department_code": cells["department"] or None,
        "illustrative": _truth("illustrative", cells["illustrative"], False),
        "active": _truth("active", cells["active"], True),
        **{name: rules.words(name, cells[name], 200) for name in ("name_zh", "source")},
        **{name: rules.words(name, cells[name], LONGEST.get(name, 200)) if cells[name] else None for name in texts},
    }


def _truth(field: str, given: str, usual: bool) -> bool:
    if given.lower() not in (*YES, *NO, ""):
        raise rules.bad_field(field, given, ", ".join((*YES, *NO)))
    return given.lower() in YES if given else usual
