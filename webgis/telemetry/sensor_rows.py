"""The rows of stations and datastreams: of many at once, each table by one statement. Nothing is refused here."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from webgis.accounts import queries as accounts
from webgis.errors import Invalid
from webgis.geo import check_lonlat
from webgis.grid import queries as grid
from webgis.telemetry.sensor_rules import Columns, NewDatastream, NewStation

Given = tuple[NewStation | None, NewDatastream | None]
"""What is put together: a station, a datastream, or both."""


Place = tuple[float, float]


class Rows(NamedTuple):
    """Stations and datastreams by code."""

    stations: Mapping[str, Columns]
    streams: Mapping[str, Columns]

    def also(self, others: "Rows") -> "Rows":
        """These, and others as they stand there."""
        return Rows({**self.stations, **others.stations}, {**self.streams, **others.streams})

    def beyond(self, others: "Rows") -> "Rows":
        """Those that are not among the others."""
        pairs = zip(self, others, strict=True)
        return Rows(*({code: now[code] for code in now if code not in was} for now, was in pairs))

    def unlike(self, others: "Rows") -> "Rows":
        """Those that are not so among the others."""
        pairs = zip(self, others, strict=True)
        return Rows(*({code: now[code] for code in now if now[code] != was.get(code)} for now, was in pairs))


@dataclass(frozen=True)
class Seen:
    """How the stations and datastreams in question stand; which departments there are of those named; which cells hold
    the places. `nearest` keeps what was said of places in no cell."""

    rows: Rows
    departments: Collection[str]
    cells: Mapping[Place, str | None]
    nearest: dict[Place, tuple[str, dict[str, Any]]] = field(default_factory=dict)


_STATION = """
    SELECT s.code, s.name_zh, s.name_en, s.place, ST_X(s.geom) AS lon, ST_Y(s.geom) AS lat, s.cell_code AS cell,
           s.department_code AS department, s.illustrative, s.active
    FROM city.station s WHERE s.code = ANY(:codes) ORDER BY s.id
"""
# the station by a question of its own: of a row that was waited for it is asked anew, where a join would lose the row
_STREAM = """
    SELECT d.code, (SELECT s.code FROM city.station s WHERE s.id = d.station_id) AS station, d.quantity, d.unit,
           d.least, d.most, d.interval_s, d.active, d.last_at IS NOT NULL AS told
    FROM city.datastream d WHERE d.code = ANY(:codes) ORDER BY d.id
