"""Grades of hazard sources in the database: found anew when what they follow from has changed, each kept with its why.

The rule is `gb18218`; here are the people within 500 m of an outline, and the history. Never commits.
"""

import functools
import hashlib
import json
import math
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


_GROUND = """
    SELECT p.* FROM city.hazard_source h
    CROSS JOIN LATERAL (SELECT ST_Difference(fn.ground_within(h.geom, :metres, :srid), h.geom) AS ground) g
    CROSS JOIN LATERAL fn.people_on(g.ground) p WHERE h.id = :id
"""
_SOURCE = text(
    "SELECT id, code, area_code, people_entered, md5(ST_AsBinary(geom)) AS outline, major, level, unsettled"
    " FROM city.hazard_source WHERE id = :id FOR UPDATE"
)
_UNITS = text(
    """
    SELECT u.id, u.name, g.built_on, g.major, g.level
    FROM city.hazard_unit u
    LEFT JOIN LATERAL (SELECT o.built_on, o.major, o.level FROM city.hazard_grade o WHERE o.unit_id = u.id
                       ORDER BY o.id DESC LIMIT 1) g ON true
    WHERE u.source_id = :id AND u.active ORDER BY u.place, u.id
    """
)
_STOCKS = text(
    "SELECT name, quantity_t, cas, row_number, classes, checked FROM city.hazard_stock WHERE unit_id = :unit"
    " ORDER BY place"
)
_KEEP = text(
    """
    INSERT INTO city.hazard_grade (unit_id, at, why, s, major, r, alpha, people, people_from, parts, level, lines,
                                   built_on, person_id)
    VALUES (:unit, :at, :why, :s, :major, :r, :alpha, :people, :people_from, CAST(:parts AS jsonb), :level,
            CAST(:lines AS jsonb), CAST(:built_on AS jsonb), :person)
    """
)
_STAND = text(
    "UPDATE city.hazard_source SET major = :major, level = :level, unsettled = :unsettled WHERE id = :id"
    " AND (major, level, unsettled) IS DISTINCT FROM (CAST(:major AS boolean), CAST(:level AS smallint),"
    " CAST(:unsettled AS text))"
)
_CHANGED = text("SELECT fn.layer_changed('hazards')")
_ALL = text("SELECT id, code FROM city.hazard_source WHERE active ORDER BY id")


def people_near(session: Session, source_id: int, area_code: str | None, entered: int | None) -> People:
    """Who may be exposed: people within 500 m outside the outline, from the population of the communities spread evenly
    over them, rounded up; what was entered where too little of that ground has a known population."""
    values = {"id": source_id, "metres": float(standard().people_within_m), "srid": grid.srid_of(session, area_code)}
    rows = session.execute(text(_GROUND), values).all()
    parts = [
        {
            "area": row.code,
            "name_zh": row.name_zh,
            "name_en": row.name_en,
            "population": row.population,
            "share": round(row.share, 6),
            "people": None if row.people is None else round(row.people, 2),
        }
        for row in rows
    ]
    if rows and sum(row.of_ground for row in rows if row.population is not None) >= SURELY_INSIDE:
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


def regrade(session: Session, source_id: int, *, at: datetime, person_id: int | None = None) -> int:
    """Grade every unit of a source anew if what its grade follows from has changed; returns how many new grades there
    are. `Invalid` when one cannot be graded."""
    source = session.execute(_SOURCE, {"id": source_id}).one()
    people, stands, made = None, [], 0
    for unit in session.execute(_UNITS, {"id": source_id}).all():
        stocks = [
            Stock(row.name, row.quantity_t, "t", row.cas, row.row_number, tuple(row.classes), row.checked)
            for row in session.execute(_STOCKS, {"unit": unit.id})
        ]
        found = gb18218.grade(stocks, 0)
        if found.major:
            people = people or people_near(session, source_id, source.area_code, source.people_entered)
            found = gb18218.grade(stocks, _needed(people, unit.name))
        made += _keep(session, unit, found, people if found.major else None, source.outline, stocks, at, person_id)
        stands.append(found)
    major = any(one.major for one in stands) if stands else None
    level = min((one.level for one in stands if one.level is not None), default=None)
    told = session.execute(_STAND, {"id": source_id, "major": major, "level": level, "unsettled": None})
    if made or told.rowcount:
        session.execute(_CHANGED)
    return made


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


def _keep(
    session: Session,
    unit: Any,
    found: Grade,
    people: People | None,
    outline: str,
    stocks: Sequence[Stock],
    at: datetime,
    person_id: int | None,
) -> bool:
    """Add a grade to the history if it follows from something else than the one before."""
    built_on = {
        "stocks": _digest([[str(value) for value in vars(stock).values()] for stock in stocks]),
        "outline": outline,
        "people": None if people is None else [people.count, people.known_from],
        "tables": _tables(),
    }
    why = _why(unit.built_on, built_on)
    if not why:
        return False
    alpha = next((line.values["alpha"] for line in found.lines if line.step == "alpha"), None)
    facts = found.facts()
    values = {"unit": unit.id, "at": at, "why": why, "person": person_id, "built_on": json.dumps(built_on)}
    values |= {name: facts[name] for name in ("s", "major", "r", "level")}
    values |= {
        "alpha": None if alpha is None else float(alpha),
        "people": people and people.count,
        "people_from": people and people.known_from,
        "parts": json.dumps(people.parts if people else [], ensure_ascii=False),
        "lines": json.dumps(facts["lines"], ensure_ascii=False),
    }
    session.execute(_KEEP, values)
    return True


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
    made, refused = 0, {}
    session.execute(_PLACE_ANEW)
    sources = session.execute(_ALL).all()
    for source in sources:
        new, refusal = regrade_or_mark(session, source.id, at=at)
        made += new
        if refusal is not None:
            refused[source.code] = refusal
    return Regraded(len(sources), made, refused)


def regrade_or_mark(session: Session, source_id: int, *, at: datetime) -> tuple[int, str | None]:
    """Grade a source anew; the new grades, and the refusal (its code) for which it keeps those it had, `unsettled`."""
    try:
        with session.begin_nested():
            return regrade(session, source_id, at=at), None
    except Invalid as error:
        if session.execute(_UNSETTLED, {"id": source_id, "code": error.code}).rowcount:
            session.execute(_CHANGED)
        return 0, error.code


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
_UNSETTLED = text("UPDATE city.hazard_source SET unsettled = :code WHERE id = :id AND unsettled IS DISTINCT FROM :code")
