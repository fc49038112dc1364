"""The working calendar of the city: read often, edited seldom. Days by year, shifts by period of the year.

A year is stored whole when it is used first, from the `holidays` package; people and files then change it. What is not
stored (years long gone or far ahead) is as the package says. Every change gives the calendar a new version and has the
open deadlines reckoned anew (`recompute.py`).
"""

import threading
import time as stopwatch
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from weakref import WeakKeyDictionary

import holidays
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from webgis import jobs
from webgis.cases import calendar_file, workflow
from webgis.cases.calendar_file import FIRST_YEAR, LAST_YEAR, LONGEST_NAME, CalendarSheet, Day
from webgis.cases.working_time import LONGEST_GAP_DAYS, Calendar, Period, Shifts, parse_shifts, shifts_text
from webgis.catalog import sheets
from webgis.errors import Invalid
from webgis.settings import Settings

TRUSTED_SECONDS = 5.0
"""So long a process uses its copy of the calendar without asking for its version."""

RECOMPUTE_AFTER = 3 * TRUSTED_SECONDS
"""Open deadlines are reckoned anew when no process uses the old calendar any more."""

MOST_DAYS = 1000
MOST_PERIODS = 100
MAKE_UP = ("调休上班", "make-up working day")
CHANGED = "calendar_changed"
"""Mark in `session.info`: this transaction has changed the calendar, and sees what others do not see yet."""


@dataclass(frozen=True)
class Change:
    """What a change did: days written, days that were turned from work to rest or back, the calendar's version."""

    written: int
    turned: tuple[date, ...]
    version: int


def of_city(session: Session, settings: Settings, *, fresh: bool = False) -> Calendar:
    """The calendar of this installation's city.

    A process keeps its copy for some seconds without any statement, then asks for the version only; `fresh` asks at
    once. The first call of a year stores this year and the next.
    """
    held = _held(session, settings)
    if CHANGED in session.info:
        return _load(session, settings)
    now = stopwatch.monotonic()
    if held.calendar and not fresh and now < held.trusted_until:
        return held.calendar
    year = datetime.now(settings.zone).year
    if held.year != year and _seed_missing(session, settings, year):
        return _load(session, settings)
    if held.calendar is None or held.calendar.version != _version(session, settings):
        held.calendar = _load(session, settings)
    held.year, held.trusted_until = year, now + TRUSTED_SECONDS
    return held.calendar


@dataclass
class _Held:
    """This process's copy of a calendar; in `year` that year and the next were stored."""

    calendar: Calendar | None = None
    year: int = 0
    trusted_until: float = 0.0


_COPIES: "WeakKeyDictionary[Engine, dict[tuple, _Held]]" = WeakKeyDictionary()
_COPIES_LOCK = threading.Lock()


def _held(session: Session, settings: Settings) -> _Held:
    key = (settings.city_code, settings.timezone, settings.working_hours, settings.holiday_country)
    with _COPIES_LOCK:
        return _COPIES.setdefault(session.get_bind().engine, {}).setdefault(key, _Held())


def forget_copies() -> None:
    """Let this process read every calendar anew: of use where tables were changed behind its back."""
    with _COPIES_LOCK:
        _COPIES.clear()


_VERSION = text("SELECT version FROM city.calendar WHERE city_code = :city")
_DAYS = text(
    "SELECT array_agg(day) AS days, array_agg(working) AS working, array_agg(name_zh) AS names_zh,"
    " array_agg(name_en) AS names_en FROM city.calendar_day WHERE city_code = :city"
)
_HOURS = text("SELECT since, until, shifts FROM city.calendar_hours WHERE city_code = :city ORDER BY since")


def _version(session: Session, settings: Settings) -> int:
    return session.execute(_VERSION, {"city": settings.city_code}).scalar() or 0


def _load(session: Session, settings: Settings) -> Calendar:
    """The calendar as this transaction sees it. The version is read first: a copy is never older than it says."""
    version = _version(session, settings)
    row = session.execute(_DAYS, {"city": settings.city_code}).one()
    days = dict(zip(row.days or (), row.working or (), strict=True))
    named = zip(row.days or (), row.names_zh or (), row.names_en or (), strict=True)
    return Calendar(
        settings.zone,
        parse_shifts(settings.working_hours),
        _working_day(days, settings.holiday_country),
        tuple(periods(session, settings)),
        {day: (zh or en, en or zh) for day, zh, en in named if zh or en},
        version,
    )


