"""Questions about hazard sources. Who is limited to an area sees the sources in it; to others they do not exist."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis import db
from webgis.accounts.actor import Actor
from webgis.cases import queries as cases
from webgis.errors import NotFound
from webgis.grid import queries as grid
from webgis.hazards import alarm_queries
from webgis.hazards.screening import Held
from webgis.hazards.source_rules import KINDS, SourceKind

MOST = 500
_KIND = re.compile(r"[a-z][a-z0-9_]{1,39}")

COLUMNS = (
    *("id", "code", "kind", "name_zh", "name_en", "holder", "credit_code", "department_code", "department_zh"),
    *("department_en", "cell_code", "area_code", "area_zh", "area_en", "people_entered", "remark", "source"),
    *("illustrative", "active", "version", "major", "level", "unsettled", "made_at", "changed_at"),
)
_SELECT = f"""
    SELECT {", ".join("l." + name for name in COLUMNS)}, fn.hazard_live(l.id) AS live,
           ST_X(l.place) AS lon, ST_Y(l.place) AS lat, ST_AsGeoJSON(l.geom, 7, 0)::jsonb AS geometry
    FROM fn.hazard_line l
"""
_SIGHT = "(CAST(:area AS text) IS NULL OR starts_with(l.area_code, :area))"


@dataclass(frozen=True)
class Filters:
    """Which sources: of these `kinds`; `level` 1 to 4, or 0 for what is no major source; `words` in code, name, holder;
    closed ones too."""

    kind: str | None = None
    level: int | None = None
    words: str = ""
    closed: bool = False


def kinds(session: Session) -> Mapping[str, SourceKind]:
    """The kinds that ship and the city's own, by their code."""
    own = session.execute(text("SELECT code, name_zh, name_en FROM city.hazard_kind ORDER BY code")).all()
    return KINDS | {row.code: SourceKind(*row) for row in own}


def may_be_kind(code: str) -> bool:
    """Whether a city may call a kind of its own so."""
    return bool(_KIND.fullmatch(code)) and code not in KINDS


def listed(session: Session, actor: Actor, filters: Filters) -> Sequence[Row[Any]]:
    """The sources that somebody may see: those in alarm first, then the gravest."""
    words = filters.words.strip()
    values = {"area": actor.area, "kind": filters.kind, "level": filters.level, "closed": filters.closed}
    values |= {"words": words, "part": f"%{db.like(words)}%", "most": MOST}
    return session.execute(_LISTED, values).all()


_LISTED = text(
    f"""
    SELECT * FROM ({_SELECT} WHERE {_SIGHT} AND (:closed OR l.active)
        AND (CAST(:kind AS text) IS NULL OR l.kind = :kind)
        AND (CAST(:level AS integer) IS NULL OR coalesce(l.level, 0) = :level)
        AND (:words = '' OR l.code ILIKE :part OR l.name_zh ILIKE :part OR l.name_en ILIKE :part
             OR l.holder ILIKE :part)) r
    ORDER BY r.active DESC, (r.live = 'alarm') IS TRUE DESC, r.level NULLS LAST, r.name_zh, r.code LIMIT :most
    """
)
_ONE = text(f"{_SELECT} WHERE {_SIGHT} AND l.code = :code")


def require(session: Session, actor: Actor, code: str) -> Row[Any]:
    """The source of this code, as `listed` gives it, or `NotFound`."""
    row = session.execute(_ONE, {"area": actor.area, "code": code}).one_or_none()
    if row is None:
        raise unknown(code)
    return row


def unknown(code: str) -> NotFound:
    """The refusal of an address that names no source, or none that one may see."""
    return NotFound("hazards.source-unknown", f"There is no hazard source {code[:64]!r}", got=code[:64])


def counts(session: Session, actor: Actor) -> Mapping[str, int]:
    """How many active sources there are by level ("1" to "4", "0": none), and in `alarm`."""
    row = session.execute(_COUNTS, {"area": actor.area}).one()
    return dict(row._mapping)


