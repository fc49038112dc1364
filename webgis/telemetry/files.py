"""Stations and their datastreams as a table (CSV, TSV, XLSX): one row for each datastream, faults by row."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from webgis import geo
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

AT_ONCE = 500
"""Sensors that are registered by the same statements, in a second: the writer of readings waits for them."""

NEEDED = ("station", "name_zh", "place", "lon", "lat", "code", "quantity", "interval_s")
_PLACES = {words.zh: key for key, words in PLACES.items()}
_QUANTITIES = {words.zh: key for key, words in QUANTITIES.items()}


class Sensor(NamedTuple):
    """A row of a table: a datastream with its station."""

    station: NewStation
    stream: NewDatastream


@dataclass(frozen=True)
class Table:
    """What a file holds: how many rows, and either its sensors or the faults that keep it from being taken over."""

    rows: int
    sensors: tuple[Sensor, ...]
    faults: tuple[Fault, ...]


def read(session: Session, path: Path, crs: str, *, illustrative: bool = False, outside: bool = False) -> Table:
    """What the file holds, each row looked at as `register` would; nothing is changed or held. `illustrative`: all are
    made up for show; `outside`: they may lie outside the grid."""
    sheet = sheets.read(path)
    columns, _others = sheets.columns(sheet.header, HEADINGS)
    for name in NEEDED:
        if name not in columns:
            raise sheets.bad_header(f"the column {name} is missing ({' / '.join(HEADINGS[name])})", name)
    geo.check_crs(crs)
    of_all = {"illustrative": illustrative or None, "outside": outside}
    told = [_told(row, columns, crs, of_all) for row in sheet.rows]
    sensors = [one for one in told if isinstance(one, Sensor)]
    seen, said, faults = operations.look(session, sensors), {}, []
    for row, one in zip(sheet.rows, told, strict=True):
        try:
            if isinstance(one, WebgisError):
                raise one
            operations.check(session, seen, *one)
            _agrees(one, row.number, said)
        except WebgisError as error:
            faults.append(_fault(row.number, error, columns))
    return Table(len(sheet.rows), () if faults else tuple(sensors), tuple(faults))


def _told(row: Row, columns: Mapping[str, str], crs: str, of_all: dict[str, Any]) -> Sensor | WebgisError:
    """What a row says, or why it says nothing that could be registered."""
    try:
        return _sensor({name: row.cells[heading] for name, heading in columns.items()}, crs, of_all)
    except WebgisError as error:
        return error


def _sensor(told: Mapping[str, str], crs: str, of_all: dict[str, Any]) -> Sensor:
    """A row as it is registered. An empty cell leaves what is there."""
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
    least, most = (operations.number(name, told[name]) if told.get(name) else None for name in ("least", "most"))
    stream = NewDatastream(
        told["code"],
        told["station"],
        _QUANTITIES.get(told["quantity"], told["quantity"]),
        operations.whole("interval_s", told["interval_s"]),
        told.get("unit") or None,
        least,
        most,
    )
    return Sensor(station, stream)


def _agrees(sensor: Sensor, number: int, said: dict[tuple[str, str], tuple[Any, int]]) -> None:
    """Refuse a row that says something else of its station than a row before, or names a datastream again."""
    station, code = sensor.station, sensor.stream.code
    if ("", code) in said:
        raise operations.bad_field("datastream", code, f"each once; row {said['', code][1]} has it")
    said["", code] = code, number
    for name in ("name_zh", "name_en", "place", "lon", "lat", "department"):
        value = getattr(station, name)
        first, where = said.setdefault((station.code, name), (value, number)) if value is not None else (None, 0)
        if value != first:
            raise operations.bad_field(name, value, f"{first}, as row {where} says of {station.code}")


def _fault(number: int, error: WebgisError, columns: Mapping[str, str]) -> Fault:
    field = str(error.facts.get("field", ""))
    heading = columns.get("code" if field == "datastream" else field, field)
    return Fault(number, heading, error.message, f"不能使用：{heading}")
