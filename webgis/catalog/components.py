"""The register of components: questions about it, and every way in which one is added or changed.

Nothing is changed in silence: each operation here writes a line of the component's history, and the database accepts
no other change (`component_models`). Places are CGCS2000 degrees, longitude first.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.catalog.component_rules import bad_field
from webgis.errors import Invalid

NEAR_M = 200.0
"""How far `near` looks, metres: a cell of 100 m and those around it."""

MOST_NEAR = 50


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
_OPENED = text("SELECT fn.component_case_opened(:code, :state, :day, CAST(:event AS jsonb))")
_CLOSED = text("SELECT fn.component_case_closed(:code, :but, :day, CAST(:event AS jsonb))")


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


def case_opened(
    session: Session,
    code: str,
    state: str = "damaged",
    *,
    at: datetime,
    number: str | None = None,
    person_id: int | None = None,
) -> bool:
    """A case was opened on a component: an intact one is now `state` (damaged or lost). Whether anything changed.

    A component that is damaged, lost, abandoned or removed already stays as it is. `number`: of the case, for the
    history.
    """
    if state not in ("damaged", "lost"):
        raise bad_field("state", state, "damaged or lost")
    event = _event(at, person_id=person_id, reason=number)
    given = {"code": code, "state": state, "day": _day(session, at), "event": event}
    return bool(session.scalar(_OPENED, given))


def case_closed(
    session: Session,
    code: str,
    *,
    at: datetime,
    number: str | None = None,
    case_id: int | None = None,
    person_id: int | None = None,
) -> bool:
    """A case on a component has ended: a damaged or lost one is intact again, if no other open case is on it.

    Call it after the case's `outcome` was written, or with the `case_id` that is about to end. Says whether it changed.
    """
    event = _event(at, person_id=person_id, reason=number)
    return bool(session.scalar(_CLOSED, {"code": code, "but": case_id, "day": _day(session, at), "event": event}))


def _day(session: Session, at: datetime) -> date:
    """The day of a moment in the city."""
    return at.astimezone(session.info["settings"].zone).date()


def _event(at: datetime, **about: Any) -> str:
    return _json({"at": at.isoformat()} | about)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)