_COUNTS = text(
    f"""
    SELECT count(*) FILTER (WHERE l.level = 1) AS "1", count(*) FILTER (WHERE l.level = 2) AS "2",
           count(*) FILTER (WHERE l.level = 3) AS "3", count(*) FILTER (WHERE l.level = 4) AS "4",
           count(*) FILTER (WHERE l.level IS NULL) AS "0",
           count(*) FILTER (WHERE fn.hazard_live(l.id) = 'alarm') AS alarm
    FROM fn.hazard_line l WHERE {_SIGHT} AND l.active
    """
)


def units(session: Session, source_id: int) -> Sequence[Row[Any]]:
    """The units of a source with their stocks and newest grade (its columns, null while there is none)."""
    return session.execute(_UNITS, {"id": source_id}).all()


_STOCKS = """
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', k.name, 'quantity', k.quantity_t::text, 'cas', k.cas, 'row', k.row_number,
        'classes', to_jsonb(k.classes), 'checked', k.checked) ORDER BY k.place), '[]') AS stocks
    FROM city.hazard_stock k WHERE k.unit_id = u.id
"""
_UNITS = text(
    f"""
    SELECT u.id, u.name, u.kind, s.stocks, g.at, g.why, g.s, g.major, g.r, g.alpha, g.people, g.people_from, g.parts,
           g.level, g.lines
    FROM city.hazard_unit u
    CROSS JOIN LATERAL ({_STOCKS}) s
    LEFT JOIN LATERAL (SELECT * FROM city.hazard_grade o WHERE o.unit_id = u.id ORDER BY o.id DESC LIMIT 1) g ON true
    WHERE u.source_id = :id AND u.active ORDER BY u.place, u.id
    """
)


def held(session: Session, source_id: int) -> list[Held]:
    """What the units of a source hold, in their order."""
    return [Held(*row) for row in session.execute(_HELD, {"id": source_id})]


_HELD = text(
    """
    SELECT k.name, k.cas, k.row_number, CAST(k.quantity_t AS float8)
    FROM city.hazard_unit u JOIN city.hazard_stock k ON k.unit_id = u.id
    WHERE u.source_id = :id AND u.active ORDER BY u.place, u.id, k.place
    """
)


def grades(session: Session, source_id: int, most: int = 200) -> Sequence[Row[Any]]:
    """Every grade that units of a source had, the newest first, also of units that are gone."""
    return session.execute(_GRADES, {"id": source_id, "most": most}).all()


_GRADES = text(
    """
    SELECT g.id, g.at, u.name AS unit, u.active, g.why, g.s, g.major, g.r, g.alpha, g.people, g.people_from, g.level,
           p.name AS person
    FROM city.hazard_grade g JOIN city.hazard_unit u ON u.id = g.unit_id LEFT JOIN city.person p ON p.id = g.person_id
    WHERE u.source_id = :id ORDER BY g.id DESC LIMIT :most
    """
)


def stations(session: Session, actor: Actor, source_id: int) -> Sequence[Row[Any]]:
    """The datastreams of the stations that watch a source: station, quantity, newest value, silent since, and the level
    of an alarm that stands and that one may see."""
    return session.execute(_STATIONS, cases.sight(actor)._asdict() | {"id": source_id}).all()


_STATIONS = text(
    f"""
    SELECT s.code, s.name_zh, s.name_en, s.active, d.code AS datastream, d.quantity, d.unit, d.last_at, d.last_value,
           d.silent_since, a.level AS alarm, ST_X(s.geom) AS lon, ST_Y(s.geom) AS lat
    FROM city.hazard_source_station w JOIN city.station s ON s.id = w.station_id
    LEFT JOIN city.datastream d ON d.station_id = s.id AND d.active
    LEFT JOIN LATERAL (SELECT l.level FROM fn.alarm_line l
                       WHERE l.datastream_id = d.id AND l.state = 'open' AND {alarm_queries.SEEN}
                       ORDER BY l.rank DESC LIMIT 1) a ON true
    WHERE w.source_id = :id ORDER BY s.code, d.code
    """
)


