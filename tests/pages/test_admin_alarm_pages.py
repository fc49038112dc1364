"""Rules of alarms and their ladders, kept by administrators: looked at before they change, refused at their field."""

import re

import pytest

from tests.hazards.watched import ROAD, UNDERPASS, Watched, flood
from tests.pages.conftest import Reader
from tests.pages.sending import do, looked_at
from webgis.hazards import alarm_ladders, alarm_rules
from webgis.pages import admin_alarm_forms as forms

RULE = "/admin/alarms/rules/depth.road"
LADDER = "/admin/alarms/ladder"


@pytest.fixture
def town(city_runtime) -> Watched:
    return Watched(city_runtime)


@pytest.fixture
def admin(reader) -> Reader:
    return reader("administrator1")


def typed(town: Watched, **more: str | list[str]) -> dict:
    """The form of the rule of roads as it is shown, with other fields."""
    with town.runtime.transaction() as session:
        fields, levels = forms.typed(alarm_rules.require_rule(session, "depth.road"))
    return fields | {name: [row[name] for row in levels] for name in forms.LEVEL} | more


def log(town: Watched, action: str) -> list[tuple]:
    rows = town.ask(
        "SELECT before, after FROM city.admin_event WHERE action = :action ORDER BY id DESC LIMIT 1", action=action
    )
    return [tuple(row) for row in rows]


def test_a_rule_is_looked_at_on_the_readings_of_the_last_days_and_then_changed(admin, town):
    town.tell(ROAD, (50, 0.2), (49, 0.2), (48, 0.2), (30, 0.0), (15, 0.0), (14, 0.0), (5, 0.3), (3, 0.3))
    assert town.alarms(ROAD) == [(1, "reset", "slowed"), (2, "open", "stop")]
    assert "道路积水深度" in admin.get("/admin/alarms").text
    answer = admin.send(RULE, **typed(town, at=["0.25", "0.27", "0.4"]))
    path = looked_at(admin, town.runtime, answer)
    page = admin.get(path).text
    assert re.search(r"<b class=\"num\">2</b>", page) and '<b class="num" data-then>1</b>' in page
    assert "≥ 0.15 m" in page and "≥ 0.25 m" in page and ROAD in page
    with town.runtime.transaction() as session:
        assert alarm_rules.require_rule(session, "depth.road").version == 1, "nothing has been changed yet"
    admin.send(f"{path}/take")
    do(town.runtime)
    assert "从传感器的下一条读数起生效" in admin.get(path).text
    with town.runtime.transaction() as session:
        rule = alarm_rules.require_rule(session, "depth.road")
    assert (rule.version, rule.levels[0]["at"], rule.shipped) == (2, 0.25, False)
    ((before, after),) = log(town, "hazards.set-rule")
    assert set(before) == set(after) == {"levels"}
    assert (before["levels"][0]["at"], after["levels"][0]["at"]) == (0.15, 0.25)


def test_what_is_typed_as_shown_changes_nothing(admin, town):
    answer = admin.send(RULE, **typed(town))
    assert (answer.status_code, answer.location) == (303, RULE)
    assert "该规则已是如此" in admin.get(RULE).text
    assert town.ask("SELECT count(*) FROM city.long_work") == [(0,)]


