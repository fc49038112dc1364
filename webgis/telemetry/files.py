"""Stations and their datastreams as a table (CSV, TSV, XLSX): one row for each datastream, faults by row."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from webgis import geo
from webgis.accounts.actor import Actor
from webgis.catalog import sheets
from webgis.catalog.sheets import Fault, Row
from webgis.errors import WebgisError
from webgis.telemetry import operations
from webgis.telemetry.operations import NewDatastream, NewStation
from webgis.telemetry.quantities import PLACES, QUANTITIES

HEADINGS = {
    "station": ("station", "站点编码", "站点代码", "测站编码"),
    "name_zh": ("name_zh", "station_name", "站点名称", "测站名称", "名称"),
    "name_en": ("name_en", "英文名称", "英文名"),
    "place": ("place", "地点类型", "场所类型", "安装位置"),
    "lon": ("lon", "经度", "longitude", "lng"),
    "lat": ("lat", "纬度", "latitude"),
    "department": ("department", "责任单位", "责任单位编码", "权属单位"),
    "code": ("datastream", "sensor", "code", "数据流编码", "传感器编码", "编码"),
    "quantity": ("quantity", "监测量", "监测项", "指标"),
    "unit": ("unit", "单位"),
    "least": ("least", "量程下限", "下限"),
    "most": ("most", "量程上限", "上限"),
    "interval_s": ("interval_s", "上报间隔", "采集间隔", "间隔秒"),
}
"""What the columns of other people's tables are called."""

NEEDED = ("station", "name_zh", "place", "lon", "lat", "code", "quantity", "interval_s")
_PLACES = {words.zh: key for key, words in PLACES.items()}
_QUANTITIES = {words.zh: key for key, words in QUANTITIES.items()}


@dataclass(frozen=True)
class Outcome:
    """What became of a file: how many rows it has, the faults, and whether it was taken over (all of it or nothing)."""

    rows: int
    faults: tuple[Fault, ...]
    taken: bool


def take_over(
    session: Session, path: Path, crs: str, actor: Actor | None, *, illustrative: bool = False, outside: bool = False
) -> Outcome:
    """Register or change what the file holds; nothing when a row has a fault (the caller then rolls back).
    `illustrative`: all are made up for show; `outside`: they may lie outside the grid."""
    sheet = sheets.read(path)
    columns, _others = sheets.columns(sheet.header, HEADINGS)
    for name in NEEDED:
        if name not in columns:
            raise sheets.bad_header(f"the column {name} is missing ({' / '.join(HEADINGS[name])})", name)
    geo.check_crs(crs)
    of_all = {"illustrative": illustrative or None, "outside": outside}
    faults = [fault for row in sheet.rows if (fault := _take_row(session, row, columns, crs, actor, of_all))]
    return Outcome(len(sheet.rows), tuple(faults), not faults)


def _take_row(
    session: Session, row: Row, columns: Mapping[str, str], crs: str, actor: Actor | None, of_all: dict[str, Any]
) -> Fault | None:
    """Register what a row holds; its fault, if it has one."""
    told = {name: row.cells[heading] for name, heading in columns.items()}
    try:
        lon, lat = geo.to_cgcs2000(told["lon"], told["lat"], crs)
        station = NewStation(
            told["station"],
            told["name_zh"],
            _PLACES.get(told["place"], told["place"]),
            lon,
            lat,
            told.get("name_en") or None,
            told.get("department") or None,
            **of_all,
        )
        stream = NewDatastream(
            told["code"],
            told["station"],
            _QUANTITIES.get(told["quantity"], told["quantity"]),
            int(_number(told, "interval_s") or 0),
            told.get("unit") or None,
            _number(told, "least"),
            _number(told, "most"),
        )
        operations.register(session, station, stream, actor)
    except WebgisError as error:
        field = str(error.facts.get("field", ""))
        heading = columns.get("code" if field == "datastream" else field, field)
        return Fault(row.number, heading, error.message, f"不能使用：{heading}")
    return None


def _number(told: Mapping[str, str], name: str) -> float | None:
    given = told.get(name, "")
    if not given:
        return None
    try:
        return float(given)
    except ValueError:
        raise operations.bad_field(name, given, "a number") from None
