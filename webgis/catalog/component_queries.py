"""Questions about the register of components: lists by filters, one with its history, counts. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis import db
from webgis.catalog.component_rules import ALL_FIELDS, CODE_LENGTH, STATES, bad_field, code_fault
from webgis.catalog.standards import CURRENT
from webgis.geo import Box

MOST_ROWS = 1000
COLUMNS = ("standard", "class_code", "class_zh", "class_en", *(field.column for field in ALL_FIELDS), "version")
"""What a line of the register tells, besides its geometry."""


@dataclass(frozen=True)
class Filters:
    """Which components. `area`: a code of 4 to 12 digits; `q`: beginning of a number it bears, else words."""

    area: str | None = None
    cell: str | None = None
    classes: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    maintainer: str | None = None
    bbox: Box | None = None
    q: str | None = None


@dataclass(frozen=True)
class Page:
    """Lines in the order of their codes, and where the next page begins (None: this was the last)."""

    rows: Sequence[Row]
    next: str | None


def listed(session: Session, filters: Filters, *, limit: int = 100, cursor: str | None = None) -> Page:
    """A page of components by code. `cursor`: the last code of the page before."""
    if cursor is not None and code_fault(cursor):
        raise bad_field("cursor", cursor, "the cursor in the `next` of the page before")
    where, given = _where(filters)
    if cursor is not None:
        where, given = [*where, "c.code > :cursor"], given | {"cursor": cursor}
    rows = _lines(session, where, given | {"most": limit + 1}, "LIMIT :most")
    more = len(rows) > limit
    return Page(rows[:limit], rows[limit - 1].code if more else None)


def lines(session: Session, filters: Filters) -> Sequence[Row]:
    """Every such component, by code, with its geometry as `wkb` (CGCS2000 degrees)."""
    return _lines(session, *_where(filters))


def counts(session: Session, filters: Filters) -> Sequence[Row]:
    """How many there are by class and state: class_code, class_zh, class_en, state, components."""
    where, given = _where(filters)
    condition = " AND ".join(where) or "true"
    return session.execute(
        text(
            "SELECT c.class_code, k.name_zh AS class_zh, k.name_en AS class_en, c.state, c.components"
            f" FROM (SELECT standard, class_code, state, count(*) AS components FROM city.component c WHERE {condition}"
            " GROUP BY standard, class_code, state) c"
            " JOIN city.class k ON k.standard = c.standard AND k.kind = 'component' AND k.code = c.class_code"
            " ORDER BY c.class_code, c.state"
        ),
        given,
    ).all()


def history(session: Session, code: str) -> Sequence[Row]:
    """Every version of a component, oldest first: version, at, action, state, changes, login, survey_id, reason."""
    return session.execute(
        text(
            "SELECT e.version, e.at, e.recorded_at, e.action, e.state, e.changes, p.login, e.survey_id, e.reason"
            " FROM city.component_event e LEFT JOIN city.person p ON p.id = e.person_id"
            " WHERE e.component_code = :code ORDER BY e.version"
        ),
        {"code": code},
    ).all()


def line(session: Session, code: str) -> Row | None:
    """One component as `listed` gives it, or None."""
    return next(iter(_lines(session, ["c.code = :code"], {"code": code})), None)


def _lines(session: Session, where: list[str], given: dict[str, Any], tail: str = "") -> Sequence[Row]:
    """Lines of the components that meet the conditions: these are found first, and only their lines are made."""
    chosen = ", ".join(f"l.{name}" for name in COLUMNS)
    condition = " AND ".join(where) or "true"
    return session.execute(
        text(
            f"SELECT {chosen}, l.lon, l.lat, ST_AsBinary(l.geom) AS wkb"
            f" FROM (SELECT c.code FROM city.component c WHERE {condition} ORDER BY c.code {tail}) found"
            " JOIN fn.component_line l ON l.code = found.code ORDER BY l.code"
        ),
        given,
    ).all()


def _where(filters: Filters) -> tuple[list[str], dict[str, Any]]:
    """Conditions on `c`, and their values. Only words of ours are in the SQL."""
    where: list[str] = []
    given: dict[str, Any] = {}
    for state in filters.states:
        if state not in STATES:
            raise bad_field("state", state, f"one or more of {', '.join(STATES)}")
    for name, condition, value in (
        ("area", "c.cell_code LIKE :area", filters.area and f"{filters.area}%"),
        ("cell", "c.cell_code = :cell", filters.cell),
        ("classes", "c.class_code = ANY(:classes)", list(filters.classes)),
        ("states", "c.state = ANY(:states)", list(filters.states)),
        ("maintainer", "c.maintainer_code = :maintainer", filters.maintainer),
    ):
        if value:
            where.append(condition)
            given[name] = value
    if filters.bbox is not None:
        where.append("c.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490)")
        given |= dict(zip(("west", "south", "east", "north"), filters.bbox, strict=True))
    if words := (filters.q or "").strip():
        where.append(_NUMBERS if words.isascii() and words.isdigit() else _WORDS)
        given |= {"begins": f"{db.like(words)}%", "holds": f"%{db.like(words)}%", "standard": CURRENT}
        given |= {"first": words.ljust(CODE_LENGTH, "0"), "last": words.ljust(CODE_LENGTH, "9")}
    return where, given


_NUMBERS = "(c.code BETWEEN :first AND :last OR c.second_code LIKE :begins OR c.former_code LIKE :begins)"
_WORDS = """(c.remark ILIKE :holds OR c.second_code LIKE :begins OR c.class_code = ANY(ARRAY(
    SELECT k.code FROM city.class k WHERE k.standard = :standard AND k.kind = 'component'
    AND (k.name_zh ILIKE :holds OR k.name_en ILIKE :holds))))"""
