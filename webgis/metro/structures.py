"""Lines and structures taken in and ended. Zones follow by themselves (`zoning.recompute`)."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyproj
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.catalog.sheets import Fault
from webgis.errors import Conflict, NotFound
from webgis.grid import queries as grid
from webgis.metro import queries, zoning
from webgis.metro.distances import shipped
from webgis.metro.structure_files import Read
from webgis.metro.zoning import Changed


@dataclass
class Outcome:
    """What an import did. With any of `faults` nothing was stored; lines, structures: new, changed, as they were;
    `ended`: codes of structures of the source that the file no longer has."""

    loaded: bool = False
    rows: int = 0
    lines: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    ended: int = 0
    approximate: int = 0
    zones: Changed | None = None
    kinds: dict[str, int] = field(default_factory=dict)
    faults: Sequence[Fault] = ()


_LINES = text("SELECT code FROM city.metro_line")
_PUT_LINE = text(
    """
    INSERT INTO city.metro_line AS l (code, name_zh, name_en, colour, operator, source, place)
    VALUES (:code, :name_zh, :name_en, :colour, :operator, :source, :place)
    ON CONFLICT (code) DO UPDATE SET name_zh = excluded.name_zh, name_en = coalesce(excluded.name_en, l.name_en),
        colour = excluded.colour, operator = coalesce(excluded.operator, l.operator), source = excluded.source,
        place = excluded.place
    """
)
_STORED = text(
    "SELECT code, kind, name_zh, name_en, line_code, surveyed, since, until, source, ST_AsBinary(geom) AS wkb"
    " FROM city.metro_structure WHERE code = ANY(:codes)"
)
_PUT = text(
    """
    INSERT INTO city.metro_structure (code, kind, name_zh, name_en, line_code, geom, surveyed, source, since, until)
    SELECT n.code, n.kind, n.name_zh, n.name_en, n.line, ST_SetSRID(CAST(n.wkb AS geometry), 4490), n.surveyed,
           n.source, n.since, n.until
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) n (
        code text, kind text, name_zh text, name_en text, line text, wkb text, surveyed boolean, source text,
        since timestamptz, until timestamptz)
    ON CONFLICT (code) DO UPDATE SET kind = excluded.kind, name_zh = excluded.name_zh, name_en = excluded.name_en,
        line_code = excluded.line_code, geom = excluded.geom, surveyed = excluded.surveyed, source = excluded.source,
        since = excluded.since, until = excluded.until
    """
)
_END_OTHERS = text(
    "UPDATE city.metro_structure SET until = :at"
    " WHERE source = :source AND code <> ALL(:codes) AND since < :at AND (until IS NULL OR until > :at)"
)
_STOPS = text("SELECT line_code, path, place, structure_code FROM city.metro_stop WHERE line_code = ANY(:lines)")
_CLEAR_STOPS = text("DELETE FROM city.metro_stop WHERE line_code = ANY(:lines)")
_PUT_STOPS = text(
    """
    INSERT INTO city.metro_stop (line_code, path, place, structure_code)
    SELECT n.line, n.path, n.place, n.structure
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) n (line text, path integer, place integer, structure text)
    """
)


def take_in(
    session: Session, read: Read, *, source: str, at: datetime, since: datetime | None = None, replace: bool = False
) -> Outcome:
    """Store the lines and structures of a file by their codes, all or none. `since`: of structures that are new and
    whose row does not say; `replace`: end the structures of the source that are not in the file."""
    zoning.wait_turn(session)
    known = set(session.scalars(_LINES)) | {line.code for line in read.lines}
    kinds = {row.structure_kind for row in queries.distances(session) or shipped()}
    faults = [*read.faults, *_unknown(read, known, kinds), *_misplaced(read, grid.srid_of(session))]
    outcome = Outcome(rows=read.rows, faults=sorted(faults, key=lambda fault: fault.row or 0))
    if outcome.faults:
        return outcome
    if read.lines:
        session.execute(_PUT_LINE, [vars(line) | {"source": source} for line in read.lines])
    _put(session, read, source, since or at, outcome)
    if replace:
        codes = [one.code for one in read.structures]
        outcome.ended = session.execute(_END_OTHERS, {"source": source, "codes": codes, "at": at}).rowcount
    if read.stops:
        _put_stops(session, read)
    outcome.loaded, outcome.lines = True, len(read.lines)
    outcome.zones = zoning.recompute(session, at)
    return outcome


def _unknown(read: Read, lines: set[str], kinds: set[str]) -> Iterator[Fault]:
    accepted = ", ".join(sorted(kinds))
    for one in read.structures:
        if one.kind not in kinds:
            english = f"{one.kind!r} has no distance; accepted: {accepted}"
            yield Fault(one.row, "kind", english, f"距离表中没有“{one.kind}”；可用：{accepted}")
        if one.line is not None and one.line not in lines:
            english = f"there is no line {one.line}; name it in the field line_name"
            yield Fault(one.row, "line", english, f"没有线路 {one.line}；请在 line_name 字段给出名称")


BEYOND_DEG = 1.5
"""How far beyond the strip of the projected system a structure may lie: at the latitude of Chengdu metres of EPSG:4544
are 0.1 % off there, and the error grows with the square of the way."""


def _misplaced(read: Read, srid: int) -> Iterator[Fault]:
    """Structures so far from where the city's projected system measures that its metres are none."""
    strip = pyproj.CRS.from_epsg(srid).area_of_use
    if strip is None or strip.west > strip.east:
        return
    west, east = strip.west - BEYOND_DEG, strip.east + BEYOND_DEG
    for one in read.structures:
        first, _south, last, _north = one.geom.bounds
        if not (west <= first and last <= east):
            english = f"lies from {first:.2f} to {last:.2f} E; EPSG:{srid} measures from {west:g} to {east:g}"
            chinese = f"位于东经 {first:.2f} 至 {last:.2f} 度；EPSG:{srid} 的适用范围为 {west:g} 至 {east:g} 度"
            yield Fault(one.row, "geom", english, chinese)


