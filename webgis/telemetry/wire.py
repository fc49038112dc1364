"""Stations, datastreams and readings over HTTP: entities of SensorThings, features of the API, and queries."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from flask import url_for
from pydantic import Field
from sqlalchemy import Row

from webgis import web
from webgis.api import Given
from webgis.errors import Invalid
from webgis.telemetry import queries
from webgis.telemetry.quantities import QUANTITIES

TOP = 100
MOST_TOP = 10_000
MOST_SKIP = 100_000
LONGEST_SERIES = timedelta(days=400)
LONGEST_SEARCH = timedelta(days=31)
"""The span of readings that are searched by their values, which no index knows."""

OF_LISTS = ("$top", "$skip")
OF_READINGS = (*OF_LISTS, "$orderby", "$filter")
_CLAUSE = re.compile(r"(phenomenonTime|result|Datastream/id)\s+(eq|ge|gt|le|lt)\s+(\S+)")
FILTERS = "phenomenonTime ge|gt|le|lt MOMENT, result ge|le NUMBER, Datastream/id eq ID, joined by and"
_NEXT_MOMENT = {"gt", "le"}


class Page(NamedTuple):
    """Which part of a list is asked for."""

    top: int
    skip: int
    newest_first: bool


def page(given: dict[str, str], known: Sequence[str] = OF_LISTS) -> Page:
    """$top, $skip and $orderby of a query, or `Invalid`; other words of a query are refused, not passed over."""
    for name in given:
        if name not in known:
            raise bad_query(name, given[name], ", ".join(known))
    order = given.get("$orderby", "phenomenonTime desc").split()
    if order[:1] != ["phenomenonTime"] or order[1:] not in ([], ["asc"], ["desc"]):
        raise bad_query("$orderby", given["$orderby"], "phenomenonTime asc, or phenomenonTime desc")
    top, skip = _whole(given, "$top", TOP, range(1, MOST_TOP + 1)), _whole(given, "$skip", 0, range(MOST_SKIP + 1))
    return Page(top, skip, order[1:] == ["desc"])


def bad_query(name: str, got: str, accepted: str) -> Invalid:
    """The refusal of a word of a query."""
    shown = name[:100]
    return Invalid(
        "telemetry.bad-query", f"{shown}: accepted is {accepted}", field=shown, got=got[:200], accepted=accepted
    )


def _whole(given: dict[str, str], name: str, default: int, among: range) -> int:
    told = given.get(name)
    if told is None:
        return default
    if not re.fullmatch(r"\d{1,8}", told, re.ASCII) or int(told) not in among:
        raise bad_query(name, told, f"a number from {among[0]} to {among[-1]}")
    return int(told)


def asked(told: str | None, datastream: int | None) -> queries.Asked:
    """The observations that a $filter asks for, or `Invalid`; the datastream must be known by it or by the address."""
    bounds: dict[str, Any] = {}
    of = datastream
    for clause in re.split(r"\s+and\s+", told.strip()) if told else ():
        found = _CLAUSE.fullmatch(clause)
        if found is None:
            raise bad_query("$filter", clause, FILTERS)
        field, compared, value = found.groups()
        if field == "Datastream/id":
            bound = {"datastream": _id(compared, value, clause)}
            of = bound["datastream"] if of is None else of
        elif field == "result":
            bound = _bound_of_value(compared, value, clause)
        else:
            bound = _bound_of_moment(compared, value, clause)
        if bound.keys() & bounds.keys() or bound.get("datastream", of) != of:
            raise bad_query("$filter", clause, "each bound once, and no datastream but that of the address")
        bounds |= bound
    if of is None:
        raise bad_query("$filter", told or "", "Datastream/id eq ID, or the address Datastreams(ID)/Observations")
    if bounds.keys() & {"least", "most"}:
        until = bounds.get("until", datetime.now(UTC))
        if "since" not in bounds or until - bounds["since"] > LONGEST_SEARCH:
            accepted = f"with result also phenomenonTime ge MOMENT, a span of at most {LONGEST_SEARCH.days} days"
            raise bad_query("$filter", told or "", accepted)
    return queries.Asked(**{"datastream": of} | bounds)


def _id(compared: str, value: str, clause: str) -> int:
    if compared != "eq" or not re.fullmatch(r"\d{1,18}", value, re.ASCII):
        raise bad_query("$filter", clause, FILTERS)
    return int(value)


def _bound_of_value(compared: str, value: str, clause: str) -> dict[str, float]:
    if compared not in ("ge", "le") or not re.fullmatch(r"-?\d+(\.\d+)?", value, re.ASCII):
        raise bad_query("$filter", clause, FILTERS)
    return {"least" if compared == "ge" else "most": float(value)}


def _bound_of_moment(compared: str, value: str, clause: str) -> dict[str, datetime]:
    if compared == "eq":
        raise bad_query("$filter", clause, FILTERS)
    moment = moment_of("$filter", value)
    if compared in _NEXT_MOMENT:  # the ends of a span are: since included, until not
        moment = datetime.fromtimestamp(moment.timestamp() + 1e-6, UTC)
    return {"since" if compared in ("ge", "gt") else "until": moment}


def moment_of(field: str, told: str) -> datetime:
    """A moment of a query with its offset. A `+` that was not escaped came as a space."""
    try:
        moment = datetime.fromisoformat(told.strip("'").replace(" ", "+"))
        if moment.tzinfo is None or not 1970 <= moment.year <= 9000:
            raise ValueError
    except ValueError:
        raise bad_query(field, told, "a moment with its offset, such as 2026-11-22T08:00:00Z") from None
    return moment.astimezone(UTC)


def exact(moment: datetime | None) -> str | None:
    """A moment to the millisecond, with the city's offset: readings may come several times a second."""
    return None if moment is None else moment.astimezone(web.runtime().settings.zone).isoformat(timespec="milliseconds")