def _working_day(days: Mapping[date, bool], country: str) -> Callable[[date], bool]:
    """Whether a day is worked on: as stored, else as the package says."""
    package = _package(country)

    def is_working_day(day: date) -> bool:
        stored = days.get(day)
        return package.is_working_day(day) if stored is None else stored

    return is_working_day


def periods(session: Session, settings: Settings) -> list[Period]:
    """The periods with shifts of their own, in order."""
    rows = session.execute(_HOURS, {"city": settings.city_code})
    return [Period(row.since, row.until, parse_shifts(row.shifts)) for row in rows]


_YEAR = text(
    "SELECT day, working, name_zh, name_en, source FROM city.calendar_day"
    " WHERE city_code = :city AND day BETWEEN :first AND :last ORDER BY day"
)


def year(session: Session, settings: Settings, which: int) -> list[Day]:
    """Every day of a year; one that is not stored yet is as the package says (source "seed")."""
    _require_year(which)
    bounds = {"first": date(which, 1, 1), "last": date(which, 12, 31)}
    rows = session.execute(_YEAR, {"city": settings.city_code} | bounds).all()
    return [Day(*row) for row in rows] or list(_seed_days(settings.holiday_country, which))


def _require_year(which: int) -> None:
    if not FIRST_YEAR <= which <= LAST_YEAR:
        raise workflow.bad_field("year", which, f"a year from {FIRST_YEAR} to {LAST_YEAR}")


@lru_cache
def _package(country: str, language: str | None = None) -> "holidays.HolidayBase":
    try:
        return holidays.country_holidays(country, language=language)
    except NotImplementedError:
        raise Invalid(
            "settings.bad-value",
            f"holiday_country: the holidays package knows no {country}",
            field="holiday_country",
        ) from None


def _seed_days(country: str, which: int) -> Iterator[Day]:
    """A year as the `holidays` package says: days off, and weekend days on which work is made up for (调休)."""
    package, zh, en = (_package(country, language) for language in (None, "zh_CN", "en_US"))
    day = date(which, 1, 1)
    while day.year == which:
        working = package.is_working_day(day)
        if working and package.is_weekend(day):
            yield Day(day, True, *MAKE_UP, "seed")
        else:
            yield Day(day, working, None if working else zh.get(day), None if working else en.get(day), "seed")
        day += timedelta(days=1)


def _seed_missing(session: Session, settings: Settings, this: int) -> bool:
    """Store this year and the next if they are not; whether it was necessary."""
    first_days = [date(which, 1, 1) for which in (this, this + 1)]
    stored = session.scalars(_STORED, {"city": settings.city_code, "days": first_days}).all()
    missing = [day.year for day in first_days if day not in stored]
    if missing:
        seed(session, settings, missing)
    return bool(missing)


_STORED = text("SELECT day FROM city.calendar_day WHERE city_code = :city AND day = ANY(CAST(:days AS date[]))")
_MAKE = text(
    "INSERT INTO city.calendar (city_code, version) VALUES (:city, nextval('city.calendar_version'))"
    " ON CONFLICT DO NOTHING"
)
_LOCK = text("SELECT version FROM city.calendar WHERE city_code = :city FOR UPDATE")
_BUMP = text(
    "UPDATE city.calendar SET version = nextval('city.calendar_version'), changed_at = now()"
    " WHERE city_code = :city RETURNING version"
)
_WRITE = text(
    """
    INSERT INTO city.calendar_day AS d (city_code, day, working, name_zh, name_en, source, changed_by)
    SELECT :city, n.day, n.working, n.name_zh, n.name_en, :source, :by
    FROM unnest(CAST(:days AS date[]), CAST(:working AS boolean[]), CAST(:names_zh AS text[]),
                CAST(:names_en AS text[])) AS n (day, working, name_zh, name_en)
    ON CONFLICT (city_code, day) DO UPDATE
    SET working = excluded.working, name_zh = excluded.name_zh, name_en = excluded.name_en, source = excluded.source,
        changed_by = excluded.changed_by, changed_at = now()
    WHERE (d.working, d.name_zh, d.name_en, d.source)
        IS DISTINCT FROM (excluded.working, excluded.name_zh, excluded.name_en, excluded.source)
    RETURNING day
    """
)


