"""What the level of an alarm looks at: sums, means and rises are told, shown and drawn as such, with their windows."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests import city
from tests.hazards.watched import UNDERPASS, WELL, Watched, minutes_ago
from tests.pages.conftest import Reader
from webgis.accounts import queries as accounts
from webgis.hazards import alarm_queries, alarm_rules, alarm_telling, alarm_words
from webgis.hazards.running_windows import measures
from webgis.hazards.threshold_tables import shipped

RAIN = "R-RAIN"


@pytest.fixture
def rain(town) -> Watched:
    """A gauge that tells of 10 mm twelve hours before its last reading, which the window leaves out, then 20 and 30."""
    with town.runtime.transaction() as session:
        town.ids[RAIN] = town.sensor(session, RAIN, "station", "rain", city.IN_WEST)
    town.tell(RAIN, (725, 10.0), (485, 20.0), (5, 29.9), (4, 0.1))
    town.work()
    return town


def test_the_height_of_a_sum_is_the_sum_with_its_window(rain, api):
    alarm = rain.alarm(RAIN)
    assert (alarm.level, alarm.peak, alarm.now_value, alarm.measure, alarm.window_s) == (
        "blue",
        50.0,
        50.0,
        "sum",
        43_200,
    )
    assert rain.ask("SELECT peak FROM city.alarm") == [(50.0,)]
    ((said,),) = rain.ask("SELECT description FROM city.case")
    assert "最高 12 小时内累计 50 mm" in said and "highest 50 mm in 12 h" in said
    (feature,) = api("dispatcher1").get("/api/v1/alarms").json["features"]
    told = feature["properties"]
    assert (told["peak"], told["peak_zh"], told["peak_en"]) == (50.0, "12 小时内累计 50 mm", "50 mm in 12 h")


def test_a_graver_level_of_another_window_has_a_height_of_its_own(rain):
    rain.tell(RAIN, (3, 21.0))
    alarm = rain.alarm(RAIN)
    assert (alarm.level, alarm.peak, alarm.window_s) == ("orange", 51.0, 10_800)
    rain.tell(RAIN, (2, 0.5), (1, 0.0))
    assert rain.alarm(RAIN).peak == 51.5, "what stands grows"


def test_a_rise_is_told_in_metres_and_minutes(town):
    town.tell(UNDERPASS, (12, 0.0), (8, 0.02), (3, 0.13))
    town.work()
    alarm = town.alarm(UNDERPASS)
    assert (alarm.level, alarm.measure, alarm.window_s, alarm.peak) == ("rising", "rise", 600, 0.13)
    ((said,),) = town.ask("SELECT description FROM city.case")
    assert "10 分钟内上涨 0.13 m" in said and "rising 0.13 m in 10 min" in said
    town.tell(UNDERPASS, (2, 0.3), (1, 0.3))
    assert (town.alarm(UNDERPASS).measure, town.alarm(UNDERPASS).peak) == ("value", 0.3)


@pytest.mark.parametrize("measure", ["sum", "mean", "rise"])
def test_the_database_measures_as_the_machine_does(rain, measure):
    level = next(one for rule in shipped().values() for one in rule.levels if one.measure == measure)
    told = [(minutes_ago(ago), value) for ago, value in ((725, 10.0), (485, 20.0), (5, 29.9), (4, 0.1))]
    times, values = [at for at, _value in told], [value for _at, value in told]
    machine = [*map(measures(level, times, values), range(len(told)))]
    rows = rain.ask(
        "SELECT value FROM fn.measured(:id, :since, NULL, :measure, :window)",
        id=rain.ids[RAIN],
        since=times[0],
        measure=measure,
        window=int(level.window.total_seconds()),
    )
    assert [value for (value,) in rows] == machine


def test_the_picture_of_a_sum_shows_the_whole_window_the_sum_and_its_level(rain):
    alarm = rain.alarm(RAIN)
    since = alarm_words.shown_since(alarm, timedelta(hours=2))
    assert since < alarm.raised_at - timedelta(hours=12)
    with rain.runtime.transaction() as session:
        drawn = alarm_queries.measured(session, alarm, since, datetime.now(UTC))
    assert [value for _at, value in drawn] == [10.0, 30.0, 49.9, 50.0], (
        "10 mm were twelve hours before and left the window"
    )
    assert [one["name"] for one in alarm_words.compared(alarm, rain.settings.zone)] == ["blue"]


def test_only_levels_of_the_hour_and_measure_are_drawn(town):
    class Night:
        levels = next(one for one in alarm_rules.shipped() if one["key"] == "noise.site")["levels"]
        measure, window_s, level = "value", 0, "limit"
        raised_at = datetime(2026, 11, 23, 15, 5, tzinfo=UTC)

    assert [one["at"] for one in alarm_words.compared(Night, town.settings.zone)] == [55, 70]
    Night.raised_at = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    assert [one["at"] for one in alarm_words.compared(Night, town.settings.zone)] == [70]


@pytest.mark.parametrize(
    ("rule", "zh", "en"),
    [
        ("rain.station", "12 小时内累计 ≥ 50 mm", "≥ 50 mm in 12 h"),
        ("dust.structure", "1 小时平均 ≥ 0.7 mg/m³", "≥ 0.7 mg/m³, mean of 1 h"),
        ("depth.underpass", "10 分钟内上涨 ≥ 0.1 m", "rising ≥ 0.1 m in 10 min"),
        ("depth.road", "≥ 0.15 m，持续 1 分钟", "≥ 0.15 m for 1 min"),
        ("noise.site", "≥ 70 dB(A)，持续 5 分钟，06:00-22:00", "≥ 70 dB(A) for 5 min, 06:00-22:00"),
    ],
)
def test_levels_are_said_with_window_minutes_and_hours(rule, zh, en):
    row = next(one for one in alarm_rules.shipped() if one["key"] == rule)
    assert alarm_words.bound(row["levels"][0], row["unit"]) == (zh, en)


def test_pages_and_api_say_levels_alike(rain, api, city_app):
    (rule,) = [one for one in api("manager1").get("/api/v1/alarms/rules").json if one["key"] == "rain.station"]
    assert rule["bounds"][0] == {"zh": "12 小时内累计 ≥ 50 mm", "en": "≥ 50 mm in 12 h"}
    for language, said, peak in (
        ("zh-CN", "12 小时内累计 ≥ 50 mm", "12 小时内累计 50 mm"),
        ("en", "≥ 50 mm in 12 h", "50 mm in 12 h"),
    ):
        desk = Reader(city_app, "dispatcher1", language)
        page = desk.get(f"/alarms/{rain.alarm(RAIN).id}").text
        assert said in page and peak in page
        assert said in desk.get(f"/sensors/{RAIN}").text
        assert peak in desk.get("/alarms").text and peak in desk.get("/alarms/banner").text
        assert said in Reader(city_app, "administrator1", language).get("/admin/alarms").text


# An alarm that is over and that nobody has acknowledged


def in_one_batch(town: Watched) -> None:
    """A station sends what it kept: the alarm was over before anybody knew."""
    town.tell(WELL, *((20 - minute, 45.0 if minute in (3, 4) else 2.0) for minute in range(12)))
    town.work()


def late(town: Watched, minutes: float) -> int:
    with town.runtime.transaction() as session:
        return alarm_telling.pass_on(session, at=datetime.now(UTC) + timedelta(minutes=minutes))


def ladder(town: Watched) -> list[tuple]:
    rows = town.ask("SELECT rank, who, told_at IS NOT NULL, overdue_at IS NOT NULL FROM city.alarm_notice ORDER BY id")
    return [tuple(row) for row in rows]


def test_one_that_rose_and_reset_in_one_batch_is_told_and_passed_on_until_somebody_acknowledges(town, city_app):
    in_one_batch(town)
    alarm = town.alarm(WELL)
    assert (alarm.state, alarm.level, alarm.case_state, alarm.waiting) == ("reset", "second", "dispatched", True)
    assert ladder(town) == [(2, "department", True, False)]
    ((said,),) = town.ask("SELECT description FROM city.case")
    assert "复位" in said and "reset 2" in said
    assert late(town, 6) == 1
    town.work()
    assert ladder(town) == [(2, "department", True, True), (2, "dispatcher", True, False)]
    desk = Reader(city_app, "dispatcher1", "en")
    assert (
        f'data-alarm="{alarm.id}"' in desk.get("/alarms").text and "Acknowledge" in desk.get(f"/alarms/{alarm.id}").text
    )
    assert "1 not acknowledged" in desk.get("/alarms/banner").text
    with town.runtime.transaction() as session:
        alarm_telling.acknowledge(session, town.actor("dispatcher1"), alarm.id, at=datetime.now(UTC))
    assert late(town, 60) == 0
    assert desk.get("/alarms/banner").text.strip() == ""


def test_a_reset_does_not_end_the_ladder_and_a_withdrawal_does(town):
    town.tell(WELL, (20, 25.0))
    town.work()
    town.tell(WELL, *((19 - minute, 2.0) for minute in range(8)))
    town.work()
    assert town.alarm(WELL).state == "reset"
    assert late(town, 16) == 1
    assert [who for _rank, who, _told, _late in ladder(town)] == ["department", "dispatcher"]
    with town.runtime.transaction() as session:
        session.execute(text("UPDATE city.alarm SET state = 'withdrawn'"))
    assert late(town, 60) == 0 and town.alarm(WELL).waiting is False


def test_what_is_counted_is_not_cut_where_the_list_is(town):
    town.tell(WELL, (8, 25.0))
    town.tell(UNDERPASS, (9, 0.3), (7, 0.31))
    with town.runtime.transaction() as session:
        dispatcher = accounts.actor(session, "dispatcher1")
        assert alarm_queries.counts(session, dispatcher) == (2, 2, 2)
        assert len(alarm_queries.at_hand(session, dispatcher, most=1)) == 1
