"""Rows of the database as what the templates show: the list, classes, clocks. Reads only; decides nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from webgis.accounts.actor import Actor
from webgis.accounts.models import Person
from webgis.cases import clock, stages, workflow
from webgis.cases import queries as cases
from webgis.cases.models import OpenCase
from webgis.catalog import queries as catalog
from webgis.catalog.models import CaseClass, FilingCondition
from webgis.catalog.rules import limit_text
from webgis.grid.models import Area
from webgis.pages import step_words, words
from webgis.settings import Settings

TEXT_IN_LIST = 80


def language() -> str:
    """The reader's language as the catalogue names it."""
    return "en" if words.english() else "zh"


@dataclass(frozen=True)
class ClassGroup:
    """A major of one kind with its classes, as a select shows them."""

    word: str
    kind_word: str
    classes: list[dict[str, str]]


def class_groups(session: Session) -> list[ClassGroup]:
    """Every class of today's standard by kind and major: matters of the street first, since they are reported most,
    then components, then the matters "component abnormal" that repeat them."""
    groups: dict[tuple[str, str], ClassGroup] = {}
    classes = catalog.classes(session)
    components = {one.code for one in classes if one.kind == "component"}
    for one in sorted(classes, key=lambda one: (*_rank(one, components), one.code)):
        major = (one.major_en if words.english() else None) or one.major_zh
        kind = str(words.KINDS[one.kind])
        group = groups.setdefault((one.kind, one.major_code), ClassGroup(f"{kind} · {major}", kind, []))
        group.classes.append(_class_option(one))
    return list(groups.values())


def _rank(one: CaseClass, components: set[str]) -> tuple[bool, bool]:
    return one.kind == "matter" and one.code in components, one.kind == "component"


def _class_option(one: CaseClass) -> dict[str, str]:
    return {
        "key": f"{one.kind}:{one.code}",
        "code": one.code,
        "name": words.name_of(one),
        "name_zh": one.name_zh,
        "name_en": one.name_en or "",
    }


@dataclass(frozen=True)
class Holder:
    """Who works on a case just now, and until when; `mine` when it is the reader."""

    name: str
    until: datetime
    mine: bool


def holders(session: Session, actor: Actor, ids: Sequence[int]) -> dict[int, Holder]:
    """Who holds which of these cases, by the cases' ids; those that nobody holds are not named."""
    if not ids:
        return {}
    held = select(OpenCase.case_id, OpenCase.claimed_by, OpenCase.claimed_until, Person.name)
    held = held.join(Person, Person.id == OpenCase.claimed_by)
    held = held.where(OpenCase.case_id.in_(ids), OpenCase.claimed_until > func.clock_timestamp())
    return {
        row.case_id: Holder(row.name, row.claimed_until, row.claimed_by == actor.id) for row in session.execute(held)
    }


@dataclass(frozen=True)
class ListRow:
    """A case in the list."""

    number: str
    state: str
    class_name: str
    description: str
    lamp: words.Lamp | None
    place: str
    cell: str
    department: str | None
    relation: str | None
    reported_at: datetime
    badges: list[step_words.Badge]


def list_rows(session: Session, settings: Settings, actor: Actor, rows: Sequence[Row], now: datetime) -> list[ListRow]:
    """Cases as rows of the list; communities are named by one question for all."""
    names = _area_names(session, {row.cell_code[:12] for row in rows})
    held = holders(session, actor, [row.id for row in rows])
    return [
        ListRow(
            number=row.number,
            state=row.state,
            class_name=class_name(row),
            description=row.description[:TEXT_IN_LIST],
            lamp=lamp(row, settings, now),
            place=row.address or names.get(row.cell_code[:12], ""),
            cell=row.cell_code,
            department=department_name(row),
            relation=row.relation,
            reported_at=row.reported_at,
            badges=[*_whose(actor, row, held.get(row.id)), *badges(row)],
        )
        for row in rows
    ]


