"""Stations and datastreams: to register and to change them. Their readings come by `inbox.py`.

What is registered is never deleted, since readings, alarms and cases tell of it: it is taken out of use (`active`).
The writer of readings needs the rows of datastreams: only one that changes is held.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from geoalchemy2.shape import from_shape, to_shape
from shapely import Point
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from webgis.accounts import admin_log
from webgis.accounts.actor import Actor
from webgis.accounts.models import Department
from webgis.errors import Conflict, Invalid, NotFound
from webgis.geo import SRID, check_lonlat
from webgis.grid import queries as grid
from webgis.telemetry.models import Datastream, Station
from webgis.telemetry.quantities import PLACES, QUANTITIES

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_NO_CODE = "new"
"""The address of the form for another sensor."""

KEY = re.compile(r"[a-z][a-z0-9_]{0,29}")
LONGEST_NAME = 100
LONGEST_UNIT = 20
INTERVALS = (1, 86_400)

Kept = TypeVar("Kept", Station, Datastream)


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


def number(field: str, told: str) -> float:
    """A number from a text, or `Invalid`."""
    try:
        value = float(told)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise bad_field(field, told[:40], "a number")
    return value


def whole(field: str, told: str) -> int:
    """A whole number, not below zero, from a text, or `Invalid`."""
    if not re.fullmatch(r"\d{1,9}", told, re.ASCII):
        raise bad_field(field, told[:40], "a whole number")
    return int(told)


def put_station(session: Session, given: NewStation) -> Station:
    """Register a station, or change the one with this code. Its cell is that of its place. One that would lie
    outside the grid is refused unless that is meant; one that lies there already may stay."""
    return _put(session, Station, given.code, lambda known: _station(session, given, known))


def _station(session: Session, given: NewStation, known: Station | None) -> dict[str, Any]:
    """The columns of a station as given, where it is `known` already; or the refusal."""
    _check_station(session, given)
    lon, lat = check_lonlat(given.lon, given.lat)
    cell = grid.cell_at(session, lon, lat)
    if cell is None and not given.outside and (known is None or known.cell_code):
        raise _outside(session, lon, lat)
    values = {"name_zh": given.name_zh.strip(), "place": given.place, "cell_code": cell and cell.code}
    if known is None or to_shape(known.geom) != Point(lon, lat):
        values["geom"] = from_shape(Point(lon, lat), srid=SRID)
    if given.name_en is not None:
        values["name_en"] = given.name_en or None
    if given.department is not None:
        values["department_code"] = given.department or None
    return values | _flags(illustrative=given.illustrative, active=given.active)


def _flags(**given: bool | None) -> dict[str, bool]:
    return {name: value for name, value in given.items() if value is not None}


def _put(session: Session, kind: type[Kept], code: str, values_of: Callable[[Kept | None], dict[str, Any]]) -> Kept:
    """The station or datastream of this code with these values. Looked at first, and held only to be changed; then
    looked at again, since it may have become another."""
    coded = select(kind).where(kind.code == code)
    known = session.scalars(coded).one_or_none()
    values = values_of(known)
    if known is None:
        session.execute(insert(kind).values(code=code, **values).on_conflict_do_nothing(index_elements=["code"]))
    elif all(getattr(known, name) == value for name, value in values.items()):
        return known
    held = coded.with_for_update(key_share=True).execution_options(populate_existing=True)
    known = session.scalars(held).one()
    for name, value in values_of(known).items():
        setattr(known, name, value)
    session.flush()
    return known


def _outside(session: Session, lon: float, lat: float) -> Invalid:
    told, facts = grid.nearest_told(session, lon, lat)
    message = f"The station is in no cell of the grid: {told}"
    return Invalid("telemetry.outside-grid", message, accepted="a place inside the grid, or outside=yes", **facts)


def _check_station(session: Session, given: NewStation) -> None:
    if not CODE.fullmatch(given.code):
        raise bad_field("station", given.code, "1 to 40 letters, digits, '.', '_', '-'")
    if not 0 < len(given.name_zh.strip()) <= LONGEST_NAME:
        raise bad_field("name_zh", given.name_zh, f"a name of 1 to {LONGEST_NAME} characters")
    if given.name_en and len(given.name_en) > LONGEST_NAME:
        raise bad_field("name_en", given.name_en, f"a name of at most {LONGEST_NAME} characters")
    if given.place not in PLACES and not KEY.fullmatch(given.place):
        raise bad_field("place", given.place, f"{', '.join(PLACES)}, or a key of one's own in small letters")
    if given.department and session.get(Department, given.department) is None:
        raise bad_field("department", given.department, "the code of a department, or nothing")


def put_datastream(session: Session, given: NewDatastream) -> Datastream:
    """Register a datastream, or change the one with this code; what it measures stays once it has told something."""
    station = session.scalars(select(Station).where(Station.code == given.station)).one_or_none()
    if station is None:
        raise bad_field("station", given.station, "the code of a registered station")
    return _put(session, Datastream, given.code, lambda known: _datastream(given, known) | {"station_id": station.id})


def _datastream(given: NewDatastream, known: Datastream | None) -> dict[str, Any]:
    """The columns of a datastream as given, where it is `known` already; or the refusal."""
    _check_datastream(given)
    unit, least, most = _range(given)
    if known and known.last_at and (known.quantity, known.unit) != (given.quantity, unit):
        raise Conflict(
            "telemetry.quantity-fixed",
            f"{given.code} has told {known.quantity} in {known.unit}; another quantity or unit is another datastream",
            field="quantity",
            got=[given.quantity, unit],
            accepted=[known.quantity, known.unit],
        )
    values = {"quantity": given.quantity, "unit": unit, "least": least, "most": most, "interval_s": given.interval_s}
    return values | _flags(active=given.active)


def check(session: Session, station: NewStation, stream: NewDatastream) -> None:
    """What `register` would refuse is refused, and nothing changed or held."""
    _station(session, station, session.scalars(select(Station).where(Station.code == station.code)).one_or_none())
    _datastream(stream, session.scalars(select(Datastream).where(Datastream.code == stream.code)).one_or_none())


Watch = Callable[[Session, Actor | None, str], str | None]
"""What has a datastream watched for alarms; it gives the rule's key, or None when there is none."""


