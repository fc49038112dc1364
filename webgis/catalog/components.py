"""The register of components: questions about it, and every way in which one is added or changed.

Nothing is changed in silence: each operation here writes a line of the component's history, and the database accepts
no other change (`component_models`). Places are CGCS2000 degrees, longitude first.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.catalog import queries
from webgis.catalog.component_rules import LAST_SEQUENCE, LENGTHS, PREFIX, STATES, bad_field, code_fault, fault_of
from webgis.catalog.standards import CURRENT
from webgis.errors import Conflict, Invalid, NotFound
from webgis.geo import SRID

EDITABLE = (
    *("name", "authority_code", "authority_name", "owner_code", "owner_name", "maintainer_code", "maintainer_name"),
    *("state", "surveyed_on", "source", "remark", "accuracy_class", "second_code"),
)
"""Columns that an editor gives; the others follow from the place, the class and the history."""

NEAR_M = 200.0
"""How far `near` looks, metres: a cell of 100 m and those around it."""

MOST_NEAR = 50
COUNTY_DIGITS = 6


@dataclass(frozen=True)
class Component:
    """A component of the register; `lon`, `lat`: its place, of a line the middle, of a polygon a point inside."""

    code: str
    class_code: str
    class_zh: str
    class_en: str | None
    name: str
    state: str
    cell_code: str
    lon: float
    lat: float
    authority_code: str | None
    owner_code: str | None
    maintainer_code: str | None
    maintainer_name: str | None
    version: int


@dataclass(frozen=True)
class Near:
    """A component near a place: how far, and whether it stands in the cell of that place."""

    component: Component
    distance_m: float
    in_cell: bool


_COLUMNS = ", ".join(Component.__dataclass_fields__)
_ONE = text(f"SELECT {_COLUMNS} FROM fn.component(:code)")
_NEAR = text(
    f"""
    SELECT {", ".join("l." + name for name in Component.__dataclass_fields__)}, n.distance_m,
           l.cell_code IS NOT DISTINCT FROM here.code AS in_cell
    FROM (SELECT ST_SetSRID(ST_Point(:lon, :lat), 4490) AS point) p
    CROSS JOIN LATERAL fn.cell_at(p.point) here
    CROSS JOIN LATERAL fn.components_near(p.point, :class_code, :most, :within_m) n
    CROSS JOIN LATERAL fn.component(n.code) l
    ORDER BY n.distance_m, n.code
    """
)
_ADD = text("SELECT fn.add_component(CAST(:given AS jsonb), CAST(:event AS jsonb))")
_CHANGE = text("SELECT fn.change_component(:code, CAST(:changes AS jsonb), CAST(:event AS jsonb), :expected)")
_NEXT = text("SELECT fn.next_component_code(:prefix)")
_REGRID = text("SELECT fn.regrid_components(CAST(:event AS jsonb))")
_CELL = text(
    """
    SELECT here.code, c.code AS nearest, n.metres
    FROM (SELECT fn.component_place(CAST(:geom AS geometry)) AS place) p
    CROSS JOIN LATERAL fn.cell_at(p.place) here
    LEFT JOIN LATERAL fn.nearest_cell(p.place) n ON here.code IS NULL
    LEFT JOIN city.cell c ON c.id = n.cell_id
    """
)
_OPENED = text("SELECT fn.component_case_opened(:code, :day, CAST(:event AS jsonb))")
_HOLD = text("SELECT FROM city.component WHERE code = :code FOR UPDATE")
_CLOSED = text("SELECT fn.component_case_closed(:code, :repaired, :day, CAST(:event AS jsonb))")


def find(session: Session, code: str) -> Component | None:
    """The component with this code, or None."""
    row = session.execute(_ONE, {"code": code}).one_or_none()
    return None if row is None else Component(*row)


def require(session: Session, code: str) -> Component:
    """The component with this code, or `Invalid` "catalog.component-unknown"."""
    found = find(session, code)
    if found is None:
        raise Invalid(
            "catalog.component-unknown",
            f"There is no component {code!r} in the register",
            field="component",
            got=code,
            accepted="the 17-digit code of a component in the register",
        )
    return found


def near(
    session: Session,
    lon: float,
    lat: float,
    class_code: str | None = None,
    limit: int = 10,
    within_m: float = NEAR_M,
) -> list[Near]:
    """Components within `within_m` metres of a place, nearest first; of one class when given. None that is removed."""
    if class_code is not None and not (class_code.isascii() and class_code.isdigit() and len(class_code) == 5):
        raise bad_field("class", class_code, "a class code of 5 digits")
    given = {"lon": float(lon), "lat": float(lat), "class_code": class_code}
    given |= {"most": min(limit, MOST_NEAR), "within_m": within_m}
    return [Near(Component(*row[:-2]), row.distance_m, row.in_cell) for row in session.execute(_NEAR, given)]


def add(
    session: Session,
    given: Mapping[str, Any],
    geom: Any,
    *,
    at: datetime,
    person_id: int | None = None,
    reason: str | None = None,
) -> str:
    """Register a component; returns its code. `given`: columns of `component_rules` that an editor gives, and `class`.

    `geom`: a shapely Point, LineString or Polygon in CGCS2000 degrees; its cell is found. Without a `code` it gets the
    next one of its county and class.
    """
    cell = cell_of(session, geom)
    of_class = queries.require_class(session, "component", given["class"])
    fields = {name: value for name, value in _checked(session, given, at).items() if name in EDITABLE or name == "code"}
    prefix = cell[:COUNTY_DIGITS] + of_class.code
    code = fields.get("code") or _next_code(session, prefix)
    _check_code(code, prefix)
    fields = {"name": of_class.name_zh} | {name: value for name, value in fields.items() if value is not None}
    fields |= {"code": code, "standard": CURRENT, "class_code": of_class.code, "cell_code": cell, "geom": _ewkb(geom)}
    event = _event(at, person_id=person_id, reason=reason)
    if not session.scalar(_ADD, {"given": _json(fields), "event": event}):
        raise Conflict("catalog.component-exists", f"There is a component {code} already", field="code", got=code)
    return code


def change(
    session: Session,
    code: str,
    changes: Mapping[str, Any],
    geom: Any = None,
    *,
    at: datetime,
    person_id: int | None = None,
    reason: str | None = None,
    expected: int | None = None,
) -> dict[str, list]:
    """Change fields of a component, or its place; returns field -> [before, after], empty when nothing differs.

    None empties a field. `expected`: the version that the change was made up for; `Conflict` when there is a newer one.
    The class is part of the code and stays: what turns out to be of another class is removed and registered anew.
    """
    found = find(session, code)
    if found is None:
        raise unknown(code)
    fields = {name: value for name, value in _checked(session, changes, at).items() if name in EDITABLE}
    if fields.get("name", "") is None:
        fields["name"] = found.class_zh
    fields |= {"changed_on": _day(session, at).isoformat()}
    if geom is not None:
        fields |= {"geom": _ewkb(geom), "cell_code": cell_of(session, geom)}
    event = _event(at, action="edited", person_id=person_id, reason=reason)
    given = {"code": code, "changes": _json(fields), "event": event, "expected": expected}
    done = session.scalar(_CHANGE, given)
    if done is None:
        raise Conflict(
            "catalog.component-stale",
            f"Component {code} has changed since version {expected}; read it again",
            field="version",
            got=expected,
            version=found.version,
        )
    return done


def regrid(session: Session, *, at: datetime, person_id: int | None = None) -> int:
    """Give components whose cell is not valid any more the cell of today; returns how many have a new one."""
    return session.scalar(_REGRID, {"event": _event(at, person_id=person_id)})


def cell_of(session: Session, geom: Any) -> str:
    """The code of the cell that holds a component's place, or `Invalid` with the nearest cell."""
    row = session.execute(_CELL, {"geom": _ewkb(geom)}).one()
    if row.code is None:
        raise Invalid(
            "catalog.component-outside-grid",
            "The component stands in no cell of the grid",
            field="geometry",
            accepted="a place in a cell",
            nearest=row.nearest,
            distance_m=None if row.metres is None else round(row.metres, 1),
        )
    return row.code