def _put(session: Session, read: Read, source: str, since: datetime, outcome: Outcome) -> None:
    stored = {row.code: row for row in session.execute(_STORED, {"codes": [one.code for one in read.structures]})}
    rows = []
    for one in read.structures:
        outcome.kinds[one.kind] = outcome.kinds.get(one.kind, 0) + 1
        outcome.approximate += not one.surveyed
        was = stored.get(one.code)
        row = {
            "code": one.code, "kind": one.kind, "name_zh": one.name_zh, "name_en": one.name_en, "line": one.line,
            "surveyed": one.surveyed, "since": one.since or (was.since if was else since), "until": one.until,
            "source": source,
        }  # fmt: skip
        if was is None:
            outcome.added += 1
        elif _as_it_was(was, row, one.geom):
            outcome.unchanged += 1
            continue
        else:
            outcome.changed += 1
        rows.append(row | {"wkb": shapely.to_wkb(one.geom, hex=True)})
    if rows:
        session.execute(_PUT, {"rows": json.dumps(rows, ensure_ascii=False, default=datetime.isoformat)})


def _as_it_was(was: Any, row: dict[str, Any], geom: Any) -> bool:
    before = {"line": was.line_code} | {name: getattr(was, name) for name in row if name != "line"}
    return before == row and shapely.equals_exact(shapely.from_wkb(bytes(was.wkb)), geom, zoning.SAME_DEG)


def _put_stops(session: Session, read: Read) -> None:
    """Let the lines of a file stop where it says, if they do not already."""
    lines = sorted({stop.line for stop in read.stops})
    wanted = {(stop.line, stop.path, stop.place, stop.structure) for stop in read.stops}
    if wanted == {tuple(row) for row in session.execute(_STOPS, {"lines": lines})}:
        return
    session.execute(_CLEAR_STOPS, {"lines": lines})
    session.execute(_PUT_STOPS, {"rows": json.dumps([vars(stop) for stop in read.stops])})


_STANDS = text("SELECT since, until FROM city.metro_structure WHERE code = :code")
_END = text("UPDATE city.metro_structure SET until = :at WHERE code = :code")


def end(session: Session, code: str, at: datetime) -> Changed:
    """End a structure at the moment `at`: it was taken away, or given up."""
    zoning.wait_turn(session)
    row = session.execute(_STANDS, {"code": code}).one_or_none()
    if row is None:
        raise unknown(code)
    if row.until is not None or row.since >= at:
        raise Conflict("metro.structure-ended", f"{code} has ended already, or is not there yet", got=code)
    session.execute(_END, {"code": code, "at": at})
    return zoning.recompute(session, at)


def unknown(code: str) -> NotFound:
    """The refusal for a structure that there is not."""
    return NotFound("metro.structure-unknown", f"There is no structure {code}", got=code[:80])


def unknown_line(code: str) -> NotFound:
    """The refusal for a line that there is not."""
    return NotFound("metro.line-unknown", f"There is no line {code}", got=code[:80])


_OPERATOR = text("UPDATE city.metro_line SET department_code = :department WHERE code = :code")


def set_operator(session: Session, code: str, department: str | None) -> None:
    """Say which department decides on works in the zones of a line."""
    if not session.execute(_OPERATOR, {"code": code, "department": department}).rowcount:
        raise unknown_line(code)
