"""A backtest says what would have been late under another standard or calendar, and touches nothing."""

import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.cases import stories
from tests.cases.stories import COVER, at
from tests.cases.test_clock_table import CALENDAR, IN_SUMMER
from webgis.cases import backtest, calendar, clock
from webgis.cases.backtest import Limit
from webgis.cases.calendar_file import Day
from webgis.cases.working_time import micros
from webgis.catalog import queries as catalog
from webgis.catalog import sheets
from webgis.cli import group
from webgis.errors import Invalid

SINCE, UNTIL, NOW = at("2026-11-01 00:00"), at("2026-12-01 00:00"), at("2026-11-30 18:00")
HEADER = ("kind", "class", "name_zh", "condition_zh", "limit_value", "limit_unit", "closing_zh")


@pytest.fixture
def town(city_runtime):
    """The small city with cases on the second condition of its class (4 working hours), from Friday 16:30 on: resolved
    in time, resolved late, resolved after a suspension, and still with the department."""
    settings = city_runtime.settings
    with city_runtime.transaction() as session:
        calendar.of_city(session, settings)
    with city_runtime.transaction() as session:
        stories.resolved(session, settings, "2026-11-20 16:30", "2026-11-23 09:00", 1)
        stories.resolved(session, settings, "2026-11-20 16:30", "2026-11-23 14:30", 1, "510104-sanitation")
        _suspended(session, settings)
        stories.dispatched(session, settings, "2026-11-20 16:30", 1)
        stories.act(
            session, settings, "dispatcher1", _void(session, settings), "void", "2026-11-20 17:00", reason="误报"
        )
    return city_runtime


def _suspended(session, settings) -> None:
    number = stories.dispatched(session, settings, "2026-11-20 16:30", 1)
    stories.act(session, settings, "works1", number, "receive", "2026-11-20 16:30")
    until = "2026-11-24T08:00:00+08:00"
    stories.act(session, settings, "dispatcher1", number, "suspend", "2026-11-20 17:30", until=until, reason="权属不明")
    stories.act(session, settings, "dispatcher1", number, "resume", "2026-11-24 08:00")
    stories.act(session, settings, "works1", number, "resolve", "2026-11-24 10:00", note="已修复")


def _void(session, settings) -> str:
    return stories.dispatched(session, settings, "2026-11-20 16:30", 1)


def tried(town, entries=None, **other):
    with town.transaction() as session:
        session.execute(text("SET TRANSACTION READ ONLY"))
        now = calendar.of_city(session, town.settings)
        given = {"calendar": now, "since": SINCE, "until": UNTIL, "now": NOW} | other
        return backtest.backtest(session, entries=entries, **given)


def standard(town, tmp_path, *rows):
    """The entries of a filing standard that has only these conditions."""
    file = tmp_path / "standard.xlsx"
    sheets.write(file, HEADER, rows)
    with town.transaction() as session:
        return backtest.read_standard(session, file)


def own_texts(town) -> list[str]:
    with town.transaction() as session:
        return [one.text_zh for one in catalog.conditions_of(session, *COVER, "5101")]


def counts(line) -> tuple[int, ...]:
    return (line.cases, line.was_late, line.would_be_late, line.newly_late, line.no_longer_late)


def test_under_the_same_standard_and_calendar_all_is_as_it_was(town):
    report = tried(town)
    assert counts(report.total) == (4, 2, 2, 0, 0)
    assert [line.key for line in report.classes] == ["component 01001"]
    assert {line.key: line.was_late for line in report.departments} == {"510104-works": 1, "510104-sanitation": 1}


def test_a_shorter_limit_makes_more_cases_late_by_class_and_department(town, tmp_path):
    texts = own_texts(town)
    rows = [(*COVER, "供水井盖", words, 2, "working_hour", "修复") for words in texts]
    report = tried(town, standard(town, tmp_path, *rows))
    # 2 working hours: due Monday 08:30; with the suspension from 17:30 to Tuesday 08:00, on Tuesday at 09:00
    assert counts(report.total) == (4, 2, 4, 2, 0)
    assert {one.key: counts(one) for one in report.departments} == {
        "510104-works": (3, 1, 3, 2, 0),
        "510104-sanitation": (1, 1, 1, 0, 0),
    }
    assert [one.how for one in report.matches] == ["text"]


def test_a_longer_limit_makes_fewer_cases_late(town, tmp_path):
    texts = own_texts(town)
    report = tried(town, standard(town, tmp_path, (*COVER, "供水井盖", texts[1], 1, "working_day", "修复")))
    assert counts(report.total) == (4, 2, 1, 0, 1)


def test_another_calendar_alone_may_be_tried(town):
    with town.transaction() as session:
        now = calendar.of_city(session, town.settings)
    off = calendar.overlaid(now, [Day(date(2026, 11, 23), False)])
    assert counts(tried(town, calendar=off).total) == (4, 2, 1, 0, 1)
    long_days = calendar.overlaid(now, (), clock.parse_shifts("06:00-22:00"))
    # from 06:00 to 22:00: due Friday 20:30, but with the suspension Tuesday at 11:00
    assert counts(tried(town, calendar=long_days).total) == (4, 2, 3, 1, 0)


