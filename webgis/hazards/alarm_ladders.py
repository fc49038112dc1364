"""Who must be told of alarms: the ladders as a city has them, and their change."""

import hashlib
import json
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from webgis.accounts import admin_log
from webgis.accounts.actor import Actor
from webgis.errors import Conflict, Invalid
from webgis.hazards.alarm_models import WHO, AlarmLadder
from webgis.hazards.alarm_rules import HOLD, require_rule
from webgis.hazards.threshold_tables import GRAVEST

LONGEST_MINUTES = 1440
LONGEST_SOURCE = 200
ALL_RULES = ""
"""Stands for every rule that has no ladder of its own."""


class Rung(NamedTuple):
    """A step: of alarms of this rank and above it, up to the next rank that has any; who is told, and within how many
    minutes they are to acknowledge. Steps of a rank follow one another in the order in which they are given."""

    rank: int
    who: str
    minutes: int
    source: str


def ladder(session: Session, rule: str = ALL_RULES) -> list[Rung]:
    """The steps of a rule's own ladder, or of that of all rules."""
    wanted = select(AlarmLadder).filter_by(rule_key=rule).order_by(AlarmLadder.rank, AlarmLadder.step)
    return [Rung(one.rank, one.who, one.minutes, one.source) for one in session.scalars(wanted)]


def mark(rungs: Sequence[Rung]) -> str:
    """What tells a ladder from another."""
    return hashlib.sha256(json.dumps([list(one) for one in rungs]).encode()).hexdigest()[:16]


def with_own(session: Session) -> set[str]:
    """The rules (keys) that have a ladder of their own."""
    return set(session.scalars(select(AlarmLadder.rule_key).distinct())) - {ALL_RULES}


def set_ladder(
    session: Session, actor: Actor | None, rule: str, given: Sequence[Rung], seen: str | None = None
) -> bool:
    """Replace the ladder of a rule, or of all rules; whether anything changed. An empty one gives a rule the ladder of
    all. Written into the log. What was told already stays told: the next step is the changed one. `seen`: the mark of
    the ladder as it was read; `Conflict` when it is another by now."""
    session.execute(HOLD)
    if rule != ALL_RULES:
        require_rule(session, rule)
    elif not given:
        raise bad_ladder("steps", None, "at least one step: somebody must be told")
    before, after = ladder(session, rule), _checked(given)
    if seen not in (None, mark(before)):
        raise Conflict("hazards.ladder-changed", "This ladder was changed by somebody else meanwhile", got=rule)
    told = ({"steps": [list(one) for one in rungs]} for rungs in (before, after))
    if not admin_log.record_change(session, actor, "hazards.ladder", rule or "all rules", *told):
        return False
    session.execute(delete(AlarmLadder).filter_by(rule_key=rule))
    for _rank, rungs in groupby(after, lambda one: one.rank):
        session.add_all(AlarmLadder(rule_key=rule, step=step, **one._asdict()) for step, one in enumerate(rungs, 1))
    session.flush()
    return True


def _checked(given: Sequence[Rung]) -> list[Rung]:
    for place, one in enumerate(given):
        demands = (
            (1 <= one.rank <= GRAVEST, "rank", one.rank, f"1 to {GRAVEST}"),
            (one.who in WHO, "who", one.who, ", ".join(WHO)),
            (1 <= one.minutes <= LONGEST_MINUTES, "minutes", one.minutes, f"1 to {LONGEST_MINUTES}"),
            (0 < len(one.source.strip()) <= LONGEST_SOURCE, "source", one.source, f"1 to {LONGEST_SOURCE} characters"),
        )
        for fits, field, got, accepted in demands:
            if not fits:
                raise bad_ladder(field, got, accepted, place)
    sorted_ = sorted(given, key=lambda one: one.rank)
    if sorted_ and sorted_[0].rank > 1:
        raise bad_ladder("steps", sorted_[0].rank, "from rank 1 on: nobody is told of ranks below the first step")
    for _rank, rungs in groupby(sorted_, lambda one: one.rank):
        if len(list(rungs)) > GRAVEST:
            raise bad_ladder("rank", _rank, f"at most {GRAVEST} steps of one rank")
    return sorted_


def bad_ladder(field: str, got: object, accepted: str, step: int | None = None) -> Invalid:
    """The refusal of a ladder; `step`: the place (from 0) of the row at fault."""
    where = {} if step is None else {"step": step}
    message = f"This cannot be the ladder of alarms: {field} must be {accepted}"
    return Invalid("hazards.bad-ladder", message, field=field, got=got, accepted=accepted, **where)
