"""Grades of hazard sources in the database: found anew when what they follow from has changed, each kept with its why.

The rule is `gb18218`; here are the people within 500 m of an outline, and the history. Never commits.
"""

import functools
import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis import jobs
from webgis.errors import Invalid
from webgis.grid import queries as grid
from webgis.hazards import gb18218
from webgis.hazards.gb18218 import Grade, Stock
from webgis.hazards.gb18218_tables import standard
from webgis.hazards.source_rules import SURELY_INSIDE

AT_ONCE = 500
"""Sources that are graded by the same statements."""

_ROUNDING = 1e-6
"""People that the rounding of coordinates makes."""


@dataclass(frozen=True)
class People:
    """People within the distance of the standard, outside the outline: how many (None: not known), where that is from
    ("population" or "entered"), and the `parts` of each community."""

    count: int | None
    known_from: str | None
    parts: list[dict[str, Any]]


@dataclass(frozen=True)
class Regraded:
    """What became of grading several sources: how many they are, new grades, refusals by code of source."""

    sources: int
    grades: int
    refused: dict[str, str]


_GROUND = text(
    """
    SELECT h.id, p.* FROM unnest(CAST(:ids AS bigint[]), CAST(:srids AS integer[])) w (id, srid)
    JOIN city.hazard_source h ON h.id = w.id
    CROSS JOIN LATERAL (SELECT ST_Difference(fn.ground_within(h.geom, :metres, w.srid), h.geom) AS ground OFFSET 0) g
    CROSS JOIN LATERAL fn.people_on(g.ground) WITH ORDINALITY p ORDER BY h.id, p.ordinality
    """
)
_SOURCES = text(
    "SELECT id, code, area_code, people_entered, md5(ST_AsBinary(geom)) AS outline"
    " FROM city.hazard_source WHERE id = ANY(:ids) ORDER BY id FOR UPDATE"
)
_UNITS = text(
    """
    SELECT u.id, u.source_id, u.name, g.built_on
    FROM city.hazard_unit u
    LEFT JOIN LATERAL (SELECT o.built_on FROM city.hazard_grade o WHERE o.unit_id = u.id ORDER BY o.id DESC LIMIT 1) g
        ON true
    WHERE u.source_id = ANY(:ids) AND u.active ORDER BY u.source_id, u.place, u.id
    """
)
_STOCKS = text(
    "SELECT unit_id, name, quantity_t, cas, row_number, classes, checked FROM city.hazard_stock"
    " WHERE unit_id = ANY(:units) ORDER BY unit_id, place"
)
_KEEP = text(
    """
    INSERT INTO city.hazard_grade (unit_id, at, why, s, major, r, alpha, people, people_from, parts, level, lines,
                                   built_on, person_id)
    SELECT n.unit, :at, n.why, n.s, n.major, n.r, n.alpha, n.people, n.people_from, n.parts, n.level, n.lines,
           n.built_on, :person
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) n (
        unit bigint, why text[], s float8, major boolean, r float8, alpha float8, people integer, people_from text,
        parts jsonb, level smallint, lines jsonb, built_on jsonb)
    """
)
_STAND = text(
    """
    UPDATE city.hazard_source h SET major = n.major, level = n.level, unsettled = NULL
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) n (id bigint, major boolean, level smallint)
    WHERE h.id = n.id AND (h.major, h.level, h.unsettled) IS DISTINCT FROM (n.major, n.level, NULL::text)
    """
)
_CHANGED = text("SELECT fn.layer_changed('hazards')")
_ALL = text("SELECT id, code FROM city.hazard_source WHERE active ORDER BY id")


def people_near(session: Session, sources: Sequence[Any]) -> dict[int, People]:
    """Who may be exposed to each source (rows of `_SOURCES`), by its id: people within 500 m outside the outline, from
    the population of cells, else of communities spread evenly over them, rounded up; what was entered where too little
    of that ground has a known population."""
    values = {"ids": [one.id for one in sources], "srids": srids(session, [one.area_code for one in sources])}
    found: dict[int, list[Any]] = defaultdict(list)
    for row in session.execute(_GROUND, values | {"metres": float(standard().people_within_m)}):
        found[row.id].append(row)
    return {one.id: _people(found[one.id], one.people_entered) for one in sources}


