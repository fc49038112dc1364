"""The working calendar, kept by administrators: a year at a glance, one day or a file of days, shifts by period; before
anything is changed it is shown which days turn and how many open deadlines would move."""

from calendar import Calendar as Weeks
from datetime import date, datetime, timedelta
from typing import Any

from flask import request, url_for
from flask_babel import format_date, lazy_gettext
from sqlalchemy.orm import Session

from webgis import web
from webgis.cases import calendar, calendar_file, recompute, table_wire, workflow
from webgis.cases.calendar_file import FIRST_YEAR, LAST_YEAR, LONGEST_NAME, Day
from webgis.exchange import calendar_work, work, work_files
from webgis.exchange.work_models import LongWork
from webgis.pages import admin_work, words
from webgis.pages.admin import REFUSALS, Section, admin, given, page, problems, put

ACTION = "admin.calendar"
KINDS = ("calendar",)
MOST_DAYS = 62
"""Days in a row that the form takes; more come from a file."""

put(Section("calendar", lazy_gettext("Calendar"), "calendar-due", "admin.calendar_year", ACTION), after="areas")

SOURCES = {
    "seed": lazy_gettext("from the library of holidays"),
    "edited": lazy_gettext("set by people"),
    "import": lazy_gettext("from a file"),
}


@admin.get("/calendar")
@web.permits(ACTION)
def calendar_year():
    """A year at a glance, the shifts, and the last changes with the deadlines they moved."""
    year = _year(request.args.get("year"))
    settings = web.runtime().settings
    with web.transaction() as session:
        days = {one.day: one for one in calendar.year(session, settings, year)}
        return page(
            "calendar", "calendar", year=year, months=_months(year, days), usual=settings.working_hours,
            first=FIRST_YEAR, last=LAST_YEAR, today=datetime.now(settings.zone).date(),
            working=sum(one.working for one in days.values()), sources=SOURCES,
            periods=calendar_work.periods(session, settings), recomputes=recompute.listed(session, most=5),
            works=work.recent(session, KINDS), kind_words=admin_work.KINDS, work_states=admin_work.STATES,
            weekdays=[format_date(date(2024, 1, day), "EEEEE") for day in range(1, 8)],
        )  # fmt: skip


def _year(given_year: str | None) -> int:
    this = datetime.now(web.runtime().settings.zone).year
    if not given_year or not given_year.isascii() or not given_year.isdigit():
        return this
    return min(max(int(given_year[:4]), FIRST_YEAR), LAST_YEAR)


def _months(year: int, days: dict[date, Day]) -> list[dict[str, Any]]:
    """The months of a year as weeks that begin on Monday; days of other months are None."""
    weeks = Weeks()
    return [
        {
            "name": format_date(date(year, month, 1), "LLLL"),
            "weeks": [
                [days[day] if day.month == month else None for day in week]
                for week in weeks.monthdatescalendar(year, month)
            ],
        }
        for month in range(1, 13)
    ]


@admin.get("/calendar/day")
@web.permits(ACTION)
def calendar_day():
    """The form of a day, filled in as it is."""
    settings = web.runtime().settings
    day = calendar_file.read_date(request.args.get("day", "")) or datetime.now(settings.zone).date()
    with web.transaction() as session:
        days = calendar.year(session, settings, min(max(day.year, FIRST_YEAR), LAST_YEAR))
    found = next((one for one in days if one.day == day), days[0])
    fields = {
        "day": found.day.isoformat(), "until": "", "working": "yes" if found.working else "no",
        "name_zh": found.name_zh or "", "name_en": found.name_en or "",
    }  # fmt: skip
    return _day_form(fields)


def _day_form(fields: dict, faults: dict | None = None) -> str:
    return page("calendar_day", "calendar", given=fields, problems=faults or {}, longest=LONGEST_NAME)


@admin.post("/calendar/day")
@web.permits(ACTION)
@admin_work.asked
def set_calendar_day():
    """Have it looked at what a day, or several in a row, would move."""
    fields = given("day", "until", "working", "name_zh", "name_en")
    try:
        first, last = _date("day", fields["day"]), _date("until", fields["until"] or fields["day"])
        count = (last - first).days + 1
        if not 1 <= count <= MOST_DAYS:
            raise workflow.bad_field("until", fields["until"], f"1 to {MOST_DAYS} days in a row")
        if fields["working"] not in ("yes", "no"):
            raise workflow.bad_field("working", fields["working"], "yes or no")
        names = {name: fields[name] or None for name in ("name_zh", "name_en")}
        days = [
            {"day": (first + timedelta(days=n)).isoformat(), "working": fields["working"] == "yes"} | names
            for n in range(count)
        ]
        with web.transaction() as session:
            return admin_work.begin(session, "calendar", {"days": days})
    except REFUSALS as error:
        return _day_form(fields, problems(error)), 422


