"""The history of a case in words: what was done, by whom, and what the engine found or decided with it."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import Row
from sqlalchemy.orm import Session

from webgis.accounts.actor import Actor
from webgis.cases import queries
from webgis.cases.models import Photo
from webgis.catalog import queries as catalog
from webgis.maps.signs import STATES
from webgis.pages import shown, step_words, words


@dataclass(frozen=True)
class Line:
    """A fact of an event; with an address it is a link."""

    label: str
    text: str
    href: str | None = None


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
    badges: list[step_words.Badge]
    lines: list[Line]
    quotes: list[str]


BAD = "#b91c1c"


def of(session: Session, actor: Actor, events: Sequence[Row], photos: Sequence[Photo]) -> list[EventWords]:
    """The history, newest first. Only cases that the reader may open are links."""
    named = {number for event in events for _label, number in _named(event.facts or {})}
    seen = queries.seen(session, actor, named)
    return [
        _event(session, seen, event, sum(photo.event_id == event.id for photo in photos)) for event in reversed(events)
    ]


def _event(session: Session, seen: Container[str], event: Row, photos: int) -> EventWords:
    facts = event.facts or {}
    told = step_words.told(event.action, event.given, facts)
    return EventWords(
        action=event.action,
        word=told.word,
        icon=told.icon,
        colour=BAD if told.bad else STATES[event.to_state].colour,
        tone="fail" if told.bad else "plain",
        at=event.at,
        who=" · ".join(_by(event)),
        badges=_badges(facts),
        lines=[
            *_lines(session, event, facts),
            *(_case(label, number, number in seen) for label, number in _named(facts) if _told(facts, number, seen)),
            *([Line(_("Photos"), str(photos))] if photos else []),
        ],
        quotes=[text for name in ("reason", "note") if (text := event.given.get(name))],
    )


def _badges(facts: Mapping[str, Any]) -> list[step_words.Badge]:
    """What is said of where somebody stood, and of their photos."""
    place = [step_words.place_badge(facts["place"])] if facts.get("place") else []
    return place + step_words.photo_badges(facts.get("photos", ()))


def _by(event: Row) -> Iterator[str]:
    if event.name:
        yield event.name
    yield str(words.ROLES[event.role])
    if event.role == "department" and event.department_code:
        yield shown.department_name(event)


def _lines(session: Session, event: Row, facts: Mapping[str, Any]) -> Iterator[Line]:
    """What was chosen with the step, and why."""
    given = event.given
    if event.action == "file" and given.get("condition"):
        chosen = shown.condition_words(catalog.condition(session, int(given["condition"])))
        yield Line(_("Condition"), f"{chosen.text} ({chosen.limit})")
    if event.action == "dispatch":
        yield Line(_("To"), shown.department_name(event) or given.get("department", ""))
    if seen := given.get("seen_at"):
        yield Line(_("Seen"), words.long_time(datetime.fromisoformat(seen)))
    if why := facts.get("why"):
        yield Line(_("Why"), _why(why))
    if inspector := facts.get("inspector"):
        yield Line(_("Inspector"), shown.in_words(inspector) or inspector.get("login", ""))
    if handler := facts.get("handler"):
        yield Line(_("Handler"), handler["name"])
    if until := given.get("until"):
        yield Line(_("Until"), words.long_time(datetime.fromisoformat(until)))
    if was := facts.get("was"):
        yield Line(_("Before"), was.get("class") or was.get("cell", ""))


def _why(why: Mapping[str, Any]) -> str:
    """Why a department was chosen; of one named by hand, what the rules would have chosen."""
    text = shown.in_words(why)
    return _("Named by hand; the rules say: %(why)s", why=text) if why.get("by_hand") else text


def _named(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Cases that an event speaks of: what each is to the case, and its number."""
    named = [(_("Task"), task["number"]) for task in facts.get("tasks", ())]
    named += [(_("Case"), facts["parent"])] if facts.get("parent") else []
    return named + [(_("Similar"), one["number"]) for one in facts.get("alike", ())]


def _told(facts: Mapping[str, Any], number: str, seen: Container[str]) -> bool:
    """Whether a case is named: those that belong together are, one that is only alike to who may see it."""
    return number in seen or number not in {one["number"] for one in facts.get("alike", ())}


def _case(label: str, number: str, linked: bool) -> Line:
    return Line(label, number, url_for("pages.case", number=number) if linked else None)