def _link(endpoint: str, **parts: Any) -> str:
    return url_for(endpoint, _external=True, **parts)


def thing(row: Row) -> dict[str, Any]:
    """A station as a Thing, with its place (the standard's Location, here inside)."""
    return {
        "@iot.id": row.id,
        "@iot.selfLink": _link("sta.thing", number=row.id),
        "name": row.name_zh,
        "description": row.name_en or row.name_zh,
        "properties": {"code": row.code, "place": row.place, "cell": row.cell_code, "illustrative": row.illustrative},
        "Locations": [
            {"encodingType": "application/geo+json", "location": {"type": "Point", "coordinates": [row.lon, row.lat]}}
        ],
        "Datastreams@iot.navigationLink": _link("sta.things_datastreams", number=row.id),
    }


def datastream(row: Row) -> dict[str, Any]:
    """A datastream as SensorThings has it; how it stands is in its properties."""
    known = QUANTITIES.get(row.quantity)
    return {
        "@iot.id": row.id,
        "@iot.selfLink": _link("sta.datastream", number=row.id),
        "name": row.code,
        "description": f"{known.en if known else row.quantity}, {row.name_zh}",
        "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
        "unitOfMeasurement": {"name": row.unit, "symbol": row.unit, "definition": ""},
        "observedArea": {"type": "Point", "coordinates": [row.lon, row.lat]},
        "properties": {
            "quantity": row.quantity,
            "range": [row.least, row.most],
            "interval_s": row.interval_s,
            "state": row.state,
            "last_at": exact(row.last_at),
            "last_value": row.last_value,
            "silent_since": exact(row.silent_since),
        },
        "Thing@iot.navigationLink": _link("sta.thing", number=row.station_id),
        "Observations@iot.navigationLink": _link("sta.datastreams_observations", number=row.id),
    }


def observation(datastream_id: int, row: Any) -> dict[str, Any]:
    """A reading as an Observation; its id is that of the datastream and its moment in microseconds."""
    micros = round(row.at.timestamp() * 1e6)
    return {
        "@iot.id": f"{datastream_id}/{micros}",
        "phenomenonTime": exact(row.at),
        "resultTime": exact(row.arrived_at),
        "result": row.value,
    }


class ListGiven(Given):
    """Which sensors."""

    quantity: str | None = Field(None, max_length=30)
    place: str | None = Field(None, max_length=30)
    station: str | None = Field(None, max_length=40)
    state: Literal[queries.STATES] | None = None
    q: str | None = Field(None, max_length=60, description="in code or name")
    limit: int = Field(200, ge=1, le=1000)
    skip: int = Field(0, ge=0, le=1_000_000)


class NewSensor(Given):
    """A datastream with its station. A station that is there already is changed to this."""

    code: str = Field(description="of the datastream")
    station: str = Field(description="code of the station")
    name_zh: str
    name_en: str | None = None
    place: str = Field(description="kind of place: road, underpass, well, ...")
    lon: float
    lat: float
    crs: Literal["wgs84", "gcj02", "bd09", "cgcs2000"]
    department: str | None = None
    quantity: str
    interval_s: int = Field(description="seconds between readings")
    unit: str | None = None
    least: float | None = None
    most: float | None = None
    illustrative: Literal["yes", "no"] | None = Field(None, description="left out: as it is; a new station is real")
    outside: Literal["yes", "no"] = Field("no", description="the station is meant to lie outside the grid")
    watch: Literal["yes", "no"] = Field("no", description="watched by the rule of its quantity and place, if any")


class SeriesGiven(Given):
    """Which part of a datastream's readings."""

    since: str | None = Field(None, description="a moment with its offset; 24 hours before `until` without")
    until: str | None = Field(None, description="a moment with its offset; now without")
    points: int = Field(queries.POINTS, ge=10, le=5000)


def feature(row: Row) -> dict[str, Any]:
    """A datastream with its station as a GeoJSON Feature."""
    names = (
        "code",
        "station",
        "name_zh",
        "name_en",
        "place",
        "quantity",
        "unit",
        "least",
        "most",
        "interval_s",
        "state",
    )
    others = ("cell_code", "department_code", "illustrative", "last_value", "last_at", "heard_at", "silent_since")
    told = {name: getattr(row, name) for name in (*names, *others)}
    point = {"type": "Point", "coordinates": [round(row.lon, 6), round(row.lat, 6)]}
    return {"type": "Feature", "id": row.id, "geometry": point, "properties": {"datastream": row.id} | told}
