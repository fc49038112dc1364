"""Queues as people work from them: what waits in which, how many there are, and the rows of one in their order.

Claims (`claims.py`) take the next case out of a queue; here it is only looked at.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import Session

from webgis.accounts.actor import Actor
from webgis.cases import listing, queries, workflow
from webgis.cases.models import Case, OpenCase


@dataclass(frozen=True)
class Queue:
    """Open cases in these states; only what is `late`, or what the reader handles (`mine`)."""

    name: str
    states: tuple[str, ...]
    late: bool = False
    mine: bool = False


QUEUES = {
    queue.name: queue
    for queue in (
        Queue("accept", (workflow.REPORTED,)),
        Queue("confirm", (workflow.CONFIRMING,)),
        Queue("dispatch", (workflow.FILED,)),
        Queue("receive", (workflow.DISPATCHED,)),
        Queue("handle", (workflow.HANDLING,)),
        Queue("mine", (workflow.DISPATCHED, workflow.HANDLING, workflow.SUSPENDED), mine=True),
        Queue("outside", (workflow.DISPATCHED, workflow.HANDLING, workflow.SUSPENDED, workflow.SPLIT)),
        Queue("rest", (workflow.SUSPENDED,)),
        Queue("verify", (workflow.RESOLVED, workflow.VERIFYING)),
        Queue("close", (workflow.VERIFIED,)),
        Queue("late", workflow.OPEN, late=True),
    )
}
"""Every queue by its name, in the order of the road."""

ORDERS = ("due", "near", "new")
_COUNTS = "SELECT state, cases, late FROM fn.queue_counts(%s::varchar[], %s, %s::text[], %s)"


@dataclass(frozen=True)
class Count:
    """How many cases, and how many of them are late."""

    cases: int
    late: int


def counts(ask: Callable[..., Sequence[Any]], actor: Actor, now: datetime) -> dict[str, Count]:
    """How many visible cases are in each open state; `ask` runs one statement (`Runtime.ask`, `db.call`)."""
    found = {row.state: Count(row.cases, row.late) for row in ask(_COUNTS, *queries.sight(actor), now)}
    return {state: found.get(state, Count(0, 0)) for state in workflow.OPEN}


def count_of(queue: Queue, by_state: dict[str, Count]) -> Count:
    """How many wait in a queue; of one that is not told by states alone nothing is known (`mine`)."""
    own = [by_state[state] for state in queue.states]
    late = sum(one.late for one in own)
    return Count(late if queue.late else sum(one.cases for one in own), late)


def page(
    session: Session,
    actor: Actor,
    queue: Queue,
    *,
    order: str = "due",
    place: tuple[float, float] | None = None,
    limit: int = 50,
    cursor: str | None = None,
    now: datetime,
) -> listing.Page:
    """The cases of a queue that this person may see: by what is due first, the nearest to a place (CGCS2000 degrees),
    or the newest. `cursor` is the `next` of the page before; the nearest have no further page."""
    wanted = select(OpenCase.case_id, OpenCase.due_at, OpenCase.reported_at)
    wanted = wanted.where(queries.visible(actor, OpenCase), OpenCase.state.in_(queue.states))
    if queue.late:
        wanted = wanted.where(OpenCase.due_at < now)
    if queue.mine:
        wanted = wanted.where(OpenCase.handler_id == actor.id)
    if order == "near" and place is not None:
        found = session.execute(_nearest(wanted, place).limit(limit)).all()
        return listing.Page(queries.lines(session, [row.case_id for row in found]))
    key, down = (OpenCase.reported_at, True) if order == "new" else (OpenCase.due_at, False)
    if cursor:
        here = tuple_(key, OpenCase.case_id)
        wanted = wanted.where(here < _position(cursor) if down else here > _position(cursor))
    by = (key.desc(), OpenCase.case_id.desc()) if down else (key, OpenCase.case_id)
    found = session.execute(wanted.order_by(*by).limit(limit + 1)).all()
    last = found[limit - 1] if len(found) > limit else None
    more = last and f"{(last.reported_at if down else last.due_at).isoformat()}~{last.case_id}"
    return listing.Page(queries.lines(session, [row.case_id for row in found[:limit]]), more)


def _nearest(wanted: Select, place: tuple[float, float]) -> Select:
    point = func.ST_SetSRID(func.ST_Point(*place), 4490, type_=Geometry)
    return wanted.join(Case, Case.id == OpenCase.case_id).order_by(Case.geom.op("<->")(point))


def _position(cursor: str) -> tuple[datetime, int]:
    moment, _tilde, last = cursor.partition("~")
    try:
        return datetime.fromisoformat(moment).astimezone(UTC), int(last)
    except (ValueError, OverflowError):
        raise workflow.bad_field("cursor", cursor, "the cursor in the `next` of the page before") from None


def ending_with(session: Session, actor: Actor, digits: str, limit: int = 8) -> Sequence[Any]:
    """Open cases whose number ends with these digits, newest first: what people say of a case over the telephone."""
    wanted = select(Case.id).join(OpenCase, OpenCase.case_id == Case.id)
    wanted = wanted.where(queries.visible(actor, OpenCase), Case.number.endswith(digits, autoescape=True))
    return queries.lines(session, session.scalars(wanted.order_by(Case.id.desc()).limit(limit)).all())