"""
_STATIONS, _STREAMS = text(_STATION), text(_STREAM)
_HOLD_STATIONS, _HOLD_STREAMS = text(f"{_STATION} FOR NO KEY UPDATE OF s"), text(f"{_STREAM} FOR NO KEY UPDATE OF d")
_HOLD_ALL_STREAMS = text("LOCK TABLE city.datastream IN EXCLUSIVE MODE")


def look(session: Session, given: Sequence[Given]) -> Seen:
    """How those in question stand; nothing is held."""
    stations = [station for station, _stream in given if station is not None]
    streams = [stream for _station, stream in given if stream is not None]
    departments = accounts.departments_among(session, (one.department for one in stations))
    known = _by_code(session, _STREAMS, (stream.code for stream in streams))
    codes = {one.code for one in stations} | {one.station for one in streams} | {s["station"] for s in known.values()}
    places = list(dict.fromkeys(place for one in stations if (place := _place(one)) is not None))
    cells = dict(zip(places, grid.cell_codes_at(session, places), strict=True))
    return Seen(Rows(_by_code(session, _STATIONS, codes), known), departments, cells)


def _place(given: NewStation) -> Place | None:
    """Where a station is; None for what is no place, which is refused later."""
    try:
        return check_lonlat(given.lon, given.lat)
    except Invalid:
        return None


def _by_code(session: Session, asked: TextClause, codes: Iterable[str]) -> dict[str, Columns]:
    wanted = sorted(set(codes))
    rows = session.execute(asked, {"codes": wanted}).mappings() if wanted else ()
    return {row["code"]: {name: value for name, value in row.items() if name != "code"} for row in rows}


def hold(session: Session, rows: Rows) -> Rows:
    """Hold these stations and datastreams until the transaction ends; how they stand then. Of several datastreams the
    whole table is held: the writer of readings holds them in an order of its own."""
    stations = _by_code(session, _HOLD_STATIONS, rows.stations)
    if len(rows.streams) > 1:
        session.execute(_HOLD_ALL_STREAMS)
    return Rows(stations, _by_code(session, _HOLD_STREAMS, rows.streams))


def again(session: Session, seen: Seen, held: Rows) -> Seen:
    """What was seen, with how those stand that are held since."""
    rows = seen.rows.also(held)
    others = {stream["station"] for stream in held.streams.values()} - rows.stations.keys()
    return replace(seen, rows=rows.also(Rows(_by_code(session, _STATIONS, others), {})))


_COLUMNS = (
    "code text, name_zh text, name_en text, place text, lon float8, lat float8, cell text, department text,"
    " illustrative boolean, active boolean"
)
_STREAM_COLUMNS = (
    "code text, station text, quantity text, unit text, least float8, most float8, interval_s integer, active boolean"
)
_ADD_STATIONS = text(
    f"""
    INSERT INTO city.station (code, name_zh, name_en, place, geom, cell_code, department_code, illustrative, active)
    SELECT n.code, n.name_zh, n.name_en, n.place, ST_SetSRID(ST_Point(n.lon, n.lat), 4490), n.cell, n.department,
           n.illustrative, n.active
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) n ({_COLUMNS})
    ON CONFLICT (code) DO NOTHING RETURNING code
    """
)
_ADD_STREAMS = text(
    f"""
    INSERT INTO city.datastream (code, station_id, quantity, unit, least, most, interval_s, active)
    SELECT n.code, (SELECT s.id FROM city.station s WHERE s.code = n.station), n.quantity, n.unit, n.least, n.most,
           n.interval_s, n.active
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) n ({_STREAM_COLUMNS})
    ON CONFLICT (code) DO NOTHING RETURNING code
    """
)
_CHANGE_STATIONS = text(
    f"""
    UPDATE city.station s SET name_zh = n.name_zh, name_en = n.name_en, place = n.place,
        geom = ST_SetSRID(ST_Point(n.lon, n.lat), 4490), cell_code = n.cell, department_code = n.department,
        illustrative = n.illustrative, active = n.active
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) n ({_COLUMNS}) WHERE s.code = n.code
    """
)
_CHANGE_STREAMS = text(
    f"""
    UPDATE city.datastream d SET station_id = s.id, quantity = n.quantity, unit = n.unit, least = n.least,
        most = n.most, interval_s = n.interval_s, active = n.active
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) n ({_STREAM_COLUMNS}) JOIN city.station s ON s.code = n.station
    WHERE d.code = n.code
    """
)


def add(session: Session, rows: Rows) -> Rows:
    """Add these; those added. One whose code somebody else has just taken is left as it is."""
    return Rows(_added(session, _ADD_STATIONS, rows.stations), _added(session, _ADD_STREAMS, rows.streams))


def _added(session: Session, statement: TextClause, rows: Mapping[str, Columns]) -> dict[str, Columns]:
    codes = session.scalars(statement, {"rows": _json(rows)}) if rows else ()
    return {code: rows[code] for code in codes}


def change(session: Session, rows: Rows) -> None:
    """Let these stations and datastreams stand as given."""
    for statement, some in zip((_CHANGE_STATIONS, _CHANGE_STREAMS), rows, strict=True):
        if some:
            session.execute(statement, {"rows": _json(some)})


def _json(rows: Mapping[str, Columns]) -> str:
    return json.dumps([{"code": code, **columns} for code, columns in rows.items()], ensure_ascii=False)