def _date(field: str, written: str) -> date:
    found = calendar_file.read_date(written)
    if found is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise workflow.bad_field(field, written, f"a date of {FIRST_YEAR} to {LAST_YEAR}")
    return found


@admin.get("/calendar/import")
@web.permits(ACTION)
def calendar_import():
    """The form by which a file of days comes in."""
    return _import_form()


def _import_form(faults: dict | None = None) -> str:
    return page("calendar_import", "calendar", problems=faults or {}, year=_year(None) + 1)


@admin.post("/calendar/import")
@web.permits(ACTION)
@admin_work.asked
def import_calendar():
    """Have a file of days looked at."""
    try:
        with admin_work.sent(work_files.TABLES) as (file, called), web.transaction() as session:
            return admin_work.begin(session, "calendar", {}, file, called)
    except REFUSALS as error:
        return _import_form(problems(error)), 422


@admin.get("/calendar/template.xlsx")
@web.permits(ACTION)
def calendar_template():
    """A year as a table to fill in, which the import reads back."""
    year, settings = _year(request.args.get("year")), web.runtime().settings
    with web.transaction() as session:
        found = calendar.year(session, settings, year)
    language = "en" if words.english() else "zh"
    return table_wire.workbook(f"calendar_{year}", lambda path: calendar.template(path, found, language))


@admin.get("/calendar/hours")
@web.permits(ACTION)
def calendar_hours():
    """The periods with shifts of their own, and the form of another."""
    return _hours_form({})


def _hours_form(fields: dict, faults: dict | None = None) -> str:
    settings = web.runtime().settings
    with web.transaction() as session:
        found = calendar_work.periods(session, settings)
    usual = settings.working_hours
    return page("calendar_hours", "calendar", periods=found, usual=usual, given=fields, problems=faults or {})


@admin.post("/calendar/hours")
@web.permits(ACTION)
@admin_work.asked
def set_calendar_hours():
    """Have it looked at what another period, or one less, would move."""
    fields = given("since", "until", "shifts", "remove")
    try:
        with web.transaction() as session:
            found = calendar_work.periods(session, web.runtime().settings)
            if fields["remove"]:
                wanted = [one for one in found if one["since"] != fields["remove"]]
            else:
                since, until = _date("since", fields["since"]), fields["until"] and _date("until", fields["until"])
                calendar.read_shifts(fields["shifts"])
                another = {"since": since.isoformat(), "until": until.isoformat() if until else None}
                others = [one for one in found if one["since"] != another["since"]]
                wanted = [*others, another | {"shifts": fields["shifts"]}]
            return admin_work.begin(session, "calendar", {"periods": wanted})
    except REFUSALS as error:
        return _hours_form(fields, problems(error)), 422


@admin.post("/calendar/seed")
@web.permits(ACTION)
@admin_work.asked
def seed_calendar():
    """Have it looked at what the library of holidays says of a year by now."""
    with web.transaction() as session:
        return admin_work.begin(session, "calendar", {"years": [_year(request.form.get("year"))]})


@admin.get("/calendar/moves/<int:which>")
@web.permits(ACTION)
def calendar_moves(which: int):
    """What a recompute moved."""
    with web.transaction() as session:
        rows = recompute.moved(session, min(which, 2**63 - 1), most=200)
    return page("calendar_moves", "calendar", rows=rows, which=which)


def _facts(_session: Session, found: LongWork) -> dict[str, Any]:
    days = [(date.fromisoformat(one["day"]), one["working"]) for one in found.told.get("turned", ())]
    examples = [
        (one["number"], datetime.fromisoformat(one["before"]), datetime.fromisoformat(one["after"]))
        for one in found.told.get("examples", ())
    ]
    return {"turned": days, "examples": examples, "weekday": lambda day: format_date(day, "EEE"), "back": _back(found)}


def _back(found: LongWork) -> str:
    if "periods" in found.given:
        return url_for(".calendar_hours")
    return url_for(".calendar_import") if "called" in found.given else url_for(".calendar_year")


admin_work.offer(admin_work.Offered("calendar", ACTION, KINDS, _facts, dict))