def test_a_condition_is_matched_by_its_words_then_by_likeness_then_by_its_place(town, tmp_path):
    texts = own_texts(town)
    rows = [
        (*COVER, "供水井盖", "甲乙丙丁", 1, "working_hour", "修复"),
        (*COVER, "供水井盖", texts[1] + "的", 3, "working_hour", "修复"),
    ]
    assert [one.how for one in tried(town, standard(town, tmp_path, *rows)).matches] == ["closest"]
    rows[1] = (*COVER, "供水井盖", "戊己庚辛", 3, "working_hour", "修复")
    (match,) = tried(town, standard(town, tmp_path, *rows)).matches
    assert (match.how, match.other_limit, match.limit) == ("place", Limit(3, "working_hour"), Limit(4, "working_hour"))


def test_a_class_that_the_other_standard_lacks_keeps_its_limit_and_is_named(town, tmp_path):
    other = standard(town, tmp_path, ("matter", "06010", "暴露垃圾", "有垃圾", 1, "urgent_hour", "清理"))
    report = tried(town, other)
    assert [(one.how, one.other_text_zh) for one in report.matches] == [("none", None)]
    assert counts(report.total) == (4, 2, 2, 0, 0)


def test_nothing_is_touched(town, tmp_path):
    snapshot = text("SELECT md5(string_agg(c::text, '' ORDER BY id)) FROM city.case c")
    standards = text("SELECT count(*) FROM city.filing_condition")
    with town.transaction() as session:
        before = (session.scalar(snapshot), session.scalar(standards))
    tried(town, standard(town, tmp_path, (*COVER, "供水井盖", "破损", 1, "urgent_hour", "修复")))
    with town.transaction() as session:
        assert (session.scalar(snapshot), session.scalar(standards)) == before


def test_a_bad_standard_is_refused_with_its_faults(town, tmp_path):
    with pytest.raises(Invalid) as refusal:
        standard(town, tmp_path, (*COVER, "供水井盖", "破损", 0, "week", "修复"))
    assert refusal.value.code == "catalog.file-faults" and refusal.value.facts["faults"]


def test_a_period_without_cases_is_empty(town):
    report = tried(town, since=at("2020-01-01 00:00"), until=at("2020-02-01 00:00"))
    assert counts(report.total) == (0, 0, 0, 0, 0) and report.classes == report.departments == report.matches == []


def test_the_command_prints_tables_json_and_a_file(town, tmp_path):
    def call(*arguments, code=0):
        result = CliRunner().invoke(group, [str(one) for one in arguments], obj=town)
        assert result.exit_code == code, result.output
        return result.stdout

    file, out = tmp_path / "standard.csv", tmp_path / "report.xlsx"
    sheets.write(file, HEADER, [(*COVER, "供水井盖", own_texts(town)[1], 2, "working_hour", "修复")])
    asked = ("clock", "backtest", "--standard", file, "--since", "2026-11-01", "--until", "2026-11-30")
    facts = json.loads(call(*asked, "--json", "--out", out))
    assert facts["total"]["cases"] == 4 and facts["total"]["newly_late"] >= 1
    assert facts["matches"][0]["other_limit"] == {"value": 2, "unit": "working_hour"}
    rows = sheets.read(out).rows
    assert [row.cells["by"] for row in rows] == ["total", "class", "department", "department"]
    assert rows[0].cells["cases"] == "4"
    assert "510104-works" in call(*asked)
    assert (
        "--standard FILE" in CliRunner().invoke(group, ["clock", "backtest", "--since", "2026-11-01"], obj=town).output
    )
    shorter = json.loads(call("clock", "backtest", "--hours", "06:00-22:00", "--since", "2026-11-01", "--json"))
    assert shorter["total"]["would_be_late"] == 3


moments = st.datetimes(datetime(2025, 12, 1), datetime(2027, 2, 1)).map(lambda one: one.replace(tzinfo=UTC))
columns = st.lists(st.tuples(moments, st.integers(1, 60), st.sampled_from(clock.UNITS)), min_size=1, max_size=40)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(columns, st.sampled_from([CALENDAR, IN_SUMMER]))
def test_deadlines_of_whole_columns_are_those_of_the_clock(cases, of):
    start = np.array([micros(one) for one, _limit, _unit in cases], np.int64)
    value = np.array([limit for _one, limit, _unit in cases], np.int64)
    unit = np.array([clock.UNITS.index(name) for _one, _limit, name in cases], np.int64)
    expected = [micros(clock.deadline(one, limit, name, of)) for one, limit, name in cases]
    assert backtest.deadlines(start, value, unit, of).tolist() == expected


def test_an_extension_by_one_limit_is_by_one_of_the_other_limit():
    ledger = clock.add([], "start", at("2026-11-20 16:30"), limit=4, unit="working_hour")
    ledger = clock.add(ledger, "extend", at("2026-11-20 17:00"), limit=4, unit="working_hour")
    ledger = clock.add(ledger, "extend", at("2026-11-20 17:00"), limit=1, unit="urgent_day")
    other = backtest.limited(ledger, Limit(2, "working_day"))
    assert [(one["limit"], one["unit"]) for one in other] == [(2, "working_day"), (2, "working_day"), (1, "urgent_day")]
    assert ledger[0]["limit"] == 4 and timedelta(0) < clock.due(other, CALENDAR) - at("2026-11-20 16:30")