def seed(session: Session, settings: Settings, years: Iterable[int], *, again: bool = False) -> Change:
    """Store years from the `holidays` package; those stored already only with `again`, and then only days that nobody
    has edited or imported (the package learns of a year's make-up days when the government has announced them)."""
    years = sorted(set(years))
    for which in years:
        _require_year(which)
    _lock(session, settings)
    known = {one.day: one for which in years for one in _stored_year(session, settings, which)}
    wanted = [
        one
        for which in years
        for one in _seed_days(settings.holiday_country, which)
        if one.day not in known or (again and known[one.day].source == "seed")
    ]
    return _write(session, settings, wanted, "seed", None)


def set_days(
    session: Session, settings: Settings, days: Sequence[Day], *, source: str = "edited", by: int | None = None
) -> Change:
    """Make these days working days or days off, with their names. `by` is the person's id.

    Years they lie in are stored whole. `Invalid` for a day given twice, a year out of range, a name too long, or a
    calendar that would have no working day for too long.
    """
    _check_days(days)
    seed(session, settings, {one.day.year for one in days})
    return _write(session, settings, days, source, by)


def _check_days(days: Sequence[Day]) -> None:
    if len(days) > MOST_DAYS:
        raise workflow.bad_field("days", len(days), f"at most {MOST_DAYS} days at once")
    for one in days:
        _require_year(one.day.year)
        for field, name in (("name_zh", one.name_zh), ("name_en", one.name_en)):
            if name is not None and (len(name) > LONGEST_NAME or not name.isprintable()):
                raise workflow.bad_field(field, len(name), f"at most {LONGEST_NAME} printable characters")
    for day, count in Counter(one.day for one in days).items():
        if count > 1:
            raise workflow.bad_field("day", day.isoformat(), "each day once")


def _lock(session: Session, settings: Settings) -> None:
    """One change of the calendar at a time."""
    values = {"city": settings.city_code}
    session.execute(_MAKE, values)
    session.execute(_LOCK, values)


def _stored_year(session: Session, settings: Settings, which: int) -> list[Day]:
    bounds = {"first": date(which, 1, 1), "last": date(which, 12, 31)}
    return [Day(*row) for row in session.execute(_YEAR, {"city": settings.city_code} | bounds)]


def _write(session: Session, settings: Settings, days: Sequence[Day], source: str, by: int | None) -> Change:
    """Write days that differ from what is stored; a new version if any does, and a recompute if any was turned."""
    before = _load(session, settings)
    values = {
        "city": settings.city_code,
        "source": source,
        "by": by,
        "days": [one.day for one in days],
        "working": [one.working for one in days],
        "names_zh": [one.name_zh for one in days],
        "names_en": [one.name_en for one in days],
    }
    written = session.scalars(_WRITE, values).all() if days else []
    if not written:
        return Change(0, (), before.version)
    turned = tuple(one.day for one in days if before.is_working_day(one.day) != one.working)
    return Change(len(written), turned, _changed(session, settings, [one.day for one in days], bool(turned)))


def _changed(session: Session, settings: Settings, around: Sequence[date], recompute: bool) -> int:
    """A new version; refused when around these days the calendar has no working day for too long."""
    version = session.execute(_BUMP, {"city": settings.city_code}).scalar_one()
    session.info[CHANGED] = True
    if recompute:
        _require_work(_load(session, settings), around)
        jobs.enqueue(session, "cases.recompute_deadlines", queue="slow", delay=RECOMPUTE_AFTER)
    return version


def _require_work(calendar: Calendar, around: Sequence[date]) -> None:
    idle, day = 0, min(around) - timedelta(days=LONGEST_GAP_DAYS)
    while day <= max(around) + timedelta(days=LONGEST_GAP_DAYS):
        idle = 0 if calendar.is_working_day(day) else idle + 1
        if idle > LONGEST_GAP_DAYS:
            raise workflow.bad_field("days", day.isoformat(), f"a working day at least every {LONGEST_GAP_DAYS} days")
        day += timedelta(days=1)


