"""The page of waterlogging: depth now where water gathers, what is advised for the road, rain and cases of a day."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from flask import render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import Row
from sqlalchemy.orm import Session

from webgis import web
from webgis.hazards import alarm_words, waterlogging_queries
from webgis.pages import alarm_shown as said
from webgis.pages import words
from webgis.pages.blueprint import pages
from webgis.telemetry import queries as telemetry
from webgis.telemetry.quantities import reading

CURVES = 5
"""Places whose depth stands on the time line: those where it stood highest."""

POINTS = 300


@pages.get("/waterlogging")
@web.permits("alarms.see")
def waterlogging():
    """A day of the city, today unless another is asked for."""
    zone, today = web.runtime().settings.zone, datetime.now(web.runtime().settings.zone).date()
    day = _day(request.args.get("day", ""), today)
    since = datetime.combine(day, time(), zone)
    until = datetime.combine(day + timedelta(days=1), time(), zone)
    actor = web.actor()
    with web.transaction() as session:
        rows = waterlogging_queries.places(session, actor, since, until)
        rain = waterlogging_queries.rain(session, since, until)
        cases = waterlogging_queries.cases_of(session, actor, since, until)
        totals = waterlogging_queries.totals(session, since, until)
        curves = _curves(session, rows, since, until)
    places = [_place(row) for row in rows]
    return render_template(
        "alarms/waterlogging.html",
        places=places,
        roads=said.ROADS,
        closed=sum(one["road"] == "closed" for one in places),
        slowed=sum(one["road"] == "slowed" for one in places),
        cases=cases,
        totals=totals,
        day=day,
        today=today,
        before=url_for("pages.waterlogging", day=day - timedelta(days=1)),
        after=url_for("pages.waterlogging", day=day + timedelta(days=1)) if day < today else None,
        chart=_chart(rain, cases, curves, since, until, str(zone)),
    )


def _day(given: str, today: date) -> date:
    try:
        return min(max(date.fromisoformat(given), date(2000, 1, 2)), today)
    except ValueError:
        return today


def _place(row: Row) -> dict[str, Any]:
    road = row.advice or ("unknown" if row.silent_since or row.last_at is None else "open")
    level = alarm_words.level_words(row.levels or (), row.level)[words.english()] if row.level else ""
    return {
        "name": words.name_of(row),
        "code": row.code,
        "illustrative": row.illustrative,
        "road": road,
        "level": level,
        "depth": reading(row.last_value, row.unit or "m"),
        "at": row.last_at,
        "highest": reading(row.highest, row.unit or "m"),
        "alarm": row.alarm_id,
        "since": row.raised_at,
        "number": row.case_number,
    }


def _curves(session: Session, rows: Sequence[Row], since: datetime, until: datetime) -> list[dict[str, Any]]:
    wet = sorted((row for row in rows if row.highest), key=lambda row: row.highest, reverse=True)[:CURVES]
    found = []
    for row in wet:
        points = telemetry.series(session, row.id, since, until, POINTS)
        found.append({"name": words.name_of(row), "points": [[_ms(at), number] for at, number in points]})
    return found


def _chart(
    rain: Sequence[Row],
    cases: Sequence[Row],
    curves: list[dict[str, Any]],
    since: datetime,
    until: datetime,
    zone: str,
) -> dict[str, Any]:
    """What the time line shows: rain in steps, depth of the deepest places, cases when they were reported."""
    return {
        "rain": [[_ms(row.at), round(row.mean, 2)] for row in rain],
        "curves": curves,
        "cases": [[_ms(one.reported_at), one.number, words.name_of(one), one.address or ""] for one in cases],
        "span": [_ms(since), _ms(until)],
        "zone": zone,
        "case_address": url_for("pages.case_list") + "/",
        "words": {"rain": _("Rain, mm in 15 minutes"), "depth": _("Depth, m"), "cases": _("Cases")},
    }


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
