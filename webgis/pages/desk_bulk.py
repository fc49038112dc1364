"""One step with several cases of a queue: each is done by itself, and what is refused stays marked, with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import render_template, request
from sqlalchemy import Row, select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from webgis import api, web
from webgis.accounts import queries as accounts
from webgis.accounts.actor import Actor
from webgis.accounts.models import Person
from webgis.cases import handling, queries, wire
from webgis.errors import Conflict, Invalid, WebgisError
from webgis.pages import forms, shown, step_words, words, workbench

MOST = 50
"""Cases of one step."""

STEPS: dict[str, tuple[str, ...]] = {
    "file": ("condition", "note"),
    "reject": ("reason",),
    "request_confirmation": ("inspector", "note"),
    "dispatch": ("department", "note"),
    "receive": ("note",),
    "assign": ("handler", "note"),
    "return": ("reason",),
    "merge": ("into", "note"),
    "request_verification": ("inspector", "note"),
    "redo": ("reason",),
    "close": ("note",),
    "urge": ("note",),
    "note": ("note",),
}
"""Steps that mean the same for several cases, with what is asked once for all of them."""

NEEDED = ("condition", "department", "reason", "into", "handler")
OF_THE_BAR = ("numbers", "action", "sent")


@dataclass(frozen=True)
class Refused:
    """A case with which the step was not done, and why."""

    number: str
    why: str


@dataclass(frozen=True)
class Outcome:
    """What came of a step with several: done, and refused."""

    action: str
    done: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def part(door: workbench.Door) -> Any:
    """The bar of the marked cases: the steps open to all of them; or, when a step was sent, what came of it."""
    actor, numbers = web.actor(), list(dict.fromkeys(request.form.getlist("numbers")))[:MOST]
    action, sent = request.form.get("action", ""), request.form.get("sent") == "yes"
    outcome, problems = (None, {})
    if sent and action in STEPS:
        outcome, problems = _do(actor, action, numbers)
        if outcome is not None:
            numbers = [one.number for one in outcome.refused]
    with web.transaction() as session:
        page = _page(session, actor, numbers, action, outcome, problems)
        return render_template("desk/bulk.html", door=door, **page), 422 if problems else 200


def _do(actor: Actor, action: str, numbers: Sequence[str]) -> tuple[Outcome | None, dict[str, str]]:
    """Do the step with each case, in a transaction of its own. A fault of what was typed is one for all: nothing is
    done then."""
    try:
        given = api.checked(wire.ActionGiven, forms.step_fields(_once())).fields()
    except Invalid as error:
        return None, forms.problems(error)
    outcome = Outcome(action)
    for number in numbers:
        if number == given.get("into"):
            continue
        try:
            _act(actor, number, action, given)
        except WebgisError as error:
            if isinstance(error, Invalid) and not outcome.done and error.facts.get("field") in STEPS[action]:
                return None, forms.problems(error)
            outcome.refused.append(Refused(number, _why(error)))
        else:
            outcome.done.append(number)
    return outcome, {}


def _once() -> MultiDict:
    """What is given once for all cases."""
    return MultiDict((name, value) for name, value in request.form.items(multi=True) if name not in OF_THE_BAR)


def _act(actor: Actor, number: str, action: str, given: dict[str, Any]) -> None:
    with web.transaction() as session:
        handling.act(session, web.runtime().settings, actor, number, action, given, at=workbench.now())


def _why(error: WebgisError) -> str:
    if isinstance(error, Conflict):
        return words.conflict(error)
    return words.sentence(error.code, error.message, error.facts)


def _page(
    session: Session, actor: Actor, numbers: Sequence[str], action: str, outcome: Outcome | None, problems: dict
) -> dict[str, Any]:
    ids = queries.seen(session, actor, numbers)
    rows = queries.lines(session, [ids[number] for number in numbers if number in ids])
    offered = _offered(actor, rows)
    chosen = action if action in offered else ""
    return {
        "numbers": [row.number for row in rows],
        "offered": {name: step_words.ACTIONS[name] for name in offered},
        "action": chosen,
        "fields": {name: step_words.label(chosen, name) for name in STEPS.get(chosen, ())},
        "needed": NEEDED,
        "choices": _choices(session, rows, STEPS.get(chosen, ())),
        "outcome": outcome,
        "done_words": step_words.ACTIONS[outcome.action] if outcome else None,
        "given": request.form,
        "problems": problems,
    }


def _offered(actor: Actor, rows: Sequence[Row]) -> list[str]:
    """The steps that are open for every one of the cases; cases of different classes are not filed together."""
    if not rows:
        return []
    settings = web.runtime().settings
    common = set.intersection(*(set(queries.open_actions(actor, row, settings)) for row in rows))
    if len({(row.kind, row.class_code, row.cell_code[:4]) for row in rows}) > 1:
        common -= {"file"}
    if len(rows) < 2:
        common -= {"merge"}
    return [action for action in STEPS if action in common]


def _choices(session: Session, rows: Sequence[Row], fields: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "condition" in fields:
        offered = queries.offered_conditions(session, rows[:1])
        found["condition"] = [shown.condition_words(one) for ones in offered.values() for one in ones]
    if "department" in fields:
        found["department"] = accounts.departments(session)
    if "inspector" in fields:
        people = select(Person).where(Person.role == "inspector", Person.active).order_by(Person.name)
        found["inspector"] = list(session.scalars(people))
    if "handler" in fields:
        below = accounts.departments_below(session, rows[0].department_code)
        people = select(Person).where(Person.department_code.in_(below), Person.active).order_by(Person.name)
        found["handler"] = list(session.scalars(people))
    if "into" in fields:
        found["into"] = [(row.number, shown.class_name(row), row.description) for row in rows]
    return found
