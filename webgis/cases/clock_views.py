"""The API of clocks: why a case is due when it is, and the working calendar, which administrators edit."""

from datetime import date, datetime
from typing import Any, Literal

from apiflask import APIBlueprint
from flask import jsonify, request
from pydantic import BaseModel, Field, StrictBool
from sqlalchemy.orm import Session

from webgis import api, web
from webgis.accounts import admin_log
from webgis.cases import calendar, clock_queries, queries, recompute, table_wire
from webgis.cases.calendar_file import FIRST_YEAR, LAST_YEAR, LONGEST_NAME, Day
from webgis.cases.working_time import Period

clocks = APIBlueprint("clocks", __name__, url_prefix="/api/v1/cases", tag="Clocks")
calendars = APIBlueprint("calendars", __name__, url_prefix="/api/v1/calendar", tag="Clocks")
BLUEPRINTS = (clocks, calendars)


class YearAsked(api.Given):
    """Which year."""

    year: int | None = Field(None, ge=FIRST_YEAR, le=LAST_YEAR, description="this one when left out")


class TemplateAsked(YearAsked):
    """Which year, and in which language."""

    headings: Literal["zh", "en"] = "zh"


class MovesAsked(api.Given):
    """Where to go on."""

    after: str | None = Field(None, pattern=r"^\d{19}$", description="number of the last case of the page before")


class DayGiven(BaseModel):
    """One day."""

    model_config = {"extra": "forbid"}

    day: date
    working: StrictBool
    name_zh: str | None = Field(None, max_length=LONGEST_NAME)
    name_en: str | None = Field(None, max_length=LONGEST_NAME)


class DaysGiven(api.Given):
    """Days to be made working days or days off."""

    days: list[DayGiven] = Field(min_length=1, max_length=calendar.MOST_DAYS)


class PeriodGiven(BaseModel):
    """Shifts from one day to another, both included."""

    model_config = {"extra": "forbid"}

    since: date
    until: date | None = Field(None, description="null: for good")
    shifts: str = Field(max_length=200, description="such as 08:30-12:00,14:30-18:00")


class PeriodsGiven(api.Given):
    """All periods with shifts of their own; outside them the setting `working_hours` holds."""

    periods: list[PeriodGiven] = Field(max_length=calendar.MOST_PERIODS)


@clocks.get("/<number>/clock")
@clocks.doc(summary="The clock of a case", description="Its entries, the deadline, and how that comes about in words.")
@web.permits("cases.see")
def of_case(number: str):
    """The ledger of a case's handling clock with the derivation of the deadline, in both languages."""
    with web.transaction() as session:
        case = queries.require_case(session, web.actor(), number)
        return jsonify(clock_queries.clock_of(session, web.runtime().settings, case))


@calendars.get("/days")
@calendars.doc(summary="The days of a year", description="Each with its source: seed, edited or import.")
@api.documented(query=YearAsked)
@web.permits("calendar.see")
def days():
    """Every day of a year, and the version of the calendar."""
    settings = web.runtime().settings
    asked = api.checked(YearAsked, api.once(request.args))
    with web.transaction() as session:
        version = calendar.of_city(session, settings, fresh=True).version
        found = calendar.year(session, settings, asked.year or datetime.now(settings.zone).year)
    facts = {"city": settings.city_code, "version": version, "days": [clock_queries.day_facts(one) for one in found]}
    response = jsonify(facts)
    response.set_etag(f"{version}-{found[0].day.year}")
    response.headers["Cache-Control"] = "private, no-cache"
    return response.make_conditional(request)


@calendars.put("/days")
@calendars.doc(summary="Change days", description="For administrators. Open deadlines are reckoned anew by a job.")
@api.documented(body=DaysGiven)
@web.permits("calendar.change")
def set_days():
    """Make days working days or days off."""
    given = api.checked(DaysGiven, api.fields())
    wanted = [Day(one.day, one.working, one.name_zh or None, one.name_en or None) for one in given.days]
    with web.transaction() as session:
        change = calendar.set_days(session, web.runtime().settings, wanted, by=web.actor().id)
        _record(session, "calendar.days", given.model_dump(mode="json"))
    return jsonify(clock_queries.change_facts(change))


@calendars.get("/hours")
@calendars.doc(summary="Shifts", description="The usual ones, and periods of the year with shifts of their own.")
@web.permits("calendar.see")
def hours():
    """The shifts of working days."""
    settings = web.runtime().settings
    with web.transaction() as session:
        found = calendar.periods(session, settings)
    return jsonify({"usual": settings.working_hours, "periods": [clock_queries.period_facts(one) for one in found]})


@calendars.put("/hours")
@calendars.doc(summary="Change shifts", description="For administrators: replaces all periods.")
@api.documented(body=PeriodsGiven)
@web.permits("calendar.change")
def set_hours():
    """Give periods of the year shifts of their own, such as summer hours."""
    given = api.checked(PeriodsGiven, api.fields())
    wanted = [Period(one.since, one.until, calendar.read_shifts(one.shifts)) for one in given.periods]
    with web.transaction() as session:
        change = calendar.set_hours(session, web.runtime().settings, wanted, by=web.actor().id)
        _record(session, "calendar.hours", given.model_dump(mode="json"))
    return jsonify(clock_queries.change_facts(change))


@calendars.get("/template.xlsx")
@calendars.doc(summary="A year as a workbook", description="To be filled in and sent to `import`.")
@api.documented(query=TemplateAsked)
@web.permits("calendar.see")
def template():
    """A year of the calendar as XLSX."""
    settings = web.runtime().settings
    asked = api.checked(TemplateAsked, api.once(request.args))
    year = asked.year or datetime.now(settings.zone).year + 1
    with web.transaction() as session:
        found = calendar.year(session, settings, year)
    return table_wire.workbook(f"calendar_{year}", lambda path: calendar.template(path, found, asked.headings))


@calendars.post("/import")
@calendars.doc(summary="Import days", description="For administrators: a CSV, TSV or XLSX file in the field `file`.")
@web.permits("calendar.change")
def import_days():
    """Take over the days of a file; the answer reports what was turned."""
    with table_wire.uploaded() as path, web.transaction() as session:
        done = calendar.import_file(session, web.runtime().settings, path, by=web.actor().id)
        _record(session, "calendar.import", {"days": done.rows})
    return jsonify(clock_queries.import_facts(done))


def _record(session: Session, action: str, after: dict[str, Any]) -> None:
    admin_log.record(session, web.actor(), action, web.runtime().settings.city_code, None, after)


@calendars.get("/recomputes")
@calendars.doc(summary="Recomputes", description="When open deadlines were reckoned anew, and how many moved.")
@web.permits("calendar.moves")
def recomputes():
    """The last recomputes, newest first."""
    with web.transaction() as session:
        found = recompute.listed(session, area=web.actor().area, classes=web.actor().classes)
    return jsonify({"recomputes": [table_wire.plain(row) for row in found]})


@calendars.get("/recomputes/<int:which>")
@calendars.doc(summary="What a recompute moved", description="At most 1,000 at a time; go on with `after`.")
@api.documented(query=MovesAsked)
@web.permits("calendar.moves")
def moved(which: int):
    """Cases whose deadline moved, with the old one and the new one."""
    asked = api.checked(MovesAsked, api.once(request.args))
    with web.transaction() as session:
        actor = web.actor()
        found = recompute.moved(
            session, min(which, 2**63 - 1), area=actor.area, classes=actor.classes, after=asked.after
        )
    last = found[-1].number if len(found) == recompute.MOST_LISTED else None
    return jsonify({"moves": [table_wire.plain(row) for row in found], "next": last})
