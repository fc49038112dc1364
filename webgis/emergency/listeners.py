"""Who is told by message of what happens in an emergency: as a city has it, and its change."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from webgis.accounts import admin_log
from webgis.accounts.actor import Actor
from webgis.emergency import rules
from webgis.emergency.kinds import TOLD, WHO
from webgis.emergency.models import EmergencyListener
from webgis.errors import Conflict

_ONE_AT_A_TIME = text("LOCK TABLE city.emergency_listener IN SHARE ROW EXCLUSIVE MODE")


def table(session: Session) -> dict[str, list[str]]:
    """Who is told of each event, in the order of `WHO`."""
    kept = {(one.event, one.who) for one in session.scalars(select(EmergencyListener))}
    return {event: [who for who in WHO if (event, who) in kept] for event in TOLD}


def of(session: Session, event: str) -> Sequence[str]:
    """Who is told of an event."""
    return session.scalars(select(EmergencyListener.who).where(EmergencyListener.event == event)).all()


def mark(told: Mapping[str, Sequence[str]]) -> str:
    """Another text for every other table."""
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def replace(session: Session, by: Actor | None, told: Mapping[str, Iterable[str]], seen: str | None = None) -> bool:
    """Make this who is told of each event; an event that is not named is told to nobody. Whether anything changed.
    `seen`: the mark of the table as it was read; `Conflict` when it is another by now."""
    session.execute(_ONE_AT_A_TIME)
    before, after = table(session), {event: _checked(event, told.get(event, ())) for event in TOLD}
    if seen not in (None, mark(before)):
        raise Conflict("emergency.listeners-changed", "Who is told was changed by somebody else meanwhile")
    if not admin_log.record_change(session, by, "emergency.listeners", "", before, after):
        return False
    session.execute(delete(EmergencyListener))
    session.add_all(EmergencyListener(event=event, who=who) for event in TOLD for who in after[event])
    session.flush()
    return True


def _checked(event: str, given: Iterable[str]) -> list[str]:
    wanted = set(given)
    if not wanted <= set(WHO):
        raise rules.bad_field(event, ", ".join(sorted(wanted - set(WHO))), ", ".join(WHO))
    return [who for who in WHO if who in wanted]