@pytest.mark.parametrize("key", [rule["key"] for rule in alarm_rules.shipped()])
def test_every_rule_that_ships_is_read_back_as_it_is_shown(key):
    (rule,) = (alarm_rules.ThresholdRule(**one) for one in alarm_rules.shipped() if one["key"] == key)
    fields, levels = forms.typed(rule)
    given = forms.rule_given(key, fields, levels)
    assert given == {name: getattr(rule, name) for name in given}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"at": ["0.15", "x", "0.4"]}, "请填写数字"),
        ({"at": ["0.15", "nan", "0.4"]}, "请填写数字"),
        ({"at": ["0.15", "1_0", "0.4"]}, "请填写数字"),
        ({"reset": ["0.1", "0.28", "0.35"]}, "不高于达到该等级的数值"),
        ({"rank": ["1", "2", "0"]}, "严重级为 1 到 9"),
        ({"window": ["5", "0", "0"]}, "直接看读数时不填"),
        ({"measure": ["mean", "value", "value"]}, "直接看读数时不填"),
        ({"lasting": ["-1", "1", "1"]}, "分钟数从 0 起"),
        ({"hours": ["22-6 Uhr", "", ""]}, "22:00-06:00"),
        ({"at": ["0.15", "0.27", "25"]}, "不高于最高可能读数"),
        ({"reset": ["-5", "0.22", "0.35"]}, "报警无法解除"),
        ({"hours": ["06:00-06:00", "", ""]}, "起止时刻须不同"),
        ({"source": ["", "规定", "规定"]}, "数值的来源"),
        ({"source": ["\0", "规定", "规定"]}, "数值的来源"),
        ({"level_zh": ["", "", ""], "level_en": ["", "", ""]}, "至少一个等级"),
        ({"least": "9"}, "最高可能读数"),
        ({"late": "-1"}, "一天"),
        ({"subject": "matter:99999"}, "选择"),
        ({"name_en": " "}, "1 到 60"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_at_its_field_and_keeps_what_was_typed(admin, town, change, said):
    answer = admin.send(RULE, **typed(town, **{"name_zh": "城市道路"} | change))
    assert answer.status_code == 422
    assert said in answer.text and "城市道路" in answer.text
    assert town.ask("SELECT count(*) FROM city.long_work") == [(0,)]


def test_a_rule_has_at_most_so_many_levels(admin, town):
    one = {name: typed(town)[name][0] for name in forms.LEVEL} | {"name": ""}
    many = {name: [value] * 120 for name, value in one.items()}
    answer = admin.send(RULE, **typed(town, **many))
    assert answer.status_code == 422 and "最多 20 个" in answer.text
    most = {name: [value] * alarm_rules.MOST_LEVELS for name, value in one.items()}
    assert admin.send(RULE, **typed(town, **most)).status_code == 303


def test_what_cannot_be_stored_is_taken_out_of_what_was_typed(admin, town):
    path = looked_at(admin, town.runtime, admin.send(RULE, **typed(town, source=["a\0b", "规定", "规定"])))
    assert path
    own = rows((1, "department", 5, "a\0b"))
    assert admin.send(LADDER, rule="", seen=seen(admin), **own).status_code == 303
    with town.runtime.transaction() as session:
        assert [one.source for one in alarm_ladders.ladder(session)] == ["ab"]


def test_a_rule_of_the_citys_own_is_added_and_watches(admin, town):
    new = typed(town, key="depth.tunnel", quantity="depth", place="tunnel", name_zh="隧道积水", name=["", "", ""])
    for wrong in ({"key": "depth.road"}, {"key": "Depth"}, {"key": "new"}, {"quantity": "colour"}, {"place": "moon"}):
        assert admin.send("/admin/alarms/rules/new", **new | wrong).status_code == 422
    path = looked_at(admin, town.runtime, admin.send("/admin/alarms/rules/new", **new))
    admin.send(f"{path}/take")
    do(town.runtime)
    with town.runtime.transaction() as session:
        rule = alarm_rules.require_rule(session, "depth.tunnel")
    assert (rule.unit, rule.place, [one["name"] for one in rule.levels]) == ("m", "tunnel", ["own1", "own2", "own3"])
    assert "隧道积水" in admin.get("/admin/alarms").text


def test_what_was_looked_at_is_not_taken_when_somebody_was_faster(admin, town):
    path = looked_at(admin, town.runtime, admin.send(RULE, **typed(town, late="5")))
    with town.runtime.transaction() as session:
        alarm_rules.set_rule(session, None, "depth.road", {"late_s": 60}, town.settings.zone)
    admin.send(f"{path}/take")
    do(town.runtime)
    with town.runtime.transaction() as session:
        assert alarm_rules.require_rule(session, "depth.road").late_s == 60


def rows(*rungs: tuple) -> dict[str, list[str]]:
    return {name: [str(rung[place]) for rung in rungs] for place, name in enumerate(forms.RUNG)}


def seen(admin: Reader, rule: str = "") -> str:
    """The mark of the ladder that the form carries."""
    return re.search(r'name="seen" value="(\w+)"', admin.get(f"{LADDER}?rule={rule}").text)[1]


def test_who_is_told_is_changed_for_all_rules_or_for_one(admin, town):
    assert "dispatcher" in admin.get(LADDER).text
    own = rows((1, "dispatcher", 3, "值班规定"), (1, "manager", 7, "值班规定"))
    assert admin.send(LADDER, rule="depth.underpass", seen=seen(admin, "depth.underpass"), **own).status_code == 303
    ((before, after),) = log(town, "hazards.ladder")
    assert before == {"steps": []} and after["steps"][0] == [1, "dispatcher", 3, "值班规定"]
    flood(town)
    (notice,) = town.ask("SELECT who, rank, due_at - made_at AS within FROM city.alarm_notice")
    assert (notice.who, notice.rank, notice.within.seconds) == ("dispatcher", 2, 180)
    assert "值班规定" in admin.get(f"{LADDER}?rule=depth.underpass").text
    drop = {"drop": "yes", "seen": seen(admin, "depth.underpass")}
    assert admin.send(LADDER, rule="depth.underpass", **drop | own).status_code == 303
    with town.runtime.transaction() as session:
        assert alarm_ladders.with_own(session) == set()
        assert len(alarm_ladders.ladder(session)) == 11


@pytest.mark.parametrize(
    ("rung", "said"),
    [
        ((0, "manager", 5, "规定"), "严重级为 1 到 9"),
        ((1, "mayor", 5, "规定"), "选择告知谁"),
        ((1, "manager", 1441, "规定"), "1 到 1440"),
        ((1, "manager", "5.5", "规定"), "1 到 1440"),
        ((1, "manager", 5, " "), "数值的来源"),
    ],
)
def test_a_ladder_that_cannot_be_is_refused_at_its_row(admin, town, rung, said):
    answer = admin.send(LADDER, rule="", **rows((1, "department", 5, "规定"), rung))
    assert answer.status_code == 422 and said in answer.text
    with town.runtime.transaction() as session:
        assert len(alarm_ladders.ladder(session)) == 11


@pytest.mark.parametrize("rule", ["", "depth.underpass"])
def test_who_opened_a_ladder_before_somebody_changed_it_overwrites_nothing(admin, town, rule):
    first, second = (
        rows((1, who, 5, "规定")) | {"rule": rule, "seen": seen(admin, rule)} for who in ("manager", "department")
    )
    assert admin.send(LADDER, **first).status_code == 303
    for more in ({}, {"drop": "yes"} if rule else {}, {"seen": ""}):
        answer = admin.send(LADDER, **second | more)
        assert answer.status_code == 409 and "其他人刚刚更改了告知步骤" in answer.text
    with town.runtime.transaction() as session:
        assert [one.who for one in alarm_ladders.ladder(session, rule)] == ["manager"]


def test_somebody_must_be_told(admin, town):
    assert admin.send(LADDER, rule="").status_code == 422
    for rule in ("", "depth.underpass"):
        answer = admin.send(LADDER, rule=rule, seen=seen(admin, rule), **rows((9, "department", 5, "规定")))
        assert answer.status_code == 422 and "严重级 1 的步骤" in answer.text
    assert admin.send(LADDER, rule="no.rule", **rows((1, "manager", 5, "规定"))).status_code == 404
    assert admin.get(f"{LADDER}?rule=no.rule").status_code == 404
    assert admin.get("/admin/alarms/rules/no.rule").status_code == 404


def test_the_page_of_a_sensor_leads_administrators_to_its_rule(admin, reader, town):
    assert "/admin/alarms/rules/depth.underpass" in admin.get(f"/sensors/{UNDERPASS}").text
    assert "/admin/alarms" not in reader("manager1").get(f"/sensors/{UNDERPASS}").text
    assert reader("manager1").get("/admin/alarms").status_code == 403


def test_a_sensor_is_watched_by_another_rule_and_no_more_by_the_first(admin, reader, town):
    def watching() -> list[str]:
        return [row.rule_key for row in town.ask("SELECT rule_key FROM city.watch WHERE active ORDER BY 1")]

    assert "不再按此规则监测" in admin.get(f"/sensors/{ROAD}").text
    assert admin.send(f"/sensors/{ROAD}/watch", rule="depth.road", active="no").status_code == 303
    assert watching() == ["depth.underpass", "gas.well"]
    assert admin.send(f"/sensors/{ROAD}/watch", rule="depth.underpass").status_code == 303
    assert watching() == ["depth.underpass", "depth.underpass", "gas.well"]
    assert admin.send(f"/sensors/{ROAD}/watch", rule="gas.well").status_code == 422
    assert admin.send(f"/sensors/{ROAD}/watch", rule="no.rule").status_code == 404
    assert reader("manager1").send(f"/sensors/{ROAD}/watch", rule="depth.road").status_code == 403
    assert log(town, "hazards.watch") and log(town, "hazards.unwatch")


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_pages_are_there_in_both_languages(reader, town, language):
    admin = reader("administrator1", language)
    for path in ("/admin/alarms", RULE, "/admin/alarms/rules/new", LADDER, "/admin/log"):
        page = admin.get(path)
        assert page.status_code == 200
        assert ("规则" in page.text or "日志" in page.text) == (language == "zh-CN"), path
