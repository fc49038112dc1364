"""Who handles a case: the department by the rules in force, with the reason; a draft tried on cases of the past; load.

Rules are data (`routing_models.py`), made and changed in `routing_sets.py`; matching is one function of the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.cases import routing_rules


@dataclass(frozen=True)
class Chosen:
    """A department's code, or None; and the reason to store: `rule`, `text_zh`, `text_en`, `beaten`."""

    department: str | None
    why: dict[str, Any]


_CHOOSE = text(
    "SELECT * FROM fn.choose_department(CAST(:version AS integer), :kind, :class_code, :cell_code,"
    " ST_SetSRID(ST_Point(:lon, :lat), 4490), CAST(:component_code AS text), CAST(:condition_id AS bigint), :at, :zone,"
    " CAST(:zones AS text[]), :most)"
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
    version: int | None = None,
) -> Chosen:
    """The department for a case at a place (CGCS2000 degrees) at the moment `at` (aware), by the active rule set.

    In this order: rules that name the component's maintainer; the department with the maintainer's credit code; rules,
    by priority and then the more specific; the department with the owner's credit code; the department of the kind
    that the filing condition names. The last three and the second only if it serves the cell. `zones` are codes of the
    zones that hold the place; `version` asks another rule set than the active one.
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
        "most": routing_rules.BEATEN_SHOWN + 1,
    }
    candidates = session.execute(_CHOOSE, given).all()
    return Chosen(candidates[0].department_code if candidates else None, routing_rules.why(candidates))
