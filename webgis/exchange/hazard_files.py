"""Hazard sources in files: every row is looked at before any is taken over; all faults are told at once.

In a table (CSV, TSV, XLSX) each row is a stock, in a file of shapes (GeoJSON, GeoPackage, Shapefile) a feature; rows of
one code are one source, whose facts stand in the first of them. A source that is there becomes as the file says; what
it has no columns for stays as it is, and so do sources that are not in the file.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis import api
from webgis.accounts.actor import Actor
from webgis.catalog import sheets
from webgis.errors import Invalid, WebgisError
from webgis.exchange import tables
from webgis.grid import fields, files
from webgis.grid.files import Layer
from webgis.hazards import source_queries, sources
from webgis.hazards.source_rules import bad_field
from webgis.hazards.source_wire import ChangedSource, NewSource

MOST_ROWS = 10_000
MOST_FAULTS = 200

HEADINGS = {
    "code": ("code", "编码", "危险源编码", "代码"),
    "kind": ("kind", "类型", "危险源类型"),
    "name_zh": ("name_zh", "名称", "危险源名称", "name"),
    "name_en": ("name_en", "英文名称"),
    "holder": ("holder", "责任单位名称", "单位名称", "企业名称"),
    "credit_code": ("credit_code", "统一社会信用代码", "信用代码"),
    "department": ("department", "主管部门", "部门代码"),
    "people": ("people", "500米内人数", "人数"),
    "radius_m": ("radius_m", "半径", "半径米"),
    "remark": ("remark", "备注"),
    "source": ("source", "资料来源"),
    "stations": ("stations", "监测站点"),
    "unit": ("unit", "单元", "单元名称"),
    "unit_kind": ("unit_kind", "单元类型"),
    "stock": ("stock", "物质", "物质名称"),
    "quantity": ("quantity", "最大量", "数量"),
    "measure": ("measure", "计量单位"),
    "cas": ("cas", "cas号"),
    "row": ("row", "表1行号", "行号"),
    "classes": ("classes", "危险类别", "类别"),
    "checked": ("checked", "已核"),
    "chief": ("chief", "主要负责人"),
    "chief_phone": ("chief_phone", "主要负责人电话"),
    "technical": ("technical", "技术负责人"),
    "technical_phone": ("technical_phone", "技术负责人电话"),
    "operation": ("operation", "操作负责人"),
    "operation_phone": ("operation_phone", "操作负责人电话"),
    "duty_phone": ("duty_phone", "值班电话"),
}
PLACES = {
    "lon": ("lon", "经度", "longitude", "x"),
    "lat": ("lat", "纬度", "latitude", "y"),
    "wkt": ("wkt", "边界", "geometry"),
}
PLAIN = ("code", "name_zh", "name_en", "holder", "credit_code", "department", "people", "radius_m", "remark", "source")
UNIT_KINDS = {"储存单元": "storage", "生产单元": "production"}
YES = ("yes", "true", "1", "是")


@dataclass(frozen=True)
class Fault:
    """What is wrong with a source of the file: its first row (as a spreadsheet counts; of shapes the feature), the
    field, and the refusal."""

    row: int
    column: str
    error: WebgisError

    def facts(self) -> dict[str, Any]:
        """As small JSON values, with the code by which a page finds its words."""
        error = self.error
        told = {name: value for name, value in error.facts.items() if isinstance(value, (str, int, float, bool))}
        return {"row": self.row, "column": self.column, "problem": error.message, "code": error.code, "facts": told}


@dataclass
class Outcome:
    """What became of a file: sources added, changed (and in what, as `sources.Kept` says it), and as they were, new
    grades, columns that were not read."""

    sources: int = 0
    added: list[str] = field(default_factory=list)
    changed: dict[str, Mapping[str, Sequence[Any]]] = field(default_factory=dict)
    unchanged: int = 0
    grades: int = 0
    ignored: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Row:
    number: int
    cells: dict[str, str]
    geom: Any


def take(
    session: Session,
    actor: Actor | None,
    path: Path,
    *,
    crs: str | None,
    at: datetime,
    illustrative: bool = False,
    tell: Callable[[int], None] | None = None,
) -> Outcome:
    """Take the sources of a file over. `Invalid` "exchange.hazard-faults" lists every fault, and nothing is kept.

    `crs`: a name of `geo.CRS_NAMES` or "EPSG:n"; a table has to be given one, other files may state it themselves.
    `tell` is told the per cent that are done, each time it is another number.
    """
    rows, ignored = _read(path, crs)
    kinds = _kinds(session)
    known = set(session.scalars(text("SELECT code FROM city.hazard_source")))
    outcome, faults = Outcome(ignored=ignored), []
    groups = _by_code(rows)
    for done, group in enumerate(groups, 1):
        try:
            with session.begin_nested():
                _take_one(session, actor, group, kinds, known, at, illustrative, outcome)
        except WebgisError as error:
            faults.append(Fault(group[0].number, str(error.facts.get("field", "")), error))
        if tell and (percent := 100 * done // len(groups)) > 100 * (done - 1) // len(groups):
            tell(percent)
    if faults:
        raise Invalid(
            "exchange.hazard-faults",
            f"{len(faults)} of {len(faults) + outcome.sources} sources cannot be taken over; first, row "
            f"{faults[0].row}: {faults[0].error.message}",
            faults=[fault.facts() for fault in faults[:MOST_FAULTS]],
            count=len(faults),
        )
    return outcome


def _take_one(session, actor, group, kinds, known, at, illustrative, outcome: Outcome) -> None:
    """Add or change the source of these rows, and count it."""
    given = _given(group, kinds)
    code = given.get("code", "")
    if code in known:
        stands = sources.standing(session, code)
        own = {name: value for name, value in stands.items() if not _says(group[0], name)}
        own |= {name: value for name, value in given.items() if name != "code" and name not in own}
        kept = sources.change(session, actor, code, api.checked(ChangedSource, own), at=at)
    else:
        kept = sources.add(session, actor, api.checked(NewSource, given), at=at, illustrative=illustrative)
    outcome.sources += 1
    outcome.grades += kept.grades
    if kept.added:
        outcome.added.append(code)
    elif kept.changed:
        outcome.changed[code] = kept.changed
    else:
        outcome.unchanged += 1


def _says(row: _Row, name: str) -> bool:
    """Whether the file has a column for this, be it empty."""
    columns = ("unit", "stock") if name == "units" else (name,)
    return any(column in row.cells for column in columns)


def _kinds(session: Session) -> dict[str, str]:
    """What a file may call a kind, and its code."""
    kinds = source_queries.kinds(session).values()
    return {name: one.code for one in kinds for name in (one.code, one.name_zh, one.name_en) if name}


def _given(group: Sequence[_Row], kinds: Mapping[str, str]) -> dict[str, Any]:
    """A source as the operations take it, from its rows."""
    first = group[0].cells
    for row in group:
        if name := next((name for name, value in row.cells.items() if fields.is_nested(value)), None):
            raise bad_field(name, row.cells[name], "a text or a number, no list and no object")
    given: dict[str, Any] = {name: first[name] for name in PLAIN if first.get(name)}
    given["kind"] = kinds.get(first.get("kind", ""), first.get("kind", ""))
    if (shape := next((row.geom for row in group if row.geom is not None), None)) is not None:
        given["geometry"] = shapely.geometry.mapping(shape)
    given |= {"crs": "cgcs2000", "units": _units(group), "stations": _words(first.get("stations", ""))}
    persons = [
        {"duty": duty, "name": first.get(duty) or None, "phone": first.get(f"{duty}_phone") or None}
        for duty in ("chief", "technical", "operation", "duty")
        if first.get(duty) or first.get(f"{duty}_phone")
    ]
    return given | ({"persons": persons} if persons else {})


def _units(group: Sequence[_Row]) -> list[dict[str, Any]]:
    units: dict[str, dict[str, Any]] = {}
    for row in group:
        cells = row.cells
        if not (cells.get("unit") or cells.get("stock")):
            continue
        name, kind = cells.get("unit") or "1", cells.get("unit_kind", "")
        unit = units.setdefault(name, {"name": name, "kind": UNIT_KINDS.get(kind, kind) or "storage", "stocks": []})
        if cells.get("stock"):
            stock = {"name": cells["stock"], "quantity": cells.get("quantity", ""), "cas": cells.get("cas") or None}
            stock |= {"unit": cells.get("measure") or "t", "row": cells.get("row") or None}
            stock |= {"classes": _words(cells.get("classes", "")), "checked": cells.get("checked", "").lower() in YES}
            unit["stocks"].append(stock)
    return list(units.values())


def _words(text_: str) -> list[str]:
    return text_.replace(",", " ").replace("，", " ").replace("、", " ").split()


def _by_code(rows: Sequence[_Row]) -> list[list[_Row]]:
    """Rows of one code together, in the order of their first; a row without one stands alone and is refused."""
    groups: dict[Any, list[_Row]] = {}
    for row in rows:
        groups.setdefault(row.cells.get("code") or row.number, []).append(row)
    return list(groups.values())


def _read(path: Path, crs: str | None) -> tuple[list[_Row], list[str]]:
    table = path.suffix.lower() in sheets.ENDINGS
    layer, numbers = _table(path, crs) if table else _shapes(path, crs)
    if len(numbers) > MOST_ROWS:
        message = f"{path.name} has {len(numbers):,} rows; at most {MOST_ROWS:,} are taken at once"
        raise Invalid("exchange.too-many-rows", message, field="file", got=len(numbers), accepted=MOST_ROWS)
    found = fields.chosen(layer, HEADINGS, {})
    fields.needed(layer, found, "code", "a column called code")
    texts = {name: fields.texts(layer, found, name) for name in found}
    rows = [
        _Row(number, {name: texts[name][place] or "" for name in texts}, layer.geoms[place])
        for place, number in enumerate(numbers)
    ]
    read = {*found.values(), *(fields.chosen(layer, PLACES, {}).values() if table else ())}
    return rows, [name for name in layer.columns if name not in read]


def _shapes(path: Path, crs: str | None) -> tuple[Layer, list[int]]:
    layer = files.read(path, crs)
    return layer, list(range(1, len(layer.geoms) + 1))


def _table(path: Path, crs: str | None) -> tuple[Layer, list[int]]:
    """The rows of a table with their places, brought to CGCS2000."""
    layer, numbers = tables.layer(path, crs)
    found = fields.chosen(layer, PLACES, {})
    texts = {name: fields.texts(layer, found, name) for name in found}
    for place in range(len(numbers)):
        cells = {name: values[place] for name, values in texts.items() if values[place]}
        layer.geoms[place] = _place(numbers[place], cells, layer.crs)
    return layer, numbers


def _place(number: int, cells: Mapping[str, str], system: str) -> Any:
    """The place of a row, None when it says none; `Invalid` names the row."""
    if not cells:
        return None
    try:
        if "wkt" in cells:
            shape = shapely.from_wkt(cells["wkt"])
        else:
            shape = shapely.Point(float(cells["lon"]), float(cells["lat"]))
    except (ValueError, KeyError, shapely.errors.GEOSException):
        raise Invalid(
            "exchange.hazard-place",
            f"Row {number}: the place is two numbers (lon, lat) or a WKT",
            field="lon",
            row=number,
            accepted="two numbers, or a WKT",
        ) from None
    return files.to_cgcs2000(np.array([shape], dtype=object), system)[0]
