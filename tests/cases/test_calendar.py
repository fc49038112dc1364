"""The editable calendar: seeded on first use, changed by day, period and file, and never an old copy for long."""

import json
from datetime import date, timedelta

import openpyxl
import pytest
from sqlalchemy import event, text

from tests.cases.test_clock_table import MAKE_UP, SUMMER, at, is_working_day
from webgis.cases import calendar, clock
from webgis.cases.calendar_file import Day
from webgis.cases.working_time import Period
from webgis.catalog import sheets
from webgis.db import Runtime
from webgis.errors import Invalid

FLOOD = Day(date(2026, 11, 23), False, "防汛停工", "flood")
YEAR = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]


def jobs_waiting(session) -> list[str]:
    return session.scalars(text("SELECT task FROM city.outbox WHERE task = 'cases.recompute_deadlines'")).all()


def due(of) -> object:
    return clock.deadline(at("2026-11-20 16:30"), 4, "working_hour", of)


def test_the_first_use_stores_this_year_and_the_next_and_asks_for_no_recompute(session, shared):
    found = calendar.of_city(session, shared.settings)
    years = session.execute(
        text("SELECT extract(year FROM day)::int, count(*), min(source) FROM city.calendar_day GROUP BY 1 ORDER BY 1")
    ).all()
    assert len(years) == 2 and years[1][0] == years[0][0] + 1
    assert all(count in (365, 366) and source == "seed" for _year, count, source in years)
    assert found.version > 0 and jobs_waiting(session) == []


def test_a_seeded_year_is_that_of_the_announcement(session, shared):
    days = {one.day: one for one in calendar.year(session, shared.settings, 2026)}
    assert list(days) == YEAR
    assert [day for day in YEAR if days[day].working != is_working_day(day)] == []
    assert days[date(2026, 10, 1)].name_zh == "国庆节" and days[date(2026, 10, 1)].name_en == "National Day"
    assert {day.isoformat() for day in YEAR if days[day].name_en == "make-up working day"} == set(MAKE_UP)


def test_an_edited_day_moves_deadlines_and_has_them_reckoned_anew(session, shared):
    before = calendar.of_city(session, shared.settings)
    assert due(before) == at("2026-11-23 10:30")
    change = calendar.set_days(session, shared.settings, [FLOOD])
    assert (change.written, change.turned) == (1, (FLOOD.day,)) and change.version > before.version
    after = calendar.of_city(session, shared.settings)
    assert due(after) == at("2026-11-24 10:30")
    assert "closed for flood from Saturday to Monday" in clock.explain(
        clock.add([], "start", at("2026-11-20 16:30"), limit=4, unit="working_hour"), after, "en"
    )
    assert jobs_waiting(session) == ["cases.recompute_deadlines"]
    stored = {one.day: one for one in calendar.year(session, shared.settings, 2026)}
    assert stored[FLOOD.day] == FLOOD and stored[date(2026, 11, 24)].source == "seed"


def test_saying_the_same_again_changes_nothing(session, shared):
    calendar.set_days(session, shared.settings, [FLOOD])
    again = calendar.set_days(session, shared.settings, [FLOOD])
    assert (again.written, again.turned) == (0, ()) and len(jobs_waiting(session)) == 1


def test_only_a_name_needs_no_recompute(session, shared):
    named = Day(date(2026, 10, 1), False, "国庆节", "National Day of China")
    assert calendar.set_days(session, shared.settings, [named]).turned == ()
    assert jobs_waiting(session) == []


@pytest.mark.parametrize(
    ("days", "field"),
    [
        ([FLOOD, FLOOD], "day"),
        ([Day(date(1900, 1, 1), False)], "year"),
        ([Day(date(2026, 1, 5), False, "x" * 101)], "name_zh"),
        ([Day(date(2026, 1, 5), False, None, "a\0b")], "name_en"),
        ([Day(date(2026, 1, 1) + timedelta(days=n), False) for n in range(90)], "days"),
        ([Day(date(2026, 1, 1) + timedelta(days=n), False) for n in range(1001)], "days"),
    ],
)
def test_days_that_cannot_be_are_refused_and_change_nothing(runtime, days, field):
    with runtime.transaction() as session:
        version = calendar.of_city(session, runtime.settings).version
    with pytest.raises(Invalid) as refusal, runtime.transaction() as session:
        calendar.set_days(session, runtime.settings, days)
    assert refusal.value.code == "cases.bad-field" and refusal.value.facts["field"] == field
    with runtime.transaction() as session:
        assert calendar.of_city(session, runtime.settings, fresh=True).version == version


