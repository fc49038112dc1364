"""What construction zones and the metro's protection zones do to a case: found at its report, as they were known then.

`Case.zones` of a row (`fn.case_zones`) says which zone, phase, contractor and protection, and by the rule of the case's
class (`city.zone_rule`) its severity, a limit of its own, and whether it goes to the contractor's department.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis import db
from webgis.cases import notices
from webgis.cases.doing import Doing
from webgis.cases.queries import Sight, in_sight

_AT_PLACE = "SELECT fn.zones_for_case(ST_SetSRID(ST_Point(%s, %s), 4490), %s) AS zones"


def at_place(session: Session, lon: float, lat: float, at: datetime) -> dict[str, Any] | None:
    """The zones of a place (CGCS2000 degrees) at a moment by what was known then, as a case keeps them; None: none."""
    return db.call(session, _AT_PLACE, lon, lat, at)[0].zones


def limit(doing: Doing) -> dict[str, Any] | None:
    """The limit that the rule of the zone gives instead of the filing condition's; noted with the step."""
    found = doing.case.zones
    if not found or not found.get("limit_value"):
        return None
    given = {"limit": found["limit_value"], "unit": found["limit_unit"]}
    doing.facts["zone_rule"] = given | {name: found[name] for name in ("severity", "source")}
    return given


def tell_operator(doing: Doing) -> None:
    """A case of works goes out: the metro company that the zone names is told."""
    found = doing.case.zones
    if found and found.get("to_contractor") and found.get("metro_department"):
        doing.work.append(notices.of_works(found["name_zh"]))
        doing.facts["operator_told"] = found["metro_department"]


_KEEP_PAST = text(
    """
    INSERT INTO city.case_zone (case_id, zone_id, phase, structure, protection, approximate)
    SELECT c.id, n.zone_id, n.phase, n.structure, n.protection, n.approximate
    FROM city.case c
    CROSS JOIN LATERAL (SELECT fn.zones_for_case(c.geom, c.reported_at) AS zones) f
    CROSS JOIN LATERAL jsonb_populate_record(NULL::city.case_zone, f.zones) n
    WHERE f.zones IS NOT NULL AND NOT EXISTS (SELECT FROM city.case_zone k WHERE k.case_id = c.id)
        AND c.relation IS DISTINCT FROM 'task'
        AND EXISTS (SELECT FROM city.construction_zone z WHERE z.geom && c.geom
                    UNION ALL SELECT FROM city.metro_zone m WHERE m.geom && c.geom)
    ON CONFLICT DO NOTHING
    """
)


def keep_past(session: Session) -> int:
    """Give cases that were not reported here (read from files) the zones in which they lay at their report, as they
    were known then; returns how many."""
    return session.execute(_KEEP_PAST).rowcount


_TOLD = text(
    """
    SELECT c.number, c.state, k.name_zh AS class_zh, k.name_en AS class_en, c.reported_at, c.deadline_at
    FROM city.case_zone i JOIN city.construction_zone z ON z.id = i.zone_id JOIN city.case c ON c.id = i.case_id
    JOIN LATERAL fn.zone_rule(c.kind, c.class_code, i.protection, i.phase) r ON r.to_contractor
    JOIN city.class k ON k.standard = c.standard AND k.kind = c.kind AND k.code = c.class_code
    WHERE z.code = :code AND z.metro_department_code = ANY(:departments)
        AND c.dispatched_at IS NOT NULL AND c.relation IS DISTINCT FROM 'duplicate'
    ORDER BY c.reported_at DESC, c.id DESC LIMIT :most
    """
)


def told_operator(session: Session, code: str, departments: Sequence[str], most: int) -> Sequence[Row]:
    """The cases of works in a zone of which these departments are told as its metro company, the newest first: what
    is said of each, and no more, for the case itself is the contractor's."""
    return session.execute(_TOLD, {"code": code, "departments": list(departments), "most": most}).all()


_RULES = text(
    "SELECT kind, class_code, protection, phase, to_contractor, severity, limit_value, limit_unit, source"
    " FROM city.zone_rule ORDER BY kind, class_code, protection, phase"
)


def rules(session: Session) -> Sequence[Row]:
    """The rules of construction zones, as a table."""
    return session.execute(_RULES).all()


_COUNTS = text(
    f"""
    SELECT count(*) AS reported, count(*) FILTER (WHERE c.outcome IS NULL) AS open,
           count(*) FILTER (WHERE c.outcome IS NULL AND c.deadline_at < now() AND c.resolved_at IS NULL) AS overdue,
           count(*) FILTER (WHERE r.to_contractor AND (c.outcome IS NULL OR c.outcome = 'closed')) AS works
    FROM city.case_zone k JOIN city.construction_zone z ON z.id = k.zone_id JOIN city.case c ON c.id = k.case_id
    LEFT JOIN LATERAL fn.zone_rule(c.kind, c.class_code, k.protection, k.phase) r ON true
    WHERE z.code = :code AND {in_sight("c")}
    """
)


def counts(session: Session, code: str, sight: Sight) -> Row:
    """Cases of a zone, all its versions, as far as one may see them: all that were `reported`, `open`, `overdue`, and
    `works`: those that count for its contractor, as in the score card."""
    return session.execute(_COUNTS, {"code": code} | sight._asdict()).one()