def unknown(code: str) -> NotFound:
    """The refusal of an address that names no component."""
    return NotFound("catalog.component-unknown", f"There is no component {code!r} in the register", got=code)


def _checked(session: Session, given: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The given fields as the register stores them, or `Invalid` for the first that cannot be used."""
    today, fields = _day(session, at), {}
    for name, value in given.items():
        if name == "surveyed_on" and value is not None and value > today:
            raise bad_field(name, value.isoformat(), f"a date up to today, {today.isoformat()}")
        if name == "state" and value not in STATES:
            raise bad_field(name, value, f"one of {', '.join(STATES)}")
        if isinstance(value, str) and name in LENGTHS and (wrong := fault_of(name, value)):
            raise bad_field(name, value, wrong)
        fields[name] = value.isoformat() if isinstance(value, date) else value
    return fields


def _check_code(code: str, prefix: str) -> None:
    if code_fault(code) or code[PREFIX] != prefix:
        raise bad_field("code", code, f"17 digits that begin with {prefix}: the county of its place, and its class")


def _next_code(session: Session, prefix: str) -> str:
    code = session.scalar(_NEXT, {"prefix": prefix})
    if code is None:
        message = f"All {LAST_SEQUENCE:,} codes that begin with {prefix} are given"
        raise Conflict("catalog.component-codes-exhausted", message, field="code")
    return code


def _ewkb(geom: Any) -> str:
    return shapely.to_wkb(shapely.set_srid(shapely.force_2d(geom), SRID), hex=True, include_srid=True)


def case_opened(
    session: Session,
    code: str,
    *,
    at: datetime,
    number: str | None = None,
    person_id: int | None = None,
) -> bool:
    """A case was opened on a component: an intact one is now damaged. Whether anything changed.

    A component that is damaged, lost, abandoned or removed already stays as it is. `number`: of the case, for the
    history.
    """
    event = _event(at, person_id=person_id, reason=number)
    return bool(session.scalar(_OPENED, {"code": code, "day": _day(session, at), "event": event}))


def hold(session: Session, code: str) -> None:
    """Let nobody else change the component until the transaction ends."""
    session.execute(_HOLD, {"code": code})


def case_closed(
    session: Session,
    code: str,
    *,
    at: datetime,
    repaired: bool = True,
    number: str | None = None,
    person_id: int | None = None,
) -> bool:
    """The last open case on a component has ended: a damaged or lost one is intact again. Whether anything changed.

    Not `repaired` (the case was rejected, void or merged): only if it was a case that made it damaged.
    """
    given = {"code": code, "repaired": repaired, "day": _day(session, at)}
    return bool(session.scalar(_CLOSED, given | {"event": _event(at, person_id=person_id, reason=number)}))


def _day(session: Session, at: datetime) -> date:
    """The day of a moment in the city."""
    return at.astimezone(session.info["settings"].zone).date()


def _event(at: datetime, **about: Any) -> str:
    return _json({"at": at.isoformat()} | about)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)