def _whose(actor: Actor, row: Row, holder: Holder | None) -> list[step_words.Badge]:
    """For whom a case waits, and who works on it."""
    found = []
    if holder:
        word = _("Taken by you") if holder.mine else _("With %(name)s", name=holder.name)
        found.append(step_words.Badge(word, "lock", held=holder.until))
    for person, name in ((row.inspector_id, row.inspector_name), (row.handler_id, row.handler_name)):
        if person is not None and row.outcome is None:
            found.append(step_words.Badge(_("For you") if person == actor.id else name, "user", _mine(person, actor)))
    return found


def _mine(person: int, actor: Actor) -> str:
    return "good" if person == actor.id else "plain"


def badges(row: Row) -> list[step_words.Badge]:
    """The marks of a case: what sets it apart from the straight road."""
    found = [step_words.FLAGS[flag] for flag in row.flags if flag in step_words.FLAGS and flag != row.state]
    if row.relation == "task":
        found.append(step_words.Badge(_("Task"), "stack-2"))
    if row.confirmation and row.state == workflow.REPORTED:
        found.append(step_words.CONFIRMATIONS[row.confirmation])
    return found


@dataclass(frozen=True)
class Alike:
    """An open case that a report may repeat: how alike (percent), how far (metres), how long before, what and where."""

    number: str
    state: str
    class_name: str
    description: str
    percent: int
    metres: int
    age: str
    photo: bool
    lon: float
    lat: float


def alike(session: Session, actor: Actor, candidates: Sequence[Mapping[str, Any]]) -> list[Alike]:
    """Likely duplicates (facts of `duplicates.Candidate`) as shown, without those the reader may not see."""
    ids = cases.seen(session, actor, [one["number"] for one in candidates])
    lines = {line.number: line for line in cases.lines(session, list(ids.values()))}
    return [
        Alike(
            number=one["number"],
            state=line.state,
            class_name=class_name(line),
            description=line.description[:TEXT_IN_LIST],
            percent=round(one["score"] * 100),
            metres=round(one["distance_m"]),
            age=words.span_words(timedelta(seconds=abs(one["age_s"]))),
            photo=one["photo"] > 0,
            lon=line.lon,
            lat=line.lat,
        )
        for one in candidates
        if (line := lines.get(one["number"]))
    ]


def in_words(reason: Mapping[str, Any], name: str = "text") -> str:
    """A stored reason in the reader's language (`text_zh`, `text_en`)."""
    return reason.get(f"{name}_{language()}") or reason.get(f"{name}_zh") or ""


def _area_names(session: Session, codes: set[str]) -> dict[str, str]:
    return {area.code: words.name_of(area) for area in session.scalars(select(Area).where(Area.code.in_(codes)))}


def lamp(row: Row, settings: Settings, now: datetime) -> words.Lamp | None:
    """What is due next and how long that is: the handling while a department has the case, else the stage; of a case
    that has ended, whether it was handled in time; a clock that stands still is no light."""
    if row.outcome is not None:
        return words.lamp(cases.light(row, now), row.deadline_at, now, True)
    if row.paused_at is not None:
        return words.paused(row.resume_at)
    if row.due_at is None:
        return None
    return words.lamp(clock.light(_began(row, settings), row.due_at, now), row.due_at, now, False)


def _began(row: Row, settings: Settings) -> datetime:
    """Since when the time runs that is due next."""
    if row.state in stages.STAGES:
        return row.due_at - timedelta(minutes=stages.limit(settings, stages.STAGES[row.state]))
    return row.dispatched_at or row.reported_at


def class_name(row: Row) -> str:
    """The class of a case in the reader's language."""
    return (row.class_en if words.english() else None) or row.class_zh


def department_name(row: Row) -> str | None:
    """The department of a case or event in the reader's language."""
    return (row.department_en if words.english() else None) or row.department_zh


@dataclass(frozen=True)
class ConditionWords:
    """A filing condition in the reader's language."""

    id: int
    text: str
    limit: str
    closing: str | None
    department_kind: str | None


def condition_words(one: FilingCondition) -> ConditionWords:
    """A filing condition as it is read."""
    english = words.english()
    return ConditionWords(
        id=one.id,
        text=(one.text_en if english else None) or one.text_zh,
        limit=limit_text(one.limit_value, one.limit_unit, language()),
        closing=(one.closing_en if english else None) or one.closing_zh,
        department_kind=one.department_kind,
    )
