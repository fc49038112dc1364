"""The pages of construction zones: the list, a zone with phases, cases and patrols, what works did, who does well.

The form with its map is in `construction_forms.py`.
"""

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from flask import render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import Row
from sqlalchemy.orm import Session

from webgis import web
from webgis.accounts import permissions
from webgis.accounts import queries as accounts
from webgis.cases import listing, zones
from webgis.cases import queries as cases
from webgis.evaluation import works
from webgis.metro import construction, construction_patrols, construction_queries, construction_traffic
from webgis.metro import construction_rules as rules
from webgis.pages import construction_words, shown
from webgis.pages.blueprint import pages

TABS = ("now", "ahead", "over")
DUTY_DAYS = 7
NEWEST_CASES = 8
SCORE_DAYS = 90

WORDS = {
    "phase_words": construction_words.PHASES,
    "line_words": construction_words.LINES,
    "part_words": construction_words.PARTS,
    "in_conflict": construction_words.IN_CONFLICT,
    "way_words": construction_words.WAYS,
    "class_name": shown.class_name,
}


def shown_page(template: str, **values: Any) -> str:
    """A page of construction zones."""
    actor = web.actor()
    may = {
        "may_change": permissions.may(actor, "construction.change"),
        "may_study": permissions.may(actor, "construction.study"),
    }
    return render_template(f"construction/{template}.html", today=_today(), **WORDS, **may, **values)


@pages.get("/construction")
@web.permits("construction.see")
def construction_list():
    """The zones with works now, ahead, or over; with today's patrols."""
    asked = request.args.get("tab", "now")
    asked = asked if asked in TABS else "now"
    now, today = datetime.now(UTC), _today()
    with web.transaction() as session:
        rows = construction.listed(session, now)
        duty = {row.code: row for row in construction_patrols.duty(session, today, today)}
        traffic = construction_traffic.feed(session, now)
    groups = {tab: [row for row in rows if _tab(row) == tab] for tab in TABS}
    conflicts = [row for row in traffic if row.conflicts]
    return shown_page("list", rows=groups[asked], asked=asked, tabs=_tabs(groups, asked), duty=duty,
                      conflicts=conflicts)  # fmt: skip


def _tab(row: Any) -> str:
    return "now" if row.there else "ahead" if row.ahead else "over"


def _tabs(groups: dict[str, list], asked: str) -> list[dict[str, Any]]:
    named = {"now": _("Works now"), "ahead": _("Ahead"), "over": _("Over")}
    return [
        {"href": url_for("pages.construction_list", tab=tab), "word": named[tab], "count": len(groups[tab]),
         "current": tab == asked}
        for tab in TABS
    ]  # fmt: skip


def _today() -> date:
    return datetime.now(web.runtime().settings.zone).date()


@pages.get("/construction/<code>")
@web.permits("construction.see")
def construction_zone(code: str):
    """A zone: facts, phases, cases, patrols, traffic, versions."""
    asked = request.args.get("version", "")
    version = int(asked) if asked.isdecimal() and len(asked) < 10 else None
    now, today = datetime.now(UTC), _today()
    with web.transaction() as session:
        zone = construction.require(session, code, version)
        phases = construction.phases_of(session, zone.id)
        lines = [row for row in construction_traffic.feed(session, now) if row.zone == code]
        return shown_page(
            "zone",
            zone=zone,
            phases=bars(zone, phases, today),
            phase=rules.holding(phases, today) if zone.valid.contains(now) else None,
            state=_state(zone, now),
            lines=lines,
            parts_in_conflict=[one["part"] for row in lines for one in row.conflicts],
            departments={one: accounts.require_department(session, one) for one in _departments(zone)},
            cases=_cases(session, code, now),
            counts=zones.counts(session, code, cases.sight(web.actor())),
            told=zones.told_operator(session, code, web.actor().departments, NEWEST_CASES),
            duty=_by_day(construction_patrols.duty(session, today - timedelta(days=DUTY_DAYS - 1), today, code)),
            patrols=construction_patrols.newest(session, code),
            versions=construction.versions(session, code),
            points=construction_queries.points_of(session, zone.points),
            map_features=url_for("construction.one", code=code, **({"version": version} if version else {})),
        )