def test_summer_hours_hold_in_their_period_only(session, shared):
    change = calendar.set_hours(session, shared.settings, [SUMMER])
    assert change.written == 1 and jobs_waiting(session)
    found = calendar.of_city(session, shared.settings)
    assert clock.deadline(at("2026-06-01 12:00"), 1, "working_hour", found) == at("2026-06-01 15:30")
    assert clock.deadline(at("2026-11-16 12:00"), 1, "working_hour", found) == at("2026-11-16 15:00")
    assert calendar.set_hours(session, shared.settings, [SUMMER]).written == 0
    calendar.set_hours(session, shared.settings, [])
    assert calendar.periods(session, shared.settings) == []


@pytest.mark.parametrize(
    ("periods", "field"),
    [
        ([SUMMER, SUMMER._replace(since=date(2026, 9, 30), until=None)], "since"),
        ([SUMMER._replace(until=None), SUMMER._replace(since=date(2027, 5, 1), until=None)], "since"),
        ([SUMMER._replace(until=date(2026, 4, 30))], "until"),
    ],
)
def test_periods_that_overlap_or_end_before_they_begin_are_refused(session, shared, periods, field):
    with pytest.raises(Invalid) as refusal:
        calendar.set_hours(session, shared.settings, periods)
    assert refusal.value.facts["field"] == field


@pytest.mark.parametrize("text", ["12:00-08:00", "8 to 5", "08:00", "08:00-12:00-13:00", ""])
def test_shifts_that_mean_nothing_are_refused(text):
    with pytest.raises(Invalid):
        calendar.read_shifts(text)


