"""The manager's page: how the city does in a span, beside the span before, and the list behind every figure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from flask import render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webgis import api, web
from webgis.accounts import permissions
from webgis.accounts import queries as accounts
from webgis.days import DAY, Span
from webgis.errors import Invalid
from webgis.evaluation import figures, overview, spans
from webgis.evaluation.overview import Line, Overview
from webgis.evaluation.wire import FiguresAsked
from webgis.grid import queries as grid
from webgis.maps import queries as map_queries
from webgis.pages import alarm_shown, shown, watch_words, words
from webgis.pages.blueprint import pages

FILTERS = ("since", "until", "area", "subject", "department", "source", "step", "level")
ROWS = 10
"""Rows of a ranking that are shown at once; the others unfold."""

MOST_ROWS = 300


@dataclass(frozen=True)
class Ranked:
    """A row of a ranking as it is shown: `part` is its share of the longest bar; an address behind each number."""

    name: str
    line: Line
    part: float
    change: watch_words.Change
    links: dict[str, str]
    narrow: str | None


@pages.get("/watch")
@web.permits("watch.use")
def watch():
    """The page; its parts alone (`X-Part`) when something has changed."""
    told = _told()
    if "X-Part" in request.headers:
        return render_template("watch/figures.html", **told)
    with web.transaction() as session:
        alarms = alarm_shown.banner(session, web.actor())
    may = permissions.may(web.actor(), "alarms.acknowledge")
    return render_template("watch/watch.html", alarms=alarms, may_acknowledge=may, **told)


@pages.get("/watch/screen")
@web.permits("watch.use")
def watch_screen():
    """The same for a big screen: one subject after the other."""
    return render_template("watch/screen.html", zone=web.runtime().settings.timezone, **_told())


def asked_of(given: Mapping[str, str]) -> FiguresAsked:
    """The question of a page's address: kind and class are one choice there ("matter:06010")."""
    fields = {name: value.strip() for name in FILTERS if (value := given.get(name, "")).strip()}
    kind, _colon, code = fields.pop("subject", "").partition(":")
    fields |= {name: value for name, value in (("kind", kind), ("class", code)) if value}
    return api.checked(FiguresAsked, fields)


def question_of(session: Session, asked: FiguresAsked) -> figures.Asked:
    """The question, within what the reader may see."""
    return overview.question(session, web.actor(), asked, datetime.now(UTC), web.runtime().settings.zone)


def _picture(session: Session, asked: FiguresAsked) -> Overview:
    return overview.picture(session, web.actor(), asked, datetime.now(UTC), web.runtime().settings.zone)[1]


def _told() -> dict[str, Any]:
    given, problem = request.args.to_dict(), None
    with web.transaction() as session:
        version = web.opaque(map_queries.live_version(session))
        try:
            found = _picture(session, asked_of(given))
        except Invalid as error:
            given, problem = {}, error
            found = _picture(session, FiguresAsked())
        told = {"version": version, "problem": problem and watch_words.problem(problem)}
        return _page(session, given, found) | told


def _page(session: Session, given: dict[str, str], found: Overview) -> dict[str, Any]:
    """Everything that the templates show."""
    kept = {name: given[name] for name in FILTERS if given.get(name)}
    links = Links(kept, found.span)
    today = datetime.now(UTC).astimezone(web.runtime().settings.zone).date()
    area = given.get("area") or web.actor().area
    return {
        "given": kept,
        "span": found.span,
        "before": found.span.before,
        "step": found.step,
        "level": found.level,
        "cards": watch_words.cards(found, links),
        "chart": _chart(found, links),
        "trend": [(watch_words.part_words(found.step, part), sums, links.during(part)) for part, sums in found.trend],
        "areas": _ranked(found.areas, links, "area", kept),
        "departments": _ranked(found.departments, links, "department", kept),
        "classes": _ranked(found.classes, links, "subject", kept),
        "sources": _ranked(found.sources, links, "source", kept),
        "rows": ROWS,
        "presets": _presets(kept, found.span, today),
        "levels": [level for level in figures.LEVELS if figures.LEVELS[level] > len(area or "")],
        "choices": {
            "areas": [*grid.areas(session, "county", web.actor().area), *grid.areas(session, "subdistrict", area)],
            "departments": accounts.departments(session),
            "class_groups": shown.class_groups(session),
        },
        "steps": spans.STEPS,
        "any": any(found.total) or found.now.open,
        "map": _map(kept, found.span),
        "number": watch_words.number,
        "percent": watch_words.percent,
        "step_word": watch_words.step_word,
        "level_word": words.LEVELS.__getitem__,
        "kind_words": words.KINDS.__getitem__,
        "source_words": words.SOURCES,
    }