_CLEAR_HOURS = text("DELETE FROM city.calendar_hours WHERE city_code = :city")
_ADD_HOURS = text(
    "INSERT INTO city.calendar_hours (city_code, since, until, shifts, changed_by)"
    " VALUES (:city, :since, :until, :shifts, :by)"
)


def set_hours(session: Session, settings: Settings, wanted: Sequence[Period], *, by: int | None = None) -> Change:
    """Make these the periods with shifts of their own, such as summer hours; outside them the setting
    `working_hours` holds. `Invalid` when they overlap or one ends before it begins."""
    ordered = sorted(wanted, key=lambda one: one.since)
    _check_periods(ordered)
    _lock(session, settings)
    before = _load(session, settings)
    if tuple(ordered) == before.periods:
        return Change(0, (), before.version)
    session.execute(_CLEAR_HOURS, {"city": settings.city_code})
    for one in ordered:
        shifts = shifts_text(one.shifts)
        values = {"city": settings.city_code, "since": one.since, "until": one.until, "shifts": shifts, "by": by}
        session.execute(_ADD_HOURS, values)
    around = [one.since for one in (*ordered, *before.periods)]
    return Change(len(ordered), (), _changed(session, settings, around, recompute=True))


def _check_periods(ordered: Sequence[Period]) -> None:
    if len(ordered) > MOST_PERIODS:
        raise workflow.bad_field("periods", len(ordered), f"at most {MOST_PERIODS} periods")
    for one in ordered:
        _require_year(one.since.year)
        if one.until is not None and one.until < one.since:
            raise workflow.bad_field("until", one.until.isoformat(), f"a day from {one.since} on")
    for one, following in zip(ordered, ordered[1:], strict=False):
        if one.until is None or one.until >= following.since:
            accepted = f"a day after {one.until or 'the end of the period before'}: periods do not overlap"
            raise workflow.bad_field("since", following.since.isoformat(), accepted)


def read_shifts(given: str) -> Shifts:
    """Shifts as people give them, or `Invalid`."""
    try:
        return parse_shifts(given.strip())
    except ValueError:
        raise workflow.bad_field(
            "shifts", given, "shifts that follow one another, as 08:00-12:00,14:00-18:00"
        ) from None


@dataclass(frozen=True)
class Import:
    """What a file did: its rows, what was changed, the days that were turned (to work: True), columns not read."""

    rows: int
    change: Change
    turned: dict[date, bool]
    ignored: tuple[str, ...]


def import_file(session: Session, settings: Settings, path: Path, *, by: int | None = None) -> Import:
    """Take over the days of a CSV, TSV or XLSX file (`template` writes one). All or nothing: any fault raises
    `Invalid` "catalog.file-faults" whose fact `faults` lists row, column and problem."""
    sheet = read_file(path)
    change = set_days(session, settings, sheet.days, source="import", by=by)
    working = {one.day: one.working for one in sheet.days}
    return Import(len(sheet.days), change, {day: working[day] for day in change.turned}, sheet.ignored)


def read_file(path: Path) -> CalendarSheet:
    """The days of a file, or `Invalid` with every fault."""
    return calendar_file.read(sheets.read(path), path.name)


def template(path: Path, days: Sequence[Day], headings: str) -> int:
    """Write days as a file that `import_file` reads back; headings in "zh" or "en". Returns the number of rows."""
    return sheets.write(path, calendar_file.HEADINGS_OUT[headings], (calendar_file.row(one, headings) for one in days))


def overlaid(calendar: Calendar, days: Sequence[Day], shifts: Shifts | None = None) -> Calendar:
    """The same calendar with other days and, if given, other shifts for all the year: for trying out."""
    other = {one.day: one.working for one in days}
    return Calendar(
        calendar.zone,
        shifts or calendar.shifts,
        lambda day: other[day] if day in other else calendar.is_working_day(day),
        () if shifts else calendar.periods,
        calendar.names,
    )
