"""Claims: someone takes a case out of a queue to work on it, and nobody else gets it meanwhile.

A claim is a lease in the case's row of the queues. Taking it is one guarded statement in which the end of the lease
stands beside the rest of the condition: of any number at once one wins, and no clean-up is needed for it to be right.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from webgis import db
from webgis.accounts.actor import Actor
from webgis.cases import queries, workflow
from webgis.errors import Conflict, Forbidden
from webgis.settings import Settings


@dataclass(frozen=True)
class Claim:
    """A claimed case: its id and number, and until when it is kept (aware)."""

    case_id: int
    number: str
    until: datetime


_NEXT = "SELECT * FROM fn.claim_next(%s, %s::text[], %s::varchar[], %s, %s::text[], %s)"
_GIVEN = "SELECT * FROM fn.claim(%s, %s, %s)"
_RELEASE = "SELECT fn.release(%s, %s)"


def claim_next(session: Session, settings: Settings, actor: Actor, states: Sequence[str] = ()) -> Claim | None:
    """The case that is due first among those that wait for this role (in `states`, if given) and that nobody has
    claimed, now claimed by the actor; None when the queue is empty. Cases given to another inspector are left out."""
    waiting = workflow.duties(actor.role)
    if not waiting:
        raise Forbidden("cases.no-queue", f"No queue waits for the role {actor.role}", role=actor.role)
    wanted = list(states) or list(waiting)
    if unknown := sorted(set(wanted) - set(waiting)):
        raise workflow.bad_field("state", ",".join(unknown), f"states that wait for you: {', '.join(waiting)}")
    found = db.call(session, _NEXT, actor.id, wanted, *queries.sight(actor), settings.claim_minutes)
    return Claim(*found[0]) if found else None


def claim(session: Session, settings: Settings, actor: Actor, number: str) -> Claim:
    """The given case, claimed by the actor or their claim prolonged. `Conflict` when someone else holds it or it has
    ended, `NotFound` when the actor may not see it."""
    case = queries.require_case(session, actor, number)
    if case.outcome is not None:
        raise Conflict("cases.ended", f"Case {number} has ended ({case.state})", state=case.state, actions=[])
    if case.state not in workflow.duties(actor.role):
        raise Forbidden("cases.not-your-role", f"A case that is {case.state} waits for others", role=actor.role)
    if actor.role == "inspector" and case.inspector_id not in (None, actor.id):
        raise workflow.other_inspector(case.inspector_id)
    found = db.call(session, _GIVEN, actor.id, case.id, settings.claim_minutes)
    if not found:
        raise Conflict(
            "cases.claimed", "Someone else is working on this case. Take another one", state=case.state, actions=[]
        )
    return Claim(case.id, number, found[0].claimed_until)


def release(session: Session, actor: Actor, number: str) -> None:
    """Give a claimed case back to its queue; nothing happens when it is not claimed by the actor."""
    case = queries.require_case(session, actor, number)
    db.call(session, _RELEASE, actor.id, case.id)
