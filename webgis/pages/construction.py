"""The pages of construction zones: the list, a zone with phases, cases and patrols, what works did, who does well.

The form with its map is in `construction_forms.py`.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from flask import render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis import web
from webgis.accounts import permissions
from webgis.accounts import queries as accounts
from webgis.cases import queries as cases
from webgis.evaluation import works
from webgis.metro import construction, construction_patrols, construction_traffic
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
    "way_words": construction_words.WAYS,
}


def shown_page(template: str, **values: Any) -> str:
    """A page of construction zones."""
    actor = web.actor()
    may = {
        "may_change": permissions.may(actor, "construction.change"),
        "may_study": permissions.may(actor, "construction.study"),
    }
    return render_template(f"construction/{template}.html", **WORDS, **may, **values)


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
        return shown_page(
            "zone",
            zone=zone,
            phases=bars(zone, phases, today),
            phase=rules.holding(phases, today) if zone.valid.contains(now) else None,
            state=_state(zone, now),
            lines=[row for row in construction_traffic.feed(session, now) if row.zone == code],
            departments={one: accounts.require_department(session, one) for one in _departments(zone)},
            cases=_cases(session, code, now),
            counts=_counts(session, code),
            duty=_by_day(construction_patrols.duty(session, today - timedelta(days=DUTY_DAYS - 1), today, code)),
            patrols=construction_patrols.newest(session, code),
            versions=construction.versions(session, code),
            points=_points(session, zone.points),
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
    page = cases.list_cases(session, web.actor(), cases.Filters(zone=code), limit=NEWEST_CASES)
    return shown.list_rows(session, web.runtime().settings, web.actor(), page.rows, now)


_COUNTS = text(
    """
    SELECT count(*) AS reported, count(*) FILTER (WHERE c.outcome IS NULL) AS open,
           count(*) FILTER (WHERE c.outcome IS NULL AND c.deadline_at < now() AND c.resolved_at IS NULL) AS overdue,
           count(*) FILTER (WHERE r.to_contractor) AS works
    FROM city.case_zone k JOIN city.construction_zone z ON z.id = k.zone_id JOIN city.case c ON c.id = k.case_id
    LEFT JOIN LATERAL fn.zone_rule(c.kind, c.class_code, k.protection, k.phase) r ON true
    WHERE z.code = :code AND (CAST(:departments AS varchar[]) IS NULL OR c.department_code = ANY(:departments))
        AND (CAST(:area AS text) IS NULL OR starts_with(c.cell_code, :area))
        AND fn.in_classes(c.kind, c.class_code, CAST(:classes AS text[]))
    """
)


def _counts(session: Session, code: str) -> Any:
    """Cases of a zone, all versions, as far as one may see them."""
    return session.execute(_COUNTS, {"code": code} | cases.sight(web.actor())._asdict()).one()


_POINTS = text(
    "SELECT d.code, d.quantity, d.unit, d.last_value, d.last_at FROM city.datastream d"
    " WHERE d.code = ANY(CAST(:codes AS text[])) ORDER BY d.code"
)


def _points(session: Session, codes: list[str]) -> Any:
    return session.execute(_POINTS, {"codes": codes}).all() if codes else []


@pages.get("/construction/<code>/effect")
@web.permits("construction.study")
def construction_effect(code: str):
    """What the works did to their street."""
    with web.transaction() as session:
        zone = construction.require(session, code)
        found = works.effects(session, zone, now=datetime.now(UTC))
    values = {part: [one for one in found if one.part == part] for part in works.PARTS}
    return shown_page("effect", zone=zone, findings=values, sentence=construction_words.finding, scale=_scale(found))


def _scale(found: list[works.Finding]) -> float:
    """The highest ratio that the drawing of intervals must hold."""
    return min(max(2.0, *(one.effect.high for one in found if one.effect.ratio), 2.0), 8.0)


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
    return shown_page("scores", scores=found, days=SCORE_DAYS, missed=missed)
