"""The pages of alarms: those that stand and those past, one with its history and chart, the banner above desks."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import flash, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webgis import web
from webgis.accounts import permissions
from webgis.errors import WebgisError
from webgis.hazards import alarm_queries, alarm_telling, alarm_words
from webgis.pages import alarm_rule_words, alarm_sources, words
from webgis.pages import alarm_shown as said
from webgis.pages.blueprint import go, pages
from webgis.telemetry import queries as telemetry
from webgis.telemetry.quantities import QUANTITIES

BEFORE = timedelta(hours=2)
"""So much at least before an alarm its chart shows, and so much after its end."""


@pages.get("/alarms")
@web.permits("alarms.see")
def alarm_list():
    """The alarms that stand or that nobody has acknowledged, or with `past=1` all, newest first."""
    past, quantity = bool(request.args.get("past")), request.args.get("quantity", "")
    quantity = quantity if quantity in QUANTITIES else ""
    actor = web.actor()
    with web.transaction() as session:
        counts = alarm_queries.counts(session, actor)
        if past:
            given = {"quantity": quantity or None, "cursor": request.args.get("cursor")}
            page = alarm_queries.listed(session, actor, **given)
        else:
            page = alarm_queries.Page(alarm_queries.at_hand(session, actor, quantity=quantity or None))
        rows = [said.of(row) for row in page.rows]
    more = url_for("pages.alarm_list", past=1, quantity=quantity or None, cursor=page.next) if page.next else None
    return render_template(
        "alarms/list.html",
        rows=rows,
        past=past,
        quantity=quantity,
        quantities=_quantities(),
        counts=counts,
        full=not past and len(rows) == alarm_queries.MOST_AT_HAND,
        more=more,
        **_common(),
    )


def _quantities() -> list[tuple[str, str]]:
    return [(one.key, one.en if words.english() else one.zh) for one in QUANTITIES.values()]


def _common() -> dict[str, Any]:
    may = {name: permissions.may(web.actor(), f"alarms.{name}") for name in ("acknowledge", "dismiss")}
    return {
        "states": said.STATES,
        "may_open_emergency": permissions.may(web.actor(), "emergency.open"),
        "may_acknowledge": may["acknowledge"],
        "may_dismiss": may["dismiss"],
    }


@pages.get("/alarms/banner")
@web.permits("alarms.see")
def alarm_banner():
    """The banner alone."""
    with web.transaction() as session:
        return _banner(session)


def _banner(session: Session) -> str:
    return render_template("alarms/banner.html", alarms=said.banner(session, web.actor()), **_common())


@pages.get("/alarms/<int:alarm_id>")
@web.permits("alarms.see")
def alarm(alarm_id: int):
    """One alarm: how it stands, its chart, who was told, what happened."""
    return _page(alarm_id)


def _page(alarm_id: int, problem: str = "") -> str:
    with web.transaction() as session:
        row = alarm_queries.require(session, web.actor(), alarm_id)
        return render_template(
            "alarms/one.html",
            alarm=said.of(row),
            row=row,
            events=said.told(alarm_queries.events(session, alarm_id), row.levels),
            notices=alarm_queries.notices(session, alarm_id),
            who=said.WHO,
            source_of=alarm_sources.shown,
            bound=alarm_rule_words.bound,
            chart=_chart(session, row),
            reason=request.form.get("reason", "") if problem else "",
            problem=problem,
            **_common(),
        )


def _chart(session: Session, row: Any) -> dict[str, Any]:
    """The readings around an alarm, what its level looks at when that is not a reading itself, and the levels that look
    at the same, as the chart's module takes them."""
    zone, now = web.runtime().settings.zone, datetime.now(UTC)
    since, until = alarm_words.shown_since(row, BEFORE), min((row.reset_at or now) + BEFORE, now)
    points = telemetry.series(session, row.datastream_id, since, until)
    measured = alarm_queries.measured(session, row, since, until)
    return {
        "unit": row.unit,
        "points": _points(points),
        "measured": _points(measured),
        "bars": row.measure == "sum",
        "levels": [
            {"word": one["name_en" if words.english() else "name_zh"], "at": one["at"], "rank": one["rank"]}
            for one in alarm_words.compared(row, zone)
        ],
        "span": [int(row.raised_at.timestamp() * 1000), int((row.reset_at or until).timestamp() * 1000)],
        "shown": [int(at.timestamp() * 1000) for at in (since, until)],
        "zone": str(zone),
        "word": _("Readings"),
        "measured_word": alarm_rule_words.measured(row.measure, row.window_s),
    }


def _points(found: Sequence[tuple[datetime, float]]) -> list[list[float]]:
    return [[int(at.timestamp() * 1000), number] for at, number in found]


@pages.post("/alarms/<int:alarm_id>/acknowledge")
@web.permits("alarms.acknowledge")
def acknowledge_alarm(alarm_id: int):
    """Acknowledge an alarm; then the banner for who asks from there, else back to the alarm."""
    with web.transaction() as session:
        alarm_telling.acknowledge(session, web.actor(), alarm_id, at=datetime.now(UTC))
        if request.headers.get("HX-Request"):
            return _banner(session)
    flash(_("Acknowledged."), "success")
    return go(url_for("pages.alarm", alarm_id=alarm_id))


@pages.post("/alarms/<int:alarm_id>/dismiss")
@web.permits("alarms.dismiss")
def dismiss_alarm(alarm_id: int):
    """Say, with a reason, that an alarm is none."""
    try:
        with web.transaction() as session:
            alarm_telling.dismiss(session, web.actor(), alarm_id, request.form.get("reason", ""), at=datetime.now(UTC))
    except WebgisError as error:
        if error.code not in ("cases.bad-field", "hazards.alarm-over"):
            raise
        return _page(alarm_id, words.problem(error.code, error.message, error.facts)[1]), 422
    flash(_("Dismissed. The case may end now."), "success")
    return go(url_for("pages.alarm", alarm_id=alarm_id))
