"""Hazard sources and sensors of the demo city: registered through the operations that a city uses, all illustrative.

They lie in communities of the loaded counties, spread evenly over the list of their codes. Only sources of bodies that
do not exist are made, with duty rooms instead of persons; quantities are chosen so that several grades come about.
"""

import csv
from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any

import numpy as np
import shapely
from geoalchemy2.shape import to_shape
from sqlalchemy import select
from sqlalchemy.orm import Session

from webgis.accounts.models import Department
from webgis.demo import people, sensor_day
from webgis.demo.sensor_day import RAIN_EVERY, Sensor
from webgis.grid.models import Area
from webgis.hazards import alarm_rules, sources, watches
from webgis.hazards.source_models import HazardSource
from webgis.hazards.source_wire import NewSource, StockGiven, UnitGiven
from webgis.telemetry import operations as telemetry
from webgis.telemetry.models import Station

MADE = "webgis demo load (示意)"
SERVED_BY = {
    "gas": "gas",
    "methane": "emergency",
    "depth": "drainage",
    "rain": "water_affairs",
    "level": "water_affairs",
    "dust": "ecology_environment",
    "noise": "ecology_environment",
}
"""Which kind of department a quantity is the business of."""

BESIDE_M = 25
"""A sensor of a source lies so far from the middle of it."""


def settle(session: Session, counties: Sequence[str], at: datetime) -> int:
    """Register the sources, stations, datastreams and watches that are not there; how many sources are new."""
    alarm_rules.load_shipped(session)
    rows = _table("hazard_sources.csv")
    have = set(session.scalars(select(HazardSource.code)))
    new = [row for row in rows if row["code"] not in have]
    if not new:
        return 0
    spots = _spots(session, counties, len(rows) + sum(one.source is None for one in sensor_day.sensors()))
    by_source = dict(zip((row["code"] for row in rows), spots, strict=False))
    alone = iter(spots[len(rows) :])
    stations: dict[str, list[str]] = {}
    for number, sensor in enumerate(sensor_day.sensors()):
        spot = _beside(by_source[sensor.source], number) if sensor.source else next(alone)
        stations.setdefault(sensor.source or "", []).append(_register(session, sensor, spot, counties[0][:4]))
    for row in new:
        given = _source(row, by_source[row["code"]], stations.get(row["code"], []), counties[0][:4], session)
        sources.add(session, None, given, at=at, illustrative=True)
    return len(new)


def _table(name: str) -> list[dict[str, str]]:
    text = files("webgis.demo").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _spots(session: Session, counties: Sequence[str], count: int) -> list[shapely.Point]:
    """A place in each of so many communities, taken at equal steps from the list of their codes."""
    wanted = select(Area.geom).where(Area.level == "community", Area.code.op("~")(f"^({'|'.join(counties)})"))
    shapes = [to_shape(geom) for geom in session.scalars(wanted.order_by(Area.code))]
    places = np.linspace(0, len(shapes) - 1, count).round().astype(int)
    return [shapely.point_on_surface(shapes[place]) for place in places]


def _beside(spot: shapely.Point, number: int) -> shapely.Point:
    """A place near the middle of a source, another for each sensor."""
    turn = number * 2.4
    east, north = BESIDE_M * np.cos(turn), BESIDE_M * np.sin(turn)
    return shapely.Point(spot.x + east / 95_600, spot.y + north / 110_900)


def _register(session: Session, sensor: Sensor, spot: shapely.Point, city: str) -> str:
    """The sensor with its station, watched by its rule; the code of the station."""
    code = sensor.code.replace("DS-", "ST-")
    department = _department(session, city, SERVED_BY[sensor.quantity])
    names = {"name_zh": sensor.name_zh, "name_en": sensor.name_en}
    if session.scalar(select(Station.id).where(Station.code == code)) is None:
        station = telemetry.NewStation(
            code,
            place=sensor.place,
            lon=spot.x,
            lat=spot.y,
            department=department,
            illustrative=True,
            outside=True,
            **names,
        )
        telemetry.put_station(session, station)
        interval = 60 * (RAIN_EVERY if sensor.quantity == "rain" else 1)
        telemetry.put_datastream(session, telemetry.NewDatastream(sensor.code, code, sensor.quantity, interval))
        watches.watch(session, None, sensor.code, sensor.rule)
    return code


def _department(session: Session, city: str, kind: str) -> str | None:
    code = people.department_code(city, kind)
    return code if session.get(Department, code) is not None else None


def _source(
    row: dict[str, str], spot: shapely.Point, stations: Sequence[str], city: str, session: Session
) -> NewSource:
    stocks = [_stock(one) for one in row["stocks"].split(";") if one]
    return NewSource(
        code=row["code"],
        kind=row["kind"],
        name_zh=row["name_zh"],
        name_en=row["name_en"],
        holder=row["holder"],
        geometry=_outline(spot, float(row["width_m"]), float(row["height_m"])),
        crs="cgcs2000",
        department=_department(session, city, "emergency"),
        people=int(row["people"]) if row["people"] else None,
        source=MADE,
        units=[UnitGiven(name="1号单元", stocks=stocks)] if stocks else [],
        stations=list(stations),
    )


def _stock(told: str) -> StockGiven:
    name, cas, tonnes = told.split(":")
    return StockGiven(name=name, cas=cas, quantity=float(tonnes))


def _outline(spot: shapely.Point, width_m: float, height_m: float) -> dict[str, Any]:
    east, north = width_m / 2 / 95_600, height_m / 2 / 110_900
    return shapely.geometry.mapping(shapely.box(spot.x - east, spot.y - north, spot.x + east, spot.y + north))
