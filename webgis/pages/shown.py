"""Rows of the database as what the templates show. Reads only; decides nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from webgis.accounts import queries as accounts
from webgis.accounts.actor import Actor
from webgis.accounts.models import Department
from webgis.cases import queries as cases
from webgis.cases import workflow
from webgis.cases.models import Photo
from webgis.catalog import queries as catalog
from webgis.catalog.models import CaseClass, FilingCondition
from webgis.catalog.rules import limit_text
from webgis.grid import queries as grid
from webgis.grid.models import Area
from webgis.maps.signs import STATES
from webgis.pages import words

TEXT_IN_LIST = 80
LEADING_BACK = ("reject", "return")


def language() -> str:
    """The reader's language as the catalogue names it."""
    return "en" if words.english() else "zh"


def todo_states(role: str) -> tuple[str, ...]:
    """The states in which the workflow table has a step for this role."""
    return tuple(dict.fromkeys(step.source for step in workflow.STEPS if step.source and role in step.who))


def may_report(role: str) -> bool:
    """Whether this role reports."""
    return role in workflow.STEPS[0].who


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
    reported_at: datetime


def list_rows(session: Session, rows: Sequence[Row], now: datetime) -> list[ListRow]:
    """Cases as rows of the list; communities are named by one question for all."""
    names = _area_names(session, {row.cell_code[:12] for row in rows})
    return [
        ListRow(
            number=row.number,
            state=row.state,
            class_name=class_name(row),
            description=row.description[:TEXT_IN_LIST],
            lamp=_lamp(row, now),
            place=row.address or names.get(row.cell_code[:12], ""),
            cell=row.cell_code,
            department=department_name(row),
            reported_at=row.reported_at,
        )
        for row in rows
    ]


def _area_names(session: Session, codes: set[str]) -> dict[str, str]:
    return {area.code: words.name_of(area) for area in session.scalars(select(Area).where(Area.code.in_(codes)))}


def _lamp(row: Row, now: datetime) -> words.Lamp | None:
    return words.lamp(cases.light(row, now), row.deadline_at, now, bool(row.resolved_at or row.closed_at))


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


def case(session: Session, row: Row, photos: Sequence[Photo], events: Sequence[Row], now: datetime) -> dict[str, Any]:
    """Everything the case page says of the case itself."""
    class_ = catalog.find_class(session, row.kind, row.class_code)
    condition = catalog.condition(session, row.condition_id) if row.condition_id else None
    return {
        **{name: getattr(row, name) for name in _PLAIN},
        "cell": row.cell_code,
        "class_name": class_name(row),
        "kind_word": words.KINDS[row.kind],
        "major_name": ((class_.major_en if words.english() else None) or class_.major_zh) if class_ else "",
        "department": department_name(row),
        "source_word": words.SOURCES.get(row.source, row.source),
        "condition": condition_words(condition) if condition else None,
        "chain": grid.area_chain(session, row.cell_code[:12]),
        "lamp": _lamp(row, now),
        "photos": [_photo(row.number, photo, events, place) for place, photo in enumerate(photos, start=1)],
    }


_PLAIN = (
    *("number", "state", "class_code", "description", "address", "lon", "lat", "accuracy_m"),
    *("deadline_at", "rework_count", "version"),
)


def _photo(number: str, photo: Photo, events: Sequence[Row], place: int) -> dict[str, Any]:
    step = next((event.action for event in events if event.id == photo.event_id), "report")
    word = words.ACTIONS[step].past
    return {
        "href": url_for("cases.photo", number=number, photo_id=photo.id),
        "thumbnail": url_for("cases.thumbnail", number=number, photo_id=photo.id),
        "width": photo.width,
        "height": photo.height,
        "step": word,
        "alt": _("Photo %(place)s: %(step)s", place=place, step=word),
    }


@dataclass(frozen=True)
class EventWords:
    """One entry of the history."""

    action: str
    word: str
    icon: str
    colour: str
    tone: str
    at: datetime
    who: str
    lines: list[dict[str, str]]
    note: str | None


def history(session: Session, events: Sequence[Row], photos: Sequence[Photo]) -> list[EventWords]:
    """The history, newest first."""
    return [_event(session, event, sum(photo.event_id == event.id for photo in photos)) for event in reversed(events)]


def _event(session: Session, event: Row, photos: int) -> EventWords:
    action = words.ACTIONS[event.action]
    failed = event.given.get("result") == "fail"
    by = [event.name, str(words.ROLES[event.role])]
    if event.role == "department" and event.department_code:
        by.append(department_name(event))
    return EventWords(
        action=event.action,
        word=_("Verification failed") if failed else str(action.past),
        icon="rotate-clockwise" if failed else action.icon,
        colour="#b91c1c" if failed else STATES[event.to_state].colour,
        tone="fail" if failed else "plain",
        at=event.at,
        who=" · ".join(by),
        lines=_event_lines(session, event, photos),
        note=event.given.get("note") or event.given.get("reason"),
    )


def _event_lines(session: Session, event: Row, photos: int) -> list[dict[str, str]]:
    lines = []
    if event.action == "file" and event.given.get("condition"):
        chosen = condition_words(catalog.condition(session, int(event.given["condition"])))
        lines.append({"label": _("Condition"), "text": f"{chosen.text} ({chosen.limit})"})
    if event.action == "dispatch":
        lines.append({"label": _("To"), "text": department_name(event) or event.given.get("department", "")})
    if photos:
        lines.append({"label": _("Photos"), "text": str(photos)})
    return lines


@dataclass(frozen=True)
class StepForm:
    """A step that is open to the reader, with what was typed and what was refused when it was sent."""

    action: str
    word: str
    do: str
    icon: str
    form: str
    hint: str
    main: bool
    open: bool
    given: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    photos_needed: bool = False


def steps(
    actions: Sequence[str],
    tried: str | None = None,
    given: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
) -> list[StepForm]:
    """The open steps as forms, those that lead on before those that lead back.

    The first is the usual one and stands open, unless another was tried and refused.
    """
    actions = sorted(actions, key=lambda action: action in LEADING_BACK)
    return [
        StepForm(
            action=action,
            word=str(words.ACTIONS[action].choice),
            do=str(words.ACTIONS[action].button),
            icon=words.ACTIONS[action].icon,
            form=words.ACTIONS[action].form,
            hint=str(words.ACTIONS[action].hint),
            main=place == 0,
            open=action == tried if tried in actions else place == 0,
            given=(given or {}) if action == tried else {},
            problems=(problems or {}) if action == tried else {},
        )
        for place, action in enumerate(actions)
    ]


def departments(session: Session, row: Row) -> tuple[list[Department], list[Department]]:
    """Departments to dispatch to: those of the kind that the case's condition names and that serve the place, the one
    with the smallest area first; and all others."""
    every = accounts.departments(session)
    condition = catalog.condition(session, row.condition_id) if row.condition_id else None
    wanted = condition.department_kind if condition else None
    proposed = accounts.serving([one for one in every if one.kind == wanted], row.cell_code)
    return proposed, [one for one in every if one not in proposed]


def waiting(actor: Actor, row: Row) -> str:
    """Who has to do the next step, for a reader to whom none is open."""
    if row.state in workflow.ENDED:
        return _("This case has ended.")
    roles = dict.fromkeys(role for step in workflow.STEPS if step.source == row.state for role in step.who)
    if actor.role in roles and actor.role == "inspector":
        return _("Waiting for someone other than who resolved it.")
    return _("Waiting for: %(roles)s", roles=_(", ").join(str(words.ROLES[role]) for role in roles))
