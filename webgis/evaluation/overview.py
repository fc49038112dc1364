"""The whole picture of a span: totals beside the span before, trend, and rankings that say who is late. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from webgis.accounts import queries as accounts
from webgis.accounts.actor import Actor
from webgis.catalog import queries as catalog
from webgis.days import Span
from webgis.evaluation import figures, spans
from webgis.evaluation.figures import LEVELS, Asked, Open, Sums
from webgis.grid import queries as grid

Names = tuple[str, str]
"""Chinese and English."""


@dataclass(frozen=True)
class Line:
    """A row of a ranking: code, names, sums, those of the span before, and what is open now."""

    code: str
    names: Names
    sums: Sums
    before: Sums
    now: Open


@dataclass(frozen=True)
class Overview:
    """Everything that the manager's page tells of one question."""

    span: Span
    step: str
    level: str
    total: Sums
    before: Sums
    now: Open
    trend: list[tuple[Span, Sums]]
    areas: list[Line]
    departments: list[Line]
    classes: list[Line]
    sources: list[Line]


def fitting_level(area: str | None) -> str:
    """The level below an area at which its parts are ranked."""
    return "subdistrict" if area is None or len(area) < LEVELS["subdistrict"] else "community"


def overview(session: Session, question: Asked, step: str, level: str, now: datetime) -> Overview:
    """The picture. Areas, departments, classes and sources without any case are left out."""
    digits = LEVELS[level]
    areas = {one.code: _named(one) for one in grid.areas(session, level, question.area)}
    departments = {one.code: _named(one) for one in accounts.departments(session)}
    classes = {f"{one.kind}:{one.code}": _named(one) for one in catalog.classes(session)}
    late = figures.open_now(session, question, now, digits)
    return Overview(
        span=question.span,
        step=step,
        level=level,
        total=figures.total(session, question),
        before=figures.total(session, question.before()),
        now=late["all"].get("all", Open()),
        trend=figures.trend(session, question, step),
        areas=_lines(session, question, late, areas, "area", digits),
        departments=_lines(session, question, late, departments, "department"),
        classes=_lines(session, question, late, classes, "class"),
        sources=_lines(session, question, late, {}, "source"),
    )


def _named(thing: Any) -> Names:
    return thing.name_zh, thing.name_en or thing.name_zh


def _lines(
    session: Session,
    question: Asked,
    late: Mapping[str, Mapping[str, Open]],
    names: Mapping[str, Names],
    facet: str,
    digits: int | None = None,
) -> list[Line]:
    """The most reported first; what has no name is told by its code."""
    sums = figures.told_apart(session, question, facet, digits)
    before = figures.told_apart(session, question.before(), facet, digits)
    lines = [
        Line(code, names.get(code, (code, code)), sums.get(code, Sums()), before.get(code, Sums()),
             late[facet].get(code, Open()))
        for code in sums.keys() | late[facet].keys()
    ]  # fmt: skip
    return sorted(lines, key=lambda line: (-line.sums.reported, -line.now.overdue, line.code))


class Asking(Protocol):
    """What is asked over HTTP (`wire.FiguresAsked`), as far as it is needed here."""

    since: date | None
    until: date | None
    step: str | None
    level: str | None

    def narrowing(self) -> dict[str, str | None]:
        """What narrows the question besides its span."""


def question(session: Session, actor: Actor, asking: Asking, now: datetime, zone: ZoneInfo) -> Asked:
    """The question that is asked, within what this person may see."""
    span = figures.span(asking.since, asking.until, now.astimezone(zone).date())
    return figures.asked(session, actor, span, **asking.narrowing())


def picture(session: Session, actor: Actor, asking: Asking, now: datetime, zone: ZoneInfo) -> tuple[Asked, Overview]:
    """The question and what is told of it, by the step and level that fit where none is asked."""
    asked = question(session, actor, asking, now, zone)
    step = asking.step or spans.fitting(asked.span)
    level = asking.level or fitting_level(asked.area)
    return asked, overview(session, asked, step, level, now)
