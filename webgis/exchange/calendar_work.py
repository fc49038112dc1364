"""Changes of the working calendar as long work: what would be turned, and how many open deadlines would move."""

from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from webgis.accounts import admin_log
from webgis.cases import calendar, recompute
from webgis.cases.calendar import Change
from webgis.cases.calendar_file import Day
from webgis.cases.working_time import Period, shifts_text
from webgis.errors import Conflict
from webgis.exchange.work import Doing, kind
from webgis.settings import Settings

MOST_DAYS_TOLD, MOST_DAYS_LOGGED = 400, 50
"""Days that turn which the page and the log name one by one; all are counted."""


def _stands(session: Session, doing: Doing) -> str:
    """The version of the calendar."""
    return str(calendar.of_city(session, doing.settings, fresh=True).version)


@kind("calendar", _stands, action="admin.calendar")
def take_calendar(session: Session, doing: Doing) -> dict[str, Any]:
    """Days of a file, or `given`: days ([day, working, name_zh, name_en]), periods ([since, until, shifts]), or years
    to be filled in anew. `Conflict` when the calendar says all that already.

    When it is taken over, the deadlines themselves are reckoned anew by the job that every change of the calendar
    asks for (`recompute`).
    """
    settings, given = doing.settings, doing.given
    before = calendar.of_city(session, settings, fresh=True)
    periods = [_period_facts(one) for one in before.periods]
    change, action, after = _change(session, doing)
    if change.version == before.version:
        raise Conflict("exchange.calendar-same", "The calendar says that already; nothing would change")
    doing.tell(30)
    moves = recompute.preview(session, settings, tell=doing.tell)
    now = calendar.of_city(session, settings, fresh=True)
    turned = [{"day": day.isoformat(), "working": now.is_working_day(day)} for day in change.turned]
    session.info.pop(calendar.CHANGED, None)
    days = {one["day"]: one["working"] for one in turned[:MOST_DAYS_LOGGED]}
    was = {"periods": periods} if "periods" in given else {day: not working for day, working in days.items()}
    admin_log.record(session, doing.by, action, settings.city_code, was, after | days | {"turned": len(turned)})
    return {
        "takes": True, "written": change.written, "turned": turned[:MOST_DAYS_TOLD], "turns": len(turned),
        "checked": moves.checked, "moved": moves.moved, "earlier": moves.earlier, "later": moves.later,
        "examples": [
            {"number": one.number, "before": settings.moment(one.before), "after": settings.moment(one.after)}
            for one in moves.examples
        ],
    }  # fmt: skip


def _change(session: Session, doing: Doing) -> tuple[Change, str, dict[str, Any]]:
    """What is done, its name in the log, and what is told of it there."""
    settings, given, by = doing.settings, doing.given, doing.by.id
    if doing.file is not None:
        done = calendar.import_file(session, settings, doing.file, by=by)
        return done.change, "calendar.import", {"file": given.get("called"), "rows": done.rows}
    if "years" in given:
        return calendar.seed(session, settings, given["years"], again=True), "calendar.seed", {"years": given["years"]}
    if "periods" in given:
        wanted = [_period(one) for one in given["periods"]]
        return calendar.set_hours(session, settings, wanted, by=by), "calendar.hours", {"periods": given["periods"]}
    days = [
        Day(date.fromisoformat(one["day"]), one["working"], one["name_zh"], one["name_en"]) for one in given["days"]
    ]
    return calendar.set_days(session, settings, days, by=by), "calendar.days", {"days": len(days)}


def _period(given: dict[str, Any]) -> Period:
    until = date.fromisoformat(given["until"]) if given["until"] else None
    return Period(date.fromisoformat(given["since"]), until, calendar.read_shifts(given["shifts"]))


def _period_facts(one: Period) -> dict[str, Any]:
    return {
        "since": one.since.isoformat(),
        "until": one.until and one.until.isoformat(),
        "shifts": shifts_text(one.shifts),
    }


def periods(session: Session, settings: Settings) -> list[dict[str, Any]]:
    """The periods with shifts of their own, as `given` takes them."""
    return [_period_facts(one) for one in calendar.periods(session, settings)]
