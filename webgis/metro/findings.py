"""Work in protection zones without a permit: found by open cases about works, by components that were moved or taken
away, and by sites of construction zones; settled by a person."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.accounts import permissions
from webgis.accounts.actor import Actor
from webgis.errors import Conflict, NotFound
from webgis.metro import permit_queries
from webgis.metro.permit_models import SETTLED
from webgis.metro.permit_rules import LONGEST_TEXT, bad_field

WORK_CLASSES = "^matter:(08[0-9]{3}|03[0-9]{2})$"
"""Cases about works: construction management of GB/T 47678.5-2026 and of GB/T 30428.2-2013."""

LOOKED_BACK_DAYS = 8
"""Changes of components that are looked through: a machine may have stood still for a week."""

_FIND = text("SELECT * FROM fn.find_unpermitted(:classes, :at, :days)")
_SETTLE = text(
    "UPDATE city.metro_finding SET state = :state, settled_by = :person, settled_at = :at, note = :note"
    " WHERE id = :id AND state = 'open'"
)


def find(session: Session, at: datetime) -> dict[str, int]:
    """Look for work without a permit; how many were new, by what they were found by. Twice finds nothing twice."""
    rows = session.execute(_FIND, {"classes": WORK_CLASSES, "at": at, "days": LOOKED_BACK_DAYS})
    return {row.found_by: row.count for row in rows}


def settle(session: Session, actor: Actor, id_: int, state: str, note: str | None, at: datetime) -> None:
    """Say what a finding was: `permitted`, `no_work` or `stopped`, with a note."""
    permissions.require(actor, "permits.settle")
    if state not in SETTLED or state == "open":
        raise bad_field("state", state, [one for one in SETTLED if one != "open"])
    said = (note or "").strip()
    if not said or len(said) > LONGEST_TEXT:
        raise bad_field("note", said[:50] or None, f"1 to {LONGEST_TEXT} characters")
    if not permit_queries.findings(session, actor, id_=id_):
        raise NotFound("metro.finding-unknown", "There is no such finding", got=id_)
    values = {"state": state, "person": actor.id, "at": at, "note": said, "id": id_}
    if not session.execute(_SETTLE, values).rowcount:
        raise Conflict("metro.finding-settled", "Somebody has settled this already")