def test_a_process_asks_nothing_while_its_copy_is_trusted(runtime):
    with runtime.transaction() as session:
        calendar.of_city(session, runtime.settings)
    with runtime.transaction() as session:
        held = calendar.of_city(session, runtime.settings)
    statements = []
    event.listen(runtime.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    with runtime.transaction() as session:
        assert calendar.of_city(session, runtime.settings) is held
        assert statements == []
        assert calendar.of_city(session, runtime.settings, fresh=True) is held
        assert len(statements) == 1


def test_another_process_sees_a_change_when_it_asks_for_the_version(runtime):
    elsewhere = Runtime(runtime.settings)
    with runtime.transaction() as session:
        calendar.of_city(session, runtime.settings)
    with elsewhere.transaction() as session:
        assert due(calendar.of_city(session, runtime.settings)) == at("2026-11-23 10:30")
    with runtime.transaction() as session:
        calendar.set_days(session, runtime.settings, [FLOOD])
    with elsewhere.transaction() as session:
        assert due(calendar.of_city(session, runtime.settings, fresh=True)) == at("2026-11-24 10:30")
    elsewhere.engine.dispose()


def test_a_change_that_is_rolled_back_is_seen_by_nobody(runtime):
    with runtime.transaction() as session:
        calendar.of_city(session, runtime.settings)
    with pytest.raises(ZeroDivisionError), runtime.transaction() as session:
        calendar.set_days(session, runtime.settings, [FLOOD])
        assert due(calendar.of_city(session, runtime.settings)) == at("2026-11-24 10:30")
        raise ZeroDivisionError
    with runtime.transaction() as session:
        assert due(calendar.of_city(session, runtime.settings)) == at("2026-11-23 10:30")
        assert due(calendar.of_city(session, runtime.settings, fresh=True)) == at("2026-11-23 10:30")


def test_two_first_uses_at_once_store_one_calendar(runtime):
    with runtime.transaction() as one:
        calendar.seed(one, runtime.settings, [2026])
    with runtime.transaction() as one, runtime.transaction() as other:
        first = calendar.seed(one, runtime.settings, [2027])
        one.commit()
        assert first.written == 365 and calendar.seed(other, runtime.settings, [2027]).written == 0


def test_seeding_again_spares_what_people_and_files_said(session, shared):
    calendar.set_days(session, shared.settings, [FLOOD])
    spoilt = text("UPDATE city.calendar_day SET working = NOT working WHERE day IN ('2026-11-24', '2026-11-23')")
    session.execute(spoilt)
    assert calendar.seed(session, shared.settings, [2026]).written == 0
    again = calendar.seed(session, shared.settings, [2026], again=True)
    assert again.turned == (date(2026, 11, 24),)


@pytest.mark.parametrize("headings", ["zh", "en"])
@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_the_template_reads_back_as_it_was(session, shared, tmp_path, headings, ending):
    file = tmp_path / f"calendar.{ending}"
    days = calendar.year(session, shared.settings, 2026)
    assert calendar.template(file, days, headings) == 365
    done = calendar.import_file(session, shared.settings, file)
    assert (done.rows, done.turned, done.ignored) == (365, {}, ())
    stored = calendar.year(session, shared.settings, 2026)
    assert [(one.day, one.working, one.name_zh, one.name_en) for one in stored] == [
        (one.day, one.working, one.name_zh, one.name_en) for one in days
    ]
    assert {one.source for one in stored} == {"import"}


def test_a_workbook_with_dates_as_spreadsheets_keep_them_is_read(session, shared, tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["日期", "是否上班", "备注"])
    book.active.append([date(2026, 11, 23), "休息", "防汛"])
    book.active.append(["2026年11月28日", "上班", ""])
    book.save(tmp_path / "notice.xlsx")
    done = calendar.import_file(session, shared.settings, tmp_path / "notice.xlsx")
    assert done.turned == {date(2026, 11, 23): False, date(2026, 11, 28): True}
    assert done.ignored == ("备注",)


def test_every_fault_of_a_file_is_named_with_row_and_column_and_nothing_is_loaded(session, shared, tmp_path):
    file = tmp_path / "bad.csv"
    rows = [
        ("2026-02-30", "是"),
        ("2026-11-23", "也许"),
        ("2026-11-24", "否"),
        ("2026/11/24", "是"),
        ("1800-01-01", "是"),
    ]
    sheets.write(file, ["日期", "是否工作日"], rows)
    version = calendar.of_city(session, shared.settings).version
    with pytest.raises(Invalid) as refusal:
        calendar.import_file(session, shared.settings, file)
    assert refusal.value.code == "catalog.file-faults"
    assert [(one["row"], one["column"]) for one in refusal.value.facts["faults"]] == [
        (2, "日期"),
        (3, "是否工作日"),
        (5, "日期"),
        (6, "日期"),
    ]
    json.dumps(refusal.value.facts)
    assert calendar.of_city(session, shared.settings).version == version


@pytest.mark.parametrize("header", [["日期", "名称"], ["是否工作日", "名称"], ["日期", "date", "working"]])
def test_a_table_without_the_columns_it_needs_is_refused(header, tmp_path):
    sheets.write(tmp_path / "bad.csv", header, [["2026-01-01"] * len(header)])
    with pytest.raises(Invalid) as refusal:
        calendar.read_file(tmp_path / "bad.csv")
    assert refusal.value.code == "catalog.bad-header"


def test_another_country_has_its_own_days_off(make_settings):
    settings = make_settings(holiday_country="DE", timezone="Europe/Berlin")
    runtime = Runtime(settings)
    with runtime.transaction() as session:
        days = {one.day: one for one in calendar.year(session, settings, 2026)}
        assert not days[date(2026, 10, 3)].working and days[date(2026, 2, 17)].working
        assert days[date(2026, 12, 25)].name_en == "Christmas Day"
        assert calendar.set_hours(session, settings, [Period(date(2026, 7, 1), None, SUMMER.shifts)]).written == 1
    runtime.engine.dispose()


def test_a_country_that_the_package_does_not_know_is_refused(session, shared):
    nowhere = shared.settings.model_copy(update={"holiday_country": "XX"})
    with pytest.raises(Invalid) as refusal:
        calendar.of_city(session, nowhere)
    assert refusal.value.facts["field"] == "holiday_country"