def srids(session: Session, codes: Sequence[str | None]) -> list[int]:
    """The projected system of each of some areas or cells; of the city for None, which is outside the grid."""
    inside = [code for code in codes if code is not None]
    default = session.info["settings"].projected_srid
    known = dict(zip(inside, grid.projected_srids(session, inside, default), strict=True))
    city = None if len(inside) == len(codes) else grid.srid_of(session)
    return [city if code is None else known[code] for code in codes]


def _people(rows: Sequence[Any], entered: int | None) -> People:
    parts = [
        {
            "area": row.code,
            "name_zh": row.name_zh,
            "name_en": row.name_en,
            "population": row.population,
            "share": round(row.share, 6),
            "cells": row.cells,
            "people": None if row.people is None else round(row.people, 2),
        }
        for row in rows
    ]
    if rows and sum(row.known for row in rows) >= SURELY_INSIDE:
        count = rounded_up(sum(row.people or 0.0 for row in rows))
        return People(count, "population", [part for part in parts if part["people"] is not None])
    return People(entered, None if entered is None else "entered", [])


def rounded_up(people: float) -> int:
    """People as a whole number: a part of one counts as one."""
    return max(math.ceil(people - _ROUNDING), 0)


def check(unit: str, stocks: Sequence[Stock]) -> None:
    """Refuse stocks that cannot be graded before they are stored: `Invalid` names the `unit` and the `stock`."""
    try:
        gb18218.grade(stocks, 0)
    except Invalid as error:
        error.facts["unit"] = unit
        raise


@dataclass(frozen=True)
class _Unit:
    """A unit of a source with its stocks, what its newest grade was built on, and its grade if nobody were near."""

    id: int
    name: str
    built_on: dict[str, Any] | None
    stocks: list[Stock]
    alone: Grade | Invalid


def regrade(
    session: Session, source_ids: Sequence[int], *, at: datetime, person_id: int | None = None
) -> dict[int, int | Invalid]:
    """Grade every unit of some sources anew if what its grade follows from has changed. Of each source (its id) how
    many new grades there are, or why it cannot be graded: then it keeps those that it had."""
    sources = session.execute(_SOURCES, {"ids": list(source_ids)}).all()
    units = _units(session, source_ids)
    people = people_near(session, [one for one in sources if any(map(_is_major, units[one.id]))])
    done: dict[int, int | Invalid] = {}
    grades: list[dict[str, Any]] = []
    stands: list[dict[str, Any]] = []
    for source in sources:
        try:
            rows, stand = _graded(source, units[source.id], people.get(source.id))
        except Invalid as error:
            done[source.id] = error
        else:
            done[source.id] = len(rows)
            grades += rows
            stands.append(stand)
    if grades:
        rows = json.dumps(grades, ensure_ascii=False)
        session.execute(_KEEP, {"at": at, "person": person_id, "rows": rows})
    told = session.execute(_STAND, {"rows": json.dumps(stands)})
    if grades or told.rowcount:
        session.execute(_CHANGED)
    return done


def _units(session: Session, source_ids: Sequence[int]) -> dict[int, list[_Unit]]:
    rows = session.execute(_UNITS, {"ids": list(source_ids)}).all()
    stocks: dict[int, list[Stock]] = defaultdict(list)
    for row in session.execute(_STOCKS, {"units": [row.id for row in rows]}):
        stock = Stock(row.name, row.quantity_t, "t", row.cas, row.row_number, tuple(row.classes), row.checked)
        stocks[row.unit_id].append(stock)
    units: dict[int, list[_Unit]] = defaultdict(list)
    for row in rows:
        held = stocks[row.id]
        units[row.source_id].append(_Unit(row.id, row.name, row.built_on, held, _alone(held)))
    return units


def _alone(stocks: Sequence[Stock]) -> Grade | Invalid:
    try:
        return gb18218.grade(stocks, 0)
    except Invalid as error:
        return error


def _is_major(unit: _Unit) -> bool:
    return isinstance(unit.alone, Grade) and unit.alone.major


