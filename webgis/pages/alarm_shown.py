"""Alarms in the reader's words: rows of lists and banners, the history of one, the road that water closes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from sqlalchemy import Row
from sqlalchemy.orm import Session

from webgis.accounts.actor import Actor
from webgis.hazards import alarm_queries, alarm_words
from webgis.pages import shown, words
from webgis.telemetry.quantities import reading

BANNER = 3
"""Alarms that a banner names; the rest are counted."""

STATES: dict[str, tuple[LazyString, str, str]] = {
    "open": (lazy_gettext("stands"), "bell-ringing", "bad"),
    "reset": (lazy_gettext("reset"), "circle-check", "good"),
    "withdrawn": (lazy_gettext("withdrawn"), "arrow-back-up", "plain"),
}
ROADS: dict[str, tuple[LazyString, str, str]] = {
    "closed": (lazy_gettext("Advised to close"), "ban", "bad"),
    "slowed": (lazy_gettext("Pass slowly"), "alert-triangle", "warn"),
    "open": (lazy_gettext("Road open"), "circle-check", "good"),
    "unknown": (lazy_gettext("Sensor silent"), "wifi-off", "plain"),
}
WHO: dict[str, LazyString] = {
    "department": lazy_gettext("Department"),
    "acceptor": lazy_gettext("Acceptors"),
    "dispatcher": lazy_gettext("Dispatchers"),
    "manager": lazy_gettext("Managers"),
}
EVENTS: dict[str, tuple[LazyString, str]] = {
    "raised": (lazy_gettext("Raised"), "bell-ringing"),
    "escalated": (lazy_gettext("Graver"), "trending-up"),
    "reset": (lazy_gettext("Reset"), "circle-check"),
    "amended": (lazy_gettext("Amended"), "history"),
    "withdrawn": (lazy_gettext("Withdrawn by late readings"), "arrow-back-up"),
    "dismissed": (lazy_gettext("Dismissed"), "ban"),
    "case_opened": (lazy_gettext("Case opened"), "flag"),
    "told": (lazy_gettext("Told"), "send"),
    "acknowledged": (lazy_gettext("Acknowledged"), "check"),
    "passed_on": (lazy_gettext("Not acknowledged in time: passed on"), "arrow-up"),
}


@dataclass(frozen=True)
class AlarmWords:
    """An alarm as its row shows it."""

    id: int
    name: str
    rule: str
    level: str
    rank: int
    state: str
    since: datetime
    until: datetime | None
    value: str
    peak: str
    waiting: bool
    late: bool
    number: str | None
    no_case: str
    datastream: str
    department: str
    illustrative: bool


def of(row: Row) -> AlarmWords:
    """An alarm (`fn.alarm_line`) in words."""
    english = words.english()
    late = row.due_at is not None and row.due_at <= datetime.now(UTC)
    return AlarmWords(
        row.id,
        (row.station_en if english else None) or row.station_zh,
        row.rule_en if english else row.rule_zh,
        alarm_words.level_words(row.levels, row.level)[english],
        row.rank,
        row.state,
        row.raised_at,
        row.reset_at,
        measured(row.now_value, row),
        measured(row.peak, row),
        row.waiting,
        late,
        row.case_number,
        words.sentence(row.no_case, row.no_case, {}) if row.no_case else "",
        row.datastream,
        shown.department_name(row),
        row.illustrative,
    )


def measured(value: float | None, row: Row) -> str:
    """What the level of an alarm looks at, with its window; a dash when there is none."""
    if value is None:
        return reading(value, row.unit)
    return alarm_words.measured(reading(value, row.unit), row.measure, row.window_s)[words.english()]


def banner(session: Session, actor: Actor) -> dict[str, Any]:
    """What stands above a desk: how many alarms stand, how many nobody has acknowledged, and the first of these."""
    counts = alarm_queries.counts(session, actor)
    rows = alarm_queries.at_hand(session, actor, most=BANNER) if counts.waiting else ()
    first = [of(row) for row in rows if row.waiting]
    return {"standing": counts.standing, "waiting": counts.waiting, "first": first, "states": STATES}


def told(events: Sequence[Row], levels: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The history of an alarm."""
    return [_told(one, levels) for one in events]


def _told(one: Row, levels: Sequence[dict[str, Any]]) -> dict[str, Any]:
    word, icon = EVENTS[one.action]
    facts = one.facts or {}
    lines = [alarm_words.level_words(levels, one.level)[words.english()]] if one.level else []
    if one.action in ("told", "passed_on"):
        lines.append(str(WHO.get(facts.get("who", ""), facts.get("who", ""))))
    if one.action == "told":
        lines.append(_("%(n)s messages", n=facts.get("people", 0)))
    if one.action == "case_opened":
        lines.append(facts.get("number", ""))
    return {
        "word": word,
        "icon": icon,
        "at": one.at,
        "who": one.name or str(words.ROLES["engine"]),
        "lines": lines,
        "reason": facts.get("reason", ""),
        "bad": one.action in ("raised", "escalated", "passed_on"),
    }
