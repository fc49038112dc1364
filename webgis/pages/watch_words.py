"""What the manager's page says: figures with their change in words, days of the trend, names of rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal, format_percent
from flask_babel import get_locale
from flask_babel import gettext as _

from webgis.days import Span
from webgis.errors import WebgisError
from webgis.evaluation.overview import Line, Overview
from webgis.pages import narrowing, words


@dataclass(frozen=True)
class Change:
    """How a figure stands to that of the span before: an icon, and words."""

    icon: str
    word: str


@dataclass(frozen=True)
class Card:
    """One large figure: `tone` is none, good or bad; `more` is what is said below it."""

    name: str
    word: str
    icon: str
    value: str
    change: Change | None
    more: str
    tone: str
    link: str | None


MANY_TIMES = 10
"""From so many times as much on, per cent say nothing to anybody."""


def number(value: float) -> str:
    """A number with the separators of the reader's language."""
    return format_decimal(value, locale=get_locale())


def percent(share: float | None) -> str:
    """A share in per cent with one digit, or a dash."""
    return "–" if share is None else format_percent(share, "#,##0.#%", locale=get_locale())


def change(now: float, before: float) -> Change:
    """More or less than before, in per cent; many times as much as such; of nothing there is no per cent."""
    if now == before:
        return Change("minus", _("unchanged"))
    icon = "trending-up" if now > before else "trending-down"
    if not before:
        return Change(icon, _("none before"))
    if now > MANY_TIMES * before:
        return Change(icon, "×" + number(round(now / before)))
    return Change(icon, format_percent((now - before) / before, "+#,##0%;-#,##0%", locale=get_locale()))


def points(now: float | None, before: float | None) -> Change | None:
    """The difference of two shares, in points of a per cent."""
    if now is None or before is None:
        return None
    difference = round((now - before) * 100, 1)
    if not difference:
        return Change("minus", _("unchanged"))
    told = format_decimal(difference, "+#,##0.#;-#,##0.#", locale=get_locale())
    return Change("trending-up" if difference > 0 else "trending-down", _("%(points)s points", points=told))


def cards(found: Overview, link: Any) -> list[Card]:
    """The row of figures."""
    total, before, now = found.total, found.before, found.now
    was: Callable[[int], str] = lambda value: _("before: %(value)s", value=number(value))  # noqa: E731
    filed_share = total.filed / total.reported if total.reported else None
    late_share = now.overdue / now.open if now.open else 0
    share, share_before = total.on_time_share, before.on_time_share
    return [
        Card("reported", _("Reported"), "flag", number(total.reported), change(total.reported, before.reported),
             was(before.reported), "", link.of("reported")),
        Card("filed", _("Filed"), "clipboard-check", number(total.filed), change(total.filed, before.filed),
             _("%(share)s of those reported", share=percent(filed_share)), "", link.of("filed")),
        Card("closed", _("Closed"), "archive", number(total.closed), change(total.closed, before.closed),
             was(before.closed), "", link.of("closed")),
        Card("on_time", _("On time"), "clock-check", percent(share), points(share, share_before),
             _("%(count)s of %(closed)s closed", count=number(total.on_time), closed=number(total.closed)),
             "" if share is None else "good" if share >= 0.9 else "bad" if share < 0.75 else "", link.of("on_time")),
        Card("overdue", _("Overdue now"), "alert-triangle", number(now.overdue), None,
             _("of %(open)s open", open=number(now.open)), "bad" if late_share > 0.1 else "", link.of("overdue")),
        Card("reopened", _("Opened again"), "rotate-clockwise", number(total.reopened),
             change(total.reopened, before.reopened), was(before.reopened), "", link.of("reopened")),
    ]  # fmt: skip


def part_words(step: str, part: Span) -> str:
    """A day, week or month of the trend, short."""
    if step == "month":
        return format_date(part.since, "yyyy-MM", locale=get_locale())
    return format_date(part.since, "MM-dd", locale=get_locale())


def line_name(line: Line, field: str) -> str:
    """The name of a row of a ranking."""
    if field == "source":
        return narrowing.source_word(line.code)
    if not line.code:
        return _("No department yet")
    name = line.names[1] if words.english() else line.names[0]
    return name if field != "subject" or name == line.code else f"{line.code.partition(':')[2]} {name}"


def chart_words() -> dict[str, str]:
    """What the charts say."""
    return {"reported": _("Reported"), "closed": _("Closed"), "share": _("On time")}


def step_word(step: str) -> str:
    """What a step of the trend is called."""
    return {"day": _("By day"), "week": _("By week"), "month": _("By month")}[step]


def problem(error: WebgisError) -> str:
    """What is said of filters that cannot be used."""
    return words.sentence(error.code, error.message, error.facts)
