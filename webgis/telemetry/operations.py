"""Stations and datastreams: to register and to change them. Their readings come by `inbox.py`.

What is registered is never deleted, since readings, alarms and cases tell of it: it is taken out of use (`active`).
The writer of readings needs the rows of datastreams: only one that changes is held.
"""

import math
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from webgis.accounts import admin_log
from webgis.accounts.actor import Actor
from webgis.errors import Invalid, NotFound
from webgis.geo import check_lonlat
from webgis.grid import queries as grid
from webgis.telemetry import sensor_rows, sensor_rules
from webgis.telemetry.models import Datastream, Station
from webgis.telemetry.sensor_rows import Given, Rows, Seen
from webgis.telemetry.sensor_rules import Columns, Facts, NewDatastream, NewStation, bad_field

Kept = TypeVar("Kept", Station, Datastream)
Told = tuple[Facts | None, Facts | None]
"""What the log tells of a datastream before and after."""

FARTHEST = 20
"""Of so many places outside the grid the nearest cell is told: far away finding it takes a third of a second."""


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
    _put(session, [(given, None)])
    return _kept(session, Station, given.code)


def put_datastream(session: Session, given: NewDatastream) -> Datastream:
    """Register a datastream, or change the one with this code; what it measures stays once it has told something."""
    _put(session, [(None, given)])
    return _kept(session, Datastream, given.code)


def _kept(session: Session, kind: type[Kept], code: str) -> Kept:
    return session.scalars(select(kind).where(kind.code == code).execution_options(populate_existing=True)).one()


def _put(session: Session, given: Sequence[Given]) -> list[Told]:
    """Put these as if they came one by one. They are looked at first, and held only to be changed; then looked at
    again, since they may have become others."""
    seen = sensor_rows.look(session, given)
    rows, told = _become(session, seen, given)
    added = sensor_rows.add(session, rows.beyond(seen.rows))
    held = sensor_rows.hold(session, rows.unlike(seen.rows.also(added)))
    if any(held.unlike(seen.rows)):
        seen = sensor_rows.again(session, seen, held)
        rows, told = _become(session, seen, given)
    sensor_rows.change(session, rows.unlike(seen.rows.also(added)))
    return told


def _become(session: Session, seen: Seen, given: Sequence[Given]) -> tuple[Rows, list[Told]]:
    """How all stand when these are put in turn, and what the log tells of each datastream; or the first refusal."""
    stations, streams, told = dict(seen.rows.stations), dict(seen.rows.streams), []
    for station, stream in given:
        before = sensor_rules.facts(streams.get(stream.code), stations) if stream else None
        if station:
            stations[station.code] = _station(session, seen, station, stations.get(station.code))
        if stream and stream.station not in stations:
            raise bad_field("station", stream.station, "the code of a registered station")
        if stream:
            streams[stream.code] = sensor_rules.datastream(stream, streams.get(stream.code))
            told.append((before, sensor_rules.facts(streams[stream.code], stations)))
    return Rows(stations, streams), told


def _station(session: Session, seen: Seen, given: NewStation, known: Columns | None) -> Columns:
    """A station as given, where it is `known` already; or the refusal."""
    sensor_rules.check_station(given, seen.departments)
    lon, lat = check_lonlat(given.lon, given.lat)
    cell = seen.cells[lon, lat]
    if cell is None and not given.outside and (known is None or known["cell"]):
        raise _outside(session, seen, lon, lat)
    return sensor_rules.station(given, lon, lat, cell, known)


def _outside(session: Session, seen: Seen, lon: float, lat: float) -> Invalid:
    if (lon, lat) not in seen.nearest and len(seen.nearest) < FARTHEST:
        seen.nearest[lon, lat] = grid.nearest_told(session, lon, lat)
    untold = "the nearest cell is told of others", {"field": "lon", "got": [lon, lat]}
    told, facts = seen.nearest.get((lon, lat), untold)
    message = f"The station is in no cell of the grid: {told}"
    return Invalid("telemetry.outside-grid", message, accepted="a place inside the grid, or outside=yes", **facts)


def look(session: Session, given: Sequence[Given]) -> Seen:
    """How those stand that are to be registered, for `check`; nothing is held."""
    return sensor_rows.look(session, given)


def check(session: Session, seen: Seen, station: NewStation, stream: NewDatastream) -> None:
    """What `register` would refuse is refused, and nothing changed or held."""
    _station(session, seen, station, seen.rows.stations.get(station.code))
    sensor_rules.datastream(stream, seen.rows.streams.get(stream.code))


Watch = Callable[[Session, Actor | None, str], str | None]
"""What has a datastream watched for alarms; it gives the rule's key, or None when there is none."""


def register(
    session: Session, station: NewStation, stream: NewDatastream, actor: Actor | None, watch: Watch | None = None
) -> str | None:
    """Register a datastream with its station, or change them, with a line in the log of administrative acts. `watch`
    has it watched; the key of the rule that does from now on."""
    session.execute(_ONE_AT_A_TIME)
    told = _put(session, [(station, stream)])
    # before the log and the layer are written: who changes watches has them one at a time, and writes these after
    rule = watch(session, actor, stream.code) if watch else None
    _note(session, actor, [stream], told)
    return rule


def register_all(session: Session, given: Sequence[tuple[NewStation, NewDatastream]], actor: Actor | None) -> None:
    """Register many as `register` would one by one, by some ten statements for all of them; or the first refusal."""
    session.execute(_ONE_AT_A_TIME)
    _note(session, actor, [stream for _station, stream in given], _put(session, given))


def _note(session: Session, actor: Actor | None, streams: Sequence[NewDatastream], told: Sequence[Told]) -> None:
    """The lines of the log, of those that have changed."""
    acts = [
        admin_log.Act("sensors.change" if before else "sensors.add", stream.code, before, after)
        for stream, (before, after) in zip(streams, told, strict=True)
        if before != after
    ]
    if acts:
        admin_log.record_all(session, actor, acts)
        session.execute(_CHANGED)


_ONE_AT_A_TIME = text("LOCK TABLE city.station IN SHARE ROW EXCLUSIVE MODE")
_CHANGED = text("SELECT fn.layer_changed('sensors')")


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