def register(
    session: Session, station: NewStation, stream: NewDatastream, actor: Actor | None, watch: Watch | None = None
) -> str | None:
    """Register a datastream with its station, or change them, with a line in the log of administrative acts. `watch`
    has it watched; the key of the rule that does from now on."""
    session.execute(_ONE_AT_A_TIME)
    before = _facts(session, stream.code)
    put_station(session, station)
    put_datastream(session, stream)
    # before the log and the layer are written: who changes watches has them one at a time, and writes these after
    rule = watch(session, actor, stream.code) if watch else None
    after = _facts(session, stream.code)
    if before != after:
        admin_log.record(session, actor, "sensors.change" if before else "sensors.add", stream.code, before, after)
        session.execute(_CHANGED)
    return rule


def _facts(session: Session, code: str) -> dict[str, Any] | None:
    """What stands of a datastream and its station, as JSON values."""
    row = session.execute(_FACTS, {"code": code}).one_or_none()
    return None if row is None else dict(row._mapping)


_ONE_AT_A_TIME = text("LOCK TABLE city.station IN SHARE ROW EXCLUSIVE MODE")
_CHANGED = text("SELECT fn.layer_changed('sensors')")
_FACTS = text(
    "SELECT s.code AS station, s.name_zh, s.name_en, s.place, ST_X(s.geom) AS lon, ST_Y(s.geom) AS lat,"
    " s.department_code AS department, s.illustrative, s.active AS station_active,"
    " d.quantity, d.unit, d.least, d.most, d.interval_s, d.active"
    " FROM city.datastream d JOIN city.station s ON s.id = d.station_id WHERE d.code = :code"
)


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
    return unit, least, most


def use_datastream(session: Session, code: str, active: bool, actor: Actor | None = None) -> Datastream:
    """Take a datastream into use again, or out of it: readings of it are then unknown."""
    found = session.scalars(select(Datastream).where(Datastream.code == code).with_for_update()).one_or_none()
    if found is None:
        raise unknown(code)
    if found.active != active:
        admin_log.record(session, actor, "sensors.use", code, {"active": found.active}, {"active": active})
        found.active, found.silent_since = active, None
        session.execute(_CHANGED)
    session.flush()
    return found


def unknown(code: str) -> NotFound:
    """There is no such datastream."""
    return NotFound("telemetry.unknown", f"There is no datastream {code!r}", field="datastream", got=code)
