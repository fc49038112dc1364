"""Hazard sources in files: every row is looked at before any is taken over; all faults are told at once.

In a table (CSV, TSV, XLSX) each row is a stock, in a file of shapes (GeoJSON, GeoPackage, Shapefile) a feature; rows of
one code are one source, whose facts stand in the first of them. A source that is there becomes as the file says; what
it has no columns for stays as it is, and so do sources that are not in the file.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis import api, geo
from webgis.accounts.actor import Actor
from webgis.catalog import sheets
from webgis.errors import Invalid, WebgisError
from webgis.exchange import tables
from webgis.grid import fields, files
from webgis.grid.files import Layer
from webgis.hazards import source_queries, sources
from webgis.hazards.source_checks import FARTHEST
from webgis.hazards.source_rules import bad_field
from webgis.hazards.source_wire import ChangedSource, NewSource
from webgis.hazards.sources import Kept
from webgis.texts import YES

MOST_ROWS = 10_000
MOST_FAULTS = 200
AT_ONCE = 500
"""Sources that are put by the same statements: a few dozen for all of them, where one alone needs as many."""

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('webgis hazard files', 0))")
"""Two files with the same sources in another order would wait for each other for good."""

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
    at_once: int = AT_ONCE,
) -> Outcome:
    """Take the sources of a file over. `Invalid` "exchange.hazard-faults" lists every fault, and nothing is kept.

    `crs`: a name of `geo.CRS_NAMES` or "EPSG:n"; a table has to be given one, other files may state it themselves.
    `tell` is told the per cent that are done, each time it is another number; `at_once`: sources put together.
    """
    rows, ignored = _read(path, crs)
    groups = _by_code(rows)
    session.execute(_ONE_AT_A_TIME)
    with session.begin_nested() as taking:
        taken = _Taking(session, actor, at, illustrative)
        for done in range(0, len(groups), at_once):
            taken.take(groups[done : done + at_once])
            upto = min(done + at_once, len(groups))
            if tell and (percent := 100 * upto // len(groups)) > 100 * done // len(groups):
                tell(percent)
        if taken.faults:
            taking.rollback()
            raise _faulty(taken.faults, len(groups))
    return replace(taken.outcome, ignored=ignored)


def _faulty(faults: Sequence[Fault], sources: int) -> Invalid:
    return Invalid(
        "exchange.hazard-faults",
        f"{len(faults)} of {sources} sources cannot be taken over; first, row {faults[0].row}: "
        f"{faults[0].error.message}",
        faults=[fault.facts() for fault in faults[:MOST_FAULTS]],
        count=len(faults),
    )


class _Taking:
    """The sources of a file on their way in, some at a time: what became of them, and the faults."""

    def __init__(self, session: Session, actor: Actor | None, at: datetime, illustrative: bool) -> None:
        self.outcome, self.faults = Outcome(), []
        self._session, self._actor = session, actor
        self._given = {"at": at, "illustrative": illustrative}
        self._kinds = _kinds(session)
        self._farthest = FARTHEST

    def take(self, groups: Sequence[Sequence[_Row]]) -> None:
        """Put the sources of these rows."""
        wanted = self._wanted(groups)
        right = {turn: one for turn, one in wanted.items() if not isinstance(one, WebgisError)}
        done = sources.put_all(self._session, self._actor, list(right.values()), farthest=self._farthest, **self._given)
        became = wanted | dict(zip(right, done, strict=True))
        for turn, group in enumerate(groups):
            self._note(group, became[turn])

    def _wanted(self, groups: Sequence[Sequence[_Row]]) -> dict[int, Any]:
        """What each group says, by its turn: code and source, or why it says none."""
        given = dict(enumerate(_tried(_given, group, self._kinds) for group in groups))
        codes = [one["code"] for one in given.values() if isinstance(one, dict) and "code" in one]
        stand = sources.standing(self._session, codes)
        return {
            turn: one if isinstance(one, WebgisError) else _tried(_whole, groups[turn][0], one, stand)
            for turn, one in given.items()
        }

    def _note(self, group: Sequence[_Row], done: Kept | WebgisError) -> None:
        if isinstance(done, WebgisError):
            self._farthest -= "nearest" in done.facts
            self.faults.append(Fault(group[0].number, str(done.facts.get("field", "")), done))
            return
        self.outcome.sources += 1
        self.outcome.grades += done.grades
        if done.added:
            self.outcome.added.append(done.code)
        elif done.changed:
            self.outcome.changed[done.code] = done.changed
        else:
            self.outcome.unchanged += 1


def _tried(ask: Callable, *values: Any) -> Any:
    """What a function gives, or why it refuses."""
    try:
        return ask(*values)
    except WebgisError as error:
        return error


def _whole(first: _Row, given: Mapping[str, Any], stand: Mapping[str, Any]) -> tuple[str, NewSource | ChangedSource]:
    """A source with its code: what the file has no column for is as it stands."""
    code = given.get("code", "")
    if code not in stand:
        return code, api.checked(NewSource, given)
    own = {name: value for name, value in stand[code].items() if not _says(first, name)}
    own |= {name: value for name, value in given.items() if name != "code" and name not in own}
    return code, api.checked(ChangedSource, own)


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
        layer.geoms[place] = _place(numbers[place], cells)
    layer.geoms[:] = _in_cgcs2000(layer.geoms, layer.crs)
    return layer, numbers


def _in_cgcs2000(shapes: np.ndarray, system: str) -> np.ndarray:
    """Shapes of a system in CGCS2000. What is found in rounds (GCJ-02, BD-09) is found one by one, so that the last
    digits of a place do not depend on which others the file has."""
    if system not in geo.CRS_NAMES:
        return files.to_cgcs2000(shapes, system)
    for turn in np.flatnonzero(~shapely.is_missing(shapes)):
        shapes[turn : turn + 1] = files.to_cgcs2000(shapes[turn : turn + 1], system)
    return shapes


def _place(number: int, cells: Mapping[str, str]) -> Any:
    """The place of a row in the file's system, None when it says none; `Invalid` names the row."""
    if not cells:
        return None
    try:
        if "wkt" in cells:
            return shapely.from_wkt(cells["wkt"])
        return shapely.Point(float(cells["lon"]), float(cells["lat"]))
    except (ValueError, KeyError, shapely.errors.GEOSException):
        raise Invalid(
            "exchange.hazard-place",
            f"Row {number}: the place is two numbers (lon, lat) or a WKT",
            field="lon",
            row=number,
            accepted="two numbers, or a WKT",
        ) from None