def _graded(source: Any, units: Sequence[_Unit], people: People | None) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The new grades of a source, and how it stands by all; or the refusal."""
    rows, stands = [], []
    for unit in units:
        if isinstance(unit.alone, Invalid):
            raise unit.alone
        found = gb18218.grade(unit.stocks, _needed(people, unit.name)) if unit.alone.major else unit.alone
        rows.append(_new(unit, found, people if found.major else None, source.outline))
        stands.append(found)
    major = any(one.major for one in stands) if stands else None
    level = min((one.level for one in stands if one.level is not None), default=None)
    return [row for row in rows if row is not None], {"id": source.id, "major": major, "level": level}


def _needed(people: People, unit: str) -> int:
    if people.count is None:
        raise Invalid(
            "hazards.people-needed",
            "The population within 500 m is not known here: count the people and enter them",
            field="people",
            got=None,
            accepted="a whole number from 0",
            unit=unit,
        )
    return people.count


def _new(unit: _Unit, found: Grade, people: People | None, outline: str) -> dict[str, Any] | None:
    """A grade as a row of the history; None when it follows from the same as the one before."""
    built_on = {
        "stocks": _digest([[str(value) for value in vars(stock).values()] for stock in unit.stocks]),
        "outline": outline,
        "people": None if people is None else [people.count, people.known_from],
        "tables": _tables(),
    }
    why = _why(unit.built_on, built_on)
    if not why:
        return None
    alpha = next((line.values["alpha"] for line in found.lines if line.step == "alpha"), None)
    return found.facts() | {
        "unit": unit.id,
        "why": why,
        "alpha": None if alpha is None else float(alpha),
        "people": people and people.count,
        "people_from": people and people.known_from,
        "parts": people.parts if people else [],
        "built_on": built_on,
    }


def _why(before: dict[str, Any] | None, now: dict[str, Any]) -> list[str]:
    """What differs from the grade before, in the words of `source_rules.WHYS`; empty when nothing does."""
    if before is None:
        return ["first"]
    differs = [name for name in ("stocks", "outline", "tables") if before[name] != now[name]]
    if before["people"] != now["people"]:
        origins = {one[1] for one in (before["people"], now["people"]) if one}
        differs.append("people" if origins == {"entered"} else "population")
    return differs


@functools.cache
def _tables() -> str:
    return _digest(repr(standard()))


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=False).encode()).hexdigest()[:16]


def regrade_all(session: Session, *, at: datetime) -> Regraded:
    """Grade every active source anew where its population, outline or the tables have changed. One that cannot be
    graded keeps the grade that it had and is marked `unsettled`. The cell of each is that of today."""
    session.execute(_PLACE_ANEW)
    codes = {row.id: row.code for row in session.execute(_ALL)}
    ids, done = list(codes), {}
    for start in range(0, len(ids), AT_ONCE):
        done |= regrade_or_mark(session, ids[start : start + AT_ONCE], at=at)
    refused = {codes[id]: one.code for id, one in done.items() if isinstance(one, Invalid)}
    return Regraded(len(ids), sum(one for one in done.values() if not isinstance(one, Invalid)), refused)


def regrade_or_mark(session: Session, source_ids: Sequence[int], *, at: datetime) -> dict[int, int | Invalid]:
    """`regrade`; sources with a refusal are marked `unsettled` with its code."""
    done = regrade(session, source_ids, at=at)
    marks = [{"id": id, "code": one.code} for id, one in done.items() if isinstance(one, Invalid)]
    if marks and session.execute(_UNSETTLED, {"rows": json.dumps(marks)}).rowcount:
        session.execute(_CHANGED)
    return done


def regrade_later(session: Session) -> None:
    """Have every active source graded anew by a job of its own: each is held for its own grading alone."""
    session.execute(_PLACE_ANEW)
    session.execute(_LATER)
    jobs.note(session, {"slow"})


_LATER = text(
    """
    INSERT INTO city.outbox (queue, task, args, due_at)
    SELECT 'slow', 'hazards.regrade_one', jsonb_build_object('source', id), now() FROM city.hazard_source WHERE active
    """
)
_PLACE_ANEW = text(
    """
    UPDATE city.hazard_source h SET cell_id = p.cell_id, area_code = p.area_code
    FROM (SELECT o.id, c.id AS cell_id, c.community_code AS area_code FROM city.hazard_source o
          CROSS JOIN LATERAL fn.cell_at(ST_PointOnSurface(o.geom)) c) p
    WHERE p.id = h.id AND (h.cell_id, h.area_code) IS DISTINCT FROM (p.cell_id, p.area_code)
    """
)
_UNSETTLED = text(
    """
    UPDATE city.hazard_source h SET unsettled = n.code
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) n (id bigint, code text)
    WHERE h.id = n.id AND h.unsettled IS DISTINCT FROM n.code
    """
)
