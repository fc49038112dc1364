"""What may be registered: stations and datastreams as given, and how they stand once they are. Values in, values or a
refusal out; whether a place lies in the grid and who is a department is found by `sensor_rows`.
"""

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from webgis.errors import Conflict, Invalid
from webgis.telemetry.quantities import PLACES, QUANTITIES

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_NO_CODE = "new"
"""The address of the form for another sensor."""

KEY = re.compile(r"[a-z][a-z0-9_]{0,29}")
LONGEST_NAME = 100
LONGEST_UNIT = 20
INTERVALS = (1, 86_400)

Columns = Mapping[str, Any]
"""How a station or datastream stands, by column."""

Facts = dict[str, Any]

_NEW_STATION = {"name_en": None, "department": None, "illustrative": False, "active": True}
_NEW_STREAM = {"active": True, "told": False}


@dataclass(frozen=True)
class NewStation:
    """A station as given: its place in CGCS2000 degrees, `place` its kind, `department` the code of its owner."""

    code: str
    name_zh: str
    place: str
    lon: float
    lat: float
    name_en: str | None = None
    """None: as it is; "": none."""
    department: str | None = None
    """None: as it is; "": none."""
    illustrative: bool | None = None
    """None: as it is; a new one is real."""
    active: bool | None = None
    """None: as it is; a new one is in use."""
    outside: bool = False
    """It is meant to lie outside the grid; its alarms open no cases."""


@dataclass(frozen=True)
class NewDatastream:
    """A datastream as given: `station` by code, `interval_s` the seconds between readings. Without unit and range it
    has those of its quantity."""

    code: str
    station: str
    quantity: str
    interval_s: int
    unit: str | None = None
    least: float | None = None
    most: float | None = None
    active: bool | None = None
    """None: as it is; a new one is in use."""


def bad_field(field: str, got: Any, accepted: str) -> Invalid:
    """The refusal of a field of a station or datastream."""
    return Invalid(
        "telemetry.bad-field", f"{field} is {got!r}; accepted: {accepted}", field=field, got=got, accepted=accepted
    )


def check_station(given: NewStation, departments: Collection[str]) -> None:
    """Refuse a station as given, but for its place; `departments`: the codes of those that there are."""
    if not CODE.fullmatch(given.code):
        raise bad_field("station", given.code, "1 to 40 letters, digits, '.', '_', '-'")
    if not 0 < len(given.name_zh.strip()) <= LONGEST_NAME:
        raise bad_field("name_zh", given.name_zh, f"a name of 1 to {LONGEST_NAME} characters")
    if given.name_en and len(given.name_en) > LONGEST_NAME:
        raise bad_field("name_en", given.name_en, f"a name of at most {LONGEST_NAME} characters")
    if given.place not in PLACES and not KEY.fullmatch(given.place):
        raise bad_field("place", given.place, f"{', '.join(PLACES)}, or a key of one's own in small letters")
    if given.department and given.department not in departments:
        raise bad_field("department", given.department, "the code of a department, or nothing")


def station(given: NewStation, lon: float, lat: float, cell: str | None, known: Columns | None) -> Columns:
    """A station as given at a place in a cell, where it is `known` already."""
    values = {"name_zh": given.name_zh.strip(), "place": given.place, "lon": lon, "lat": lat, "cell": cell}
    if given.name_en is not None:
        values["name_en"] = given.name_en or None
    if given.department is not None:
        values["department"] = given.department or None
    return {**(known or _NEW_STATION), **values, **_flags(illustrative=given.illustrative, active=given.active)}


def datastream(given: NewDatastream, known: Columns | None) -> Columns:
    """A datastream as given, where it is `known` already; or the refusal."""
    _check_datastream(given)
    unit, least, most = _range(given)
    if known and known["told"] and (known["quantity"], known["unit"]) != (given.quantity, unit):
        raise Conflict(
            "telemetry.quantity-fixed",
            f"{given.code} has told {known['quantity']} in {known['unit']}; another quantity or unit is another"
            " datastream",
            field="quantity",
            got=[given.quantity, unit],
            accepted=[known["quantity"], known["unit"]],
        )
    values = {"station": given.station, "quantity": given.quantity, "unit": unit, "least": least, "most": most}
    values |= {"interval_s": given.interval_s}
    return {**(known or _NEW_STREAM), **values, **_flags(active=given.active)}


def facts(stream: Columns | None, stations: Mapping[str, Columns]) -> Facts | None:
    """What the log tells of a datastream and its station, as JSON values; None when there is no such datastream."""
    if stream is None:
        return None
    of_station = stations[stream["station"]]
    told = {name: of_station[name] for name in _OF_STATION} | {name: stream[name] for name in _OF_STREAM}
    return told | {"station_active": of_station["active"]}


_OF_STATION = ("name_zh", "name_en", "place", "lon", "lat", "department", "illustrative")
_OF_STREAM = ("station", "quantity", "unit", "least", "most", "interval_s", "active")


def _flags(**given: bool | None) -> dict[str, bool]:
    return {name: value for name, value in given.items() if value is not None}


def _check_datastream(given: NewDatastream) -> None:
    if not CODE.fullmatch(given.code) or given.code == _NO_CODE:
        raise bad_field("datastream", given.code, f"1 to 40 letters, digits, '.', '_', '-'; not {_NO_CODE}")
    if given.quantity not in QUANTITIES and not KEY.fullmatch(given.quantity):
        raise bad_field("quantity", given.quantity, f"{', '.join(QUANTITIES)}, or a key of one's own in small letters")
    if not INTERVALS[0] <= given.interval_s <= INTERVALS[1]:
        raise bad_field("interval_s", given.interval_s, f"{INTERVALS[0]} to {INTERVALS[1]} seconds")


def _range(given: NewDatastream) -> tuple[str, float, float]:
    """Unit, least and most: as given, else those of the quantity."""
    known = QUANTITIES.get(given.quantity)
    unit = given.unit or (known and known.unit)
    least = given.least if given.least is not None else known and known.least
    most = given.most if given.most is not None else known and known.most
    if not unit or len(unit) > LONGEST_UNIT:
        raise bad_field(
            "unit", given.unit, f"a unit of 1 to {LONGEST_UNIT} characters; {given.quantity} is not known here"
        )
    if least is None or most is None or not (math.isfinite(least) and math.isfinite(most) and least < most):
        raise bad_field("least", [given.least, given.most], "least and most, two numbers, the first below the other")
    return unit, float(least), float(most)
