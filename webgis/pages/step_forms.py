"""The steps open to a reader as forms. Which fields a form has follows from its rows in the workflow's table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from webgis.accounts import queries as accounts
from webgis.accounts.actor import ENGINE, Actor
from webgis.accounts.models import Department, Person
from webgis.cases import duplicates, handling, queries, routing, workflow
from webgis.pages import shown, step_words, words
from webgis.settings import Settings

FIELDS = (
    *("condition", "department", "departments", "class", "into", "result", "inspector", "handler", "until"),
    *("note", "photos", "lon", "reason"),
)
"""What a form asks for: first what is needed, then in this order. `lon` stands for the whole place, `class` for both
kind and class."""

LEADING = (
    *("file", "confirm", "request_confirmation", "dispatch", "receive", "resolve", "verify"),
    *("request_verification", "close"),
)
"""The first of these that is open, and moves the case, is the usual next step."""

BESIDE = ("reject", "request_confirmation", "return", "resume", "redo", "assign", "request_verification", "unmerge")
"""Steps that stand beside the usual one; all others are under "more"."""


@dataclass(frozen=True)
class Field:
    """One field of a form: what it asks for, how it is called, and whether the step is refused without it."""

    name: str
    label: str
    needed: bool
    optional: bool


@dataclass(frozen=True)
class StepForm:
    """A step that is open to the reader, with what was typed and what was refused when it was sent.

    `rank` says where it stands: main, beside or more. `results` are the values that tell its rows apart.
    """

    action: str
    words: step_words.ActionWords
    fields: tuple[Field, ...]
    rank: str
    open: bool
    results: tuple[str, ...] = ()
    given: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


def of(actor: Actor, settings: Settings, row: Row, *, held: bool = False) -> list[StepForm]:
    """The open steps as forms, the usual one first. While somebody else holds the case (`held`), those whose steps a
    claim keeps off are offered only what leaves the case where it is."""
    rows = _open_rows(actor, settings, row)
    if held and actor.role in handling.CLAIMED_ROLES:
        rows = [step for step in rows if step.source == step.target]
    moving = {step.action for step in rows if step.source != step.target}
    main = next((action for action in LEADING if action in moving), None)
    actions = sorted(dict.fromkeys(step.action for step in rows), key=lambda action: _rank(action, main))
    return [_form(action, [step for step in rows if step.action == action], main) for action in actions]


def _open_rows(actor: Actor, settings: Settings, row: Row) -> list[workflow.Step]:
    who, standing = queries.who(actor), queries.standing(row, settings)
    rows = [step for step in workflow.STEPS if step.source == row.state]
    return [step for step in rows if workflow.hindrance(who, standing, step) is None]


RANKS = ("main", "beside", "more")


def _rank(action: str, main: str | None) -> int:
    if action == main:
        return 0
    return 1 if action in BESIDE or (main is None and action in ("urge", "reopen")) else 2


def _form(action: str, rows: Sequence[workflow.Step], main: str | None) -> StepForm:
    return StepForm(
        action=action,
        words=step_words.ACTIONS[action],
        fields=_fields(action, rows),
        rank=RANKS[_rank(action, main)],
        open=action == main,
        results=tuple(row.when[1] for row in rows if row.when),
    )


EITHER = (("verify", "lon"), ("verify", "reason"), ("confirm", "reason"))
"""Fields that are needed when another is not given, or does not do: a position, and why it is not on the spot."""


def _fields(action: str, rows: Sequence[workflow.Step]) -> tuple[Field, ...]:
    """A field is needed when every row needs it alone, and optional when no row needs it at all. Whoever gives a reason
    is not asked for a note besides; who verifies gives a position or the reason why not."""
    alone = set.intersection(*(set(row.needs) for row in rows))
    parts = {name for row in rows for need in row.needs for name in need.split("|")}
    known = parts | {name for row in rows for name in row.takes}
    fields = [
        Field(name, step_words.label(action, name), name in alone, name not in parts and (action, name) not in EITHER)
        for name in FIELDS
        if name in known and not (name == "note" and "reason" in alone)
    ]
    return tuple(sorted(fields, key=lambda one: not one.needed))


def with_answer(
    forms: Sequence[StepForm], tried: str | None, given: Mapping[str, str], problems: Mapping[str, str]
) -> list[StepForm]:
    """The forms with what was typed into the one that was refused, which then stands open."""
    if tried is None:
        return list(forms)
    return [
        replace(form, open=True, given=given, problems=problems) if form.action == tried else replace(form, open=False)
        for form in forms
    ]


def waiting(actor: Actor, row: Row) -> str:
    """Who has to do the next step, for a reader who has none of the daily work to do with it."""
    if row.outcome is not None:
        return _("This case has ended.")
    roles = dict.fromkeys(
        role
        for step in workflow.STEPS
        if step.source == row.state and step.action in workflow.ROADS and step.source != step.target
        for role in step.who
    )
    if actor.role in roles and actor.role == "inspector":
        return _("Waiting for an inspector who neither reported nor resolved it.")
    named = _(", ").join(str(words.ROLES[role]) for role in roles)
    return _("Waiting for: %(roles)s", roles=named) if roles else _("Waiting for the departments that have the tasks.")


# What the fields choose from


@dataclass(frozen=True)
class Offered:
    """Departments to choose from: the one the rules choose, with the reason; those that serve the place; all others."""

    chosen: Department | None
    why: str
    near: list[Department]
    others: list[Department]


def choices(session: Session, actor: Actor, row: Row, forms: Sequence[StepForm], now: datetime) -> dict[str, Any]:
    """What the fields of these forms choose from, by field."""
    wanted = {one.name for form in forms for one in form.fields}
    asked = _Asked(session, actor, row, now)
    return {name: find(asked) for name, find in _CHOICES.items() if name in wanted}


@dataclass(frozen=True)
class _Asked:
    session: Session
    actor: Actor
    row: Row
    now: datetime


def _conditions(asked: _Asked) -> list[shown.ConditionWords]:
    offered = queries.offered_conditions(asked.session, [asked.row]).get(asked.row.id, [])
    return [shown.condition_words(one) for one in offered]


def _department(asked: _Asked) -> Offered:
    row, every = asked.row, accounts.departments(asked.session)
    choice = routing.for_case(asked.session, row, asked.now)
    chosen = next((one for one in every if one.code == choice.department), None)
    rest = [one for one in every if one is not chosen]
    near = [one for one in accounts.serving(rest, row.cell_code) if one.area_code]
    return Offered(chosen, shown.in_words(choice.why), near, [one for one in rest if one not in near])


def _departments(asked: _Asked) -> list[Department]:
    """For a split all departments, those that serve the place first; for a failed result those that have a task."""
    every = accounts.departments(asked.session)
    if "split" in asked.row.flags:
        having = {
            task.department_code for task in queries.family(asked.session, asked.row.id, ENGINE) if task.outcome is None
        }
        return [one for one in every if one.code in having]
    near = accounts.serving(every, asked.row.cell_code)
    return [*near, *(one for one in every if one not in near)]


def alike(session: Session, actor: Actor, row: Row) -> list[shown.Alike]:
    """Open cases that this one may repeat."""
    hashes = [one.picture_hash for one in queries.photos(session, [row.id])[row.id]]
    found = duplicates.candidates(
        session,
        kind=row.kind,
        class_code=row.class_code,
        lon=row.lon,
        lat=row.lat,
        at=row.reported_at,
        description=row.description,
        photo_hashes=[one for one in hashes if one is not None],
    )
    others = [one.as_facts() for one in found if one.number != row.number]
    return shown.alike(session, actor, others)


def _inspectors(asked: _Asked) -> list[Person]:
    own = {asked.row.reporter_id, asked.row.resolver_id}
    wanted = select(Person).where(Person.role == "inspector", Person.active).order_by(Person.name)
    found = asked.session.scalars(wanted)
    return [one for one in found if one.id not in own and queries.reaches(one, asked.row)]


def _handlers(asked: _Asked) -> list[Person]:
    below = accounts.departments_below(asked.session, asked.row.department_code)
    wanted = select(Person).where(Person.department_code.in_(below), Person.active).order_by(Person.name)
    return [one for one in asked.session.scalars(wanted) if queries.reaches(one, asked.row)]


_CHOICES: dict[str, Callable[[_Asked], Any]] = {
    "condition": _conditions,
    "department": _department,
    "departments": _departments,
    "class": lambda asked: shown.class_groups(asked.session),
    "into": lambda asked: alike(asked.session, asked.actor, asked.row),
    "inspector": _inspectors,
    "handler": _handlers,
}