def rings(session: Session, source: Row[Any], metres: Sequence[int]) -> Sequence[Row[Any]]:
    """The ground within each of these distances of a source, the widest first: metres, geometry."""
    asked = {"id": source.id, "metres": list(metres), "srid": grid.srid_of(session, source.area_code)}
    return session.execute(_RINGS, asked).all()


_RINGS = text(
    """
    SELECT m.metres, ST_AsGeoJSON(fn.ground_within(h.geom, m.metres, :srid), 6, 0)::jsonb AS geometry
    FROM city.hazard_source h CROSS JOIN unnest(CAST(:metres AS integer[])) AS m (metres)
    WHERE h.id = :id ORDER BY m.metres DESC
    """
)


def alarms(session: Session, actor: Actor, source_id: int, most: int = 20) -> Sequence[Row[Any]]:
    """The newest alarms that one may see of the stations that watch a source, with the number of the case."""
    values = cases.sight(actor)._asdict() | {"id": source_id, "most": most}
    return session.execute(_ALARMS, values).all()


_ALARMS = text(
    f"""
    SELECT l.id, l.state, l.level, l.raised_at, l.reset_at, l.peak, l.measure, l.window_s, l.datastream, l.quantity,
           l.unit, l.station, l.station_zh AS name_zh, l.station_en AS name_en, l.case_number AS number, l.case_state
    FROM city.hazard_source_station w JOIN city.datastream d ON d.station_id = w.station_id
    JOIN fn.alarm_line l ON l.datastream_id = d.id
    WHERE w.source_id = :id AND {alarm_queries.SEEN} ORDER BY l.id DESC LIMIT :most
    """
)


def told(session: Session, codes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Sources by their codes as the log of administrative acts keeps them: everything but the persons in charge."""
    rows = (dict(row._mapping) for row in session.execute(_TOLD, {"codes": list(codes)}))
    return {row.pop("code"): row for row in rows}


_TOLD = text(
    """
    SELECT h.code, h.kind, h.name_zh, h.name_en, h.holder, h.credit_code, md5(ST_AsBinary(h.geom)) AS outline,
           h.department_code AS department, h.people_entered AS people, h.remark, h.source, h.active, h.level,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('name', u.name, 'kind', u.kind, 'stocks', (
                SELECT coalesce(jsonb_agg(jsonb_build_array(k.name, k.quantity_t, k.cas, k.row_number,
                                                            to_jsonb(k.classes)) ORDER BY k.place), '[]')
                FROM city.hazard_stock k WHERE k.unit_id = u.id)) ORDER BY u.place, u.id), '[]')
            FROM city.hazard_unit u WHERE u.source_id = h.id AND u.active) AS units,
           ARRAY(SELECT s.code FROM city.hazard_source_station w JOIN city.station s ON s.id = w.station_id
                 WHERE w.source_id = h.id ORDER BY 1) AS stations
    FROM city.hazard_source h WHERE h.code = ANY(:codes)
    """
)


def units_given(session: Session, codes: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """The units of sources by the code of the source, as they would be given again."""
    found: dict[str, list[dict[str, Any]]] = {code: [] for code in codes}
    for row in session.execute(_UNITS_GIVEN, {"codes": list(codes)}):
        found[row.code].append({"name": row.name, "kind": row.kind, "stocks": row.stocks})
    return found


_UNITS_GIVEN = text(
    f"""
    SELECT h.code, u.name, u.kind, s.stocks
    FROM city.hazard_source h JOIN city.hazard_unit u ON u.source_id = h.id CROSS JOIN LATERAL ({_STOCKS}) s
    WHERE h.code = ANY(:codes) AND u.active ORDER BY u.source_id, u.place, u.id
    """
)