class Links:
    """Addresses of the list of cases behind the figures of a page, with the page's filters."""

    def __init__(self, kept: Mapping[str, str], span: Span) -> None:
        self.filters = {name: kept[name] for name in ("area", "subject", "department", "source") if name in kept}
        self.span = span

    def of(self, figure: str, span: Span | None = None, **narrower: str) -> str:
        """The list behind a figure, in a part of the span, of a part of the cases."""
        days = {"since": (span or self.span).since, "until": (span or self.span).until}
        closed = {f"closed_{name}": day for name, day in days.items()}
        how = {
            "reported": days,
            "filed": days | {"filed": "yes"},
            "reopened": days | {"reopened": "yes"},
            "closed": closed | {"state": "closed"},
            "on_time": closed | {"state": "closed", "in_time": "yes"},
            "late": closed | {"state": "closed", "in_time": "no"},
            "overdue": {"overdue": "yes", "order": "due"},
        }[figure]
        return url_for("pages.case_list", **self.filters | narrower | {name: str(it) for name, it in how.items()})

    def during(self, span: Span) -> dict[str, str]:
        """The lists behind a part of the trend."""
        return {figure: self.of(figure, span) for figure in ("reported", "filed", "closed", "on_time")}


def _ranked(lines: list[Line], links: Links, field: str, kept: Mapping[str, str]) -> list[Ranked]:
    longest = max((line.sums.reported for line in lines), default=0) or 1
    return [
        Ranked(
            watch_words.line_name(line, field),
            line,
            line.sums.reported / longest,
            watch_words.change(line.sums.reported, line.before.reported),
            {figure: links.of(figure, **{field: line.code}) for figure in ("reported", "closed", "on_time", "overdue")}
            if line.code
            else {},
            url_for("pages.watch", **{**kept, field: line.code}) if line.code else None,
        )
        for line in lines[:MOST_ROWS]
    ]


def _presets(kept: Mapping[str, str], span: Span, today: date) -> list[dict[str, Any]]:
    """Spans that are asked often, up to today."""
    firsts = [
        (_("Today"), today),
        (_("7 days"), today - 6 * DAY),
        (_("30 days"), today - 29 * DAY),
        (_("This month"), today.replace(day=1)),
        (_("365 days"), today - 364 * DAY),
    ]
    others = {name: value for name, value in kept.items() if name not in ("since", "until", "step")}
    return [
        {
            "word": word,
            "href": url_for("pages.watch", **others, since=first.isoformat(), until=today.isoformat()),
            "current": span == Span(first, today),
        }
        for word, first in firsts
    ]


def _chart(found: Overview, links: Links) -> dict[str, Any]:
    """What the charts draw, with the address behind each point."""
    rows = [
        {
            "label": watch_words.part_words(found.step, part),
            "values": [sums.reported, sums.closed],
            "share": sums.on_time_share,
            "links": [links.of("reported", part), links.of("closed", part), links.of("on_time", part)],
        }
        for part, sums in found.trend
    ]
    return {
        "trend": rows,
        "classes": _slices(found.classes[:ROWS], links, "subject"),
        "sources": _slices(found.sources, links, "source"),
        "words": watch_words.chart_words(),
    }


def _slices(lines: list[Line], links: Links, field: str) -> list[dict[str, Any]]:
    return [
        {
            "name": watch_words.line_name(line, field),
            "value": line.sums.reported,
            "link": links.of("reported", **{field: line.code}),
        }
        for line in lines
        if line.sums.reported
    ]


def _map(kept: Mapping[str, str], span: Span) -> str:
    """The address of the heat map with the filters of the page."""
    filters = {name: kept[name] for name in ("subject", "department", "area") if name in kept}
    days = {"since": str(span.since), "until": str(span.until)}
    return url_for("pages.city_map", name="heat", bare="1", which="all", **days, **filters)
