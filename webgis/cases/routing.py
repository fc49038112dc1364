"""Who handles a case: the department by the rules in force, with the reason; a draft tried on cases of the past; load.

Rules are data (`routing_models.py`), made and changed in `routing_sets.py`; matching is one function of the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis import db
from webgis.accounts.actor import Actor
from webgis.cases import queries, routing_rules


@dataclass(frozen=True)
class Chosen:
    """A department's code, or None; and the reason to store: `rule`, `text_zh`, `text_en`, `beaten`."""

    department: str | None
    why: dict[str, Any]


_CHOOSE = (
    "SELECT * FROM fn.choose_department(%(version)s::integer, %(kind)s, %(class_code)s, %(cell_code)s,"
    " ST_SetSRID(ST_Point(%(lon)s, %(lat)s), 4490), %(component_code)s::text, %(condition_id)s::bigint, %(at)s,"
    " %(zone)s, %(zones)s::text[], %(contractor)s, %(most)s)"
)


def choose(
    session: Session,
    *,
    kind: str,
    class_code: str,
    cell_code: str,
    lon: float,
    lat: float,
    component_code: str | None = None,
    condition_id: int | None = None,
    at: datetime,
    zones: Sequence[str] = (),
    contractor: str | None = None,
    version: int | None = None,
) -> Chosen:
    """The department for a case at a place (CGCS2000 degrees) at the moment `at` (aware), by the active rule set.

    In this order: rules that name the component's maintainer; the department with the maintainer's credit code; the
    `contractor`, the department of the construction zone for its classes; rules, by priority and then the more
    specific; the department with the owner's credit code; the department of the kind that the filing condition names.
    The last two and the second only if it serves the cell. `zones` are codes of the zones that hold the place;
    `version` asks another rule set than the active one.
    """
    given = {
        "version": version,
        "kind": kind,
        "class_code": class_code,
        "cell_code": cell_code,
        "lon": lon,
        "lat": lat,
        "component_code": component_code,
        "condition_id": condition_id,
        "at": at,
        "zone": session.info["settings"].timezone,
        "zones": list(zones),
        "contractor": contractor,
        "most": routing_rules.BEATEN_SHOWN + 1,
    }
    candidates = db.call(session, _CHOOSE, given)
    return Chosen(candidates[0].department_code if candidates else None, routing_rules.why(candidates))


_DEPARTMENTS = text(
    """
    SELECT d.code, d.name_zh, d.name_en, w.open, w.overdue, w.due_in_day, w.first_due
    FROM fn.workload(false, CAST(:departments AS varchar[]), CAST(:area AS text), CAST(:classes AS text[]), :at) w
    JOIN city.department d ON d.code = w.department_code ORDER BY w.open DESC, d.code
    """
)
_PEOPLE = text(
    """
    SELECT p.login, p.name, p.role, p.department_code, coalesce(w.open, 0) AS open, coalesce(w.overdue, 0) AS overdue,
           coalesce(w.due_in_day, 0) AS due_in_day, w.first_due, coalesce(d.beats, '{}') AS beats
    FROM fn.workload(true, CAST(:departments AS varchar[]), CAST(:area AS text), CAST(:classes AS text[]), :at) w
    FULL JOIN (SELECT n.person_id, array_agg(n.beat_code ORDER BY n.beat_code) AS beats
               FROM fn.on_duty(:at, :zone) n
               WHERE CAST(:departments AS varchar[]) IS NULL AND starts_with(n.area_code, coalesce(:area, ''))
               GROUP BY n.person_id) d USING (person_id)
    JOIN city.person p ON p.id = person_id ORDER BY coalesce(w.open, 0) DESC, p.login
    """
)


@dataclass(frozen=True)
class Workload:
    """Open work by department (code, name_zh, name_en, open, overdue, due_in_day, first_due) and by person (login,
    name, role, department_code, the same counts, and the beats in which they are on duty now), the most first."""

    departments: Sequence[Row]
    people: Sequence[Row]


def workload(session: Session, actor: Actor, *, at: datetime) -> Workload:
    """Open work as far as this person may see it, at the moment `at` (aware), and who is on duty.

    A person's work is what they handle, are to look at, or have claimed.
    """
    given = queries.sight(actor)._asdict() | {"at": at, "zone": session.info["settings"].timezone}
    return Workload(session.execute(_DEPARTMENTS, given).all(), session.execute(_PEOPLE, given).all())


def for_case(session: Session, case: Any, at: datetime) -> Chosen:
    """The department for a case (a row with its kind, class, cell, place, component, condition, zones) at a moment."""
    names = ("kind", "class_code", "cell_code", "lon", "lat", "component_code", "condition_id")
    found = case.zones or {}
    contractor = found.get("department") if found.get("to_contractor") else None
    held = [found[name] for name in ("code", "structure") if found.get(name)]
    values = {name: getattr(case, name) for name in names}
    return choose(session, at=at, zones=held, contractor=contractor, **values)