def _departments(zone: Any) -> set[str]:
    return {code for code in (zone.department_code, zone.metro_department_code) if code}


def _state(zone: Any, now: datetime) -> str:
    return "now" if zone.valid.contains(now) else "ahead" if zone.valid.lower > now else "over"


def bars(zone: Any, phases: list[rules.Phase], today: date) -> dict[str, Any]:
    """The phases as bars of a common line of time, in parts of a hundred; where today is on it."""
    ends = [zone.last_day, *(one.last_day for one in phases)]
    last = max([day for day in ends if day] or [max(today, zone.first_day)])
    days = (last - zone.first_day).days + 1

    def at(day: date) -> float:
        return round(100 * min(max((day - zone.first_day).days, 0), days) / days, 2)

    rows = [
        {
            "kind": one.kind,
            "from": at(one.first_day),
            "width": round(at(one.last_day + timedelta(days=1)) - at(one.first_day), 2),
            "first": one.first_day,
            "last": one.last_day,
        }
        for one in phases
    ]
    inside = zone.first_day <= today <= last
    return {"rows": rows, "first": zone.first_day, "last": last, "today": at(today) if inside else None}


def _by_day(rows: Any) -> list[Any]:
    return list(reversed(rows))


def _cases(session: Session, code: str, now: datetime) -> list[dict[str, Any]]:
    """The newest cases of a zone that one may see."""
    page = listing.list_cases(session, web.actor(), listing.Filters(zone=code), limit=NEWEST_CASES)
    return shown.list_rows(session, web.runtime().settings, web.actor(), page.rows, now)


@pages.get("/construction/<code>/effect")
@web.permits("construction.study")
def construction_effect(code: str):
    """What the works did to their street."""
    with web.transaction() as session:
        zone = construction.require(session, code)
        found = works.effects(session, zone, now=datetime.now(UTC))
    values = {part: [one for one in found if one.part == part] for part in works.PARTS}
    at = partial(_at, _widest(found))
    return shown_page("effect", zone=zone, findings=values, sentence=construction_words.finding, at=at)


def _widest(found: list[works.Finding]) -> float:
    """The ratio that the drawing of intervals must hold, and its inverse: 2 to 8."""
    ends = [end for one in found if one.effect.ratio for end in (one.effect.high, 1 / max(one.effect.low, 1e-9))]
    return min(max(2.0, *ends, 2.0), 8.0)


def _at(widest: float, ratio: float) -> float:
    """Where a ratio stands on a line from 1 / widest to widest with 1 in its middle, in parts of a hundred."""
    return round(50 + 50 * max(-1.0, min(math.log(max(ratio, 1e-9)) / math.log(widest), 1.0)), 1)


@pages.get("/construction/contractors")
@web.permits("construction.study")
def construction_scores():
    """The score card of contractors, by cases of works of the last days."""
    zone = web.runtime().settings.zone
    today = _today()
    since = datetime.combine(today - timedelta(days=SCORE_DAYS - 1), datetime.min.time(), zone)
    until = datetime.combine(today + timedelta(days=1), datetime.min.time(), zone)
    with web.transaction() as session:
        found = works.scores(session, since, until, now=datetime.now(UTC))
        missed = construction_patrols.missed(session, today - timedelta(days=DUTY_DAYS), today - timedelta(days=1))
    return shown_page("scores", scores=found, days=SCORE_DAYS, missed=_by_zone(missed))


def _by_zone(missed: Sequence[Row]) -> list[tuple[Row, list[Row]]]:
    """The days of each zone, the zones with most days first, the last day first."""
    days: dict[str, list[Row]] = {}
    for row in missed:
        days.setdefault(row.code, []).append(row)
    return sorted(((rows[0], rows) for rows in days.values()), key=lambda one: (-len(one[1]), one[0].code))
