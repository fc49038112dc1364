"""Alarms over HTTP: the API, the pages, the banner, tiles, what is told live; and the commands."""

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from tests import city
from tests.hazards.watched import ROAD, UNDERPASS, WELL, Watched, flood, minutes_ago
from tests.pages.conftest import Reader
from webgis.cli import group
from webgis.live import changes
from webgis.telemetry import operations


def test_the_api_lists_tells_acknowledges_and_dismisses(api, town, alarm):
    dispatcher = api("dispatcher1")
    (listed,) = dispatcher.get("/api/v1/alarms", state="open").json["features"]
    told = listed["properties"]
    assert (told["id"], told["rule"], told["case"], told["advice"]) == (
        alarm.id, "depth.underpass", alarm.case_number, "closed",
    )  # fmt: skip
    assert (told["level_zh"], told["level_en"], told["waiting"]) == ("封闭", "closed", True)
    assert dispatcher.post(f"/api/v1/alarms/{alarm.id}/acknowledge").json["properties"]["waiting"] is False
    whole = dispatcher.get(f"/api/v1/alarms/{alarm.id}").json["properties"]
    assert whole["notices"][0]["who"] == "department" and whole["notices"][0]["acknowledged_at"]
    assert {one["action"] for one in whole["history"]} >= {"raised", "case_opened", "told", "acknowledged"}
    (closure,) = dispatcher.get("/api/v1/alarms/closures").json["features"]
    assert closure["properties"]["advice"] == "closed" and closure["properties"]["case_number"] == alarm.case_number
    dismiss = f"/api/v1/alarms/{alarm.id}/dismiss"
    assert dispatcher.post(dismiss, {"reason": " "}).status_code == 422
    assert dispatcher.post(dismiss, {"reason": "演练"}).json["properties"]["state"] == "withdrawn"
    again = dispatcher.post(dismiss, {"reason": "演练"})
    assert (again.status_code, again.json["code"]) == (409, "hazards.alarm-over")
    assert dispatcher.get("/api/v1/alarms/closures").json["features"] == []


def test_traffic_tells_everybody_that_a_road_is_closed_for_water_and_nothing_else_of_the_alarm(api, town, alarm):
    town.tell(ROAD, (4, 0.2), (2.5, 0.2))
    told = api("dispatcher1").get("/api/v1/alarms/closures").json["features"]
    assert len({one["properties"]["advice"] for one in told}) == 2, "one is to be passed slowly"
    for login in ("dispatcher1", "inspector1"):
        (feature,) = api(login).get("/api/v1/traffic").json["features"]
        assert feature["properties"] == {
            "kind": "water", "code": "W-DEPTH", "name_zh": "W-DEPTH 站", "name_en": "W-DEPTH station",
        }  # fmt: skip


def test_others_do_not_see_it(api, alarm):
    sanitation = api("sanitation1")
    assert sanitation.get("/api/v1/alarms").json["features"] == []
    assert sanitation.get(f"/api/v1/alarms/{alarm.id}").status_code == 404
    assert sanitation.get("/api/v1/alarms/closures").json["features"] == []
    assert sanitation.get("/tiles/alarms/14/12927/6724.mvt").data == b""


def test_pages_of_lists_go_on_by_a_cursor(api, town):
    for ago in (9, 7, 5):
        town.tell(WELL, (ago, 50.0))
    dispatcher = api("dispatcher1")
    page = dispatcher.get("/api/v1/alarms", cursor="?")
    assert (page.status_code, page.json["field"]) == (422, "cursor")
    assert dispatcher.get("/api/v1/alarms", state="none").status_code == 422
    assert dispatcher.get("/api/v1/alarms", quantity="depth").json["features"] == []


def test_the_rules_stand_in_the_api_with_their_sources(api, town):
    rules = {one["key"]: one for one in api("manager1").get("/api/v1/alarms/rules").json}
    assert rules["gas.well"]["class"] == "matter:10081" and rules["gas.well"]["levels"][0]["source"]


@pytest.fixture
def reader(city_app) -> Callable[..., Reader]:
    """A function that gives the reader of a login of the small city."""
    return lambda login, language="zh-CN": Reader(city_app, login, language)


def test_the_pages_say_how_it_stands_in_both_languages(reader, town, alarm):
    for language, words in (
        ("zh-CN", ("封闭", "未解除", "建议封闭")),
        ("en", ("closed", "stands", "Advised to close")),
    ):
        desk = reader("dispatcher1", language)
        for address, told in (
            ("/alarms", words[0]), (f"/alarms/{alarm.id}", words[1]), ("/waterlogging", words[2]),
            ("/alarms?past=1", words[0]), ("/desk", alarm.station_zh if language == "zh-CN" else alarm.station_en),
            (f"/cases/{alarm.case_number}", words[0]), ("/waterlogging?day=2026-01-01", words[2]),
        ):  # fmt: skip
            answer = desk.get(address)
            assert answer.status_code == 200 and told in answer.text, address


def test_the_banner_is_acknowledged_and_the_page_dismisses(reader, town, alarm):
    desk = reader("dispatcher1")
    banner = desk.get("/alarms/banner").text
    assert f'data-alarm="{alarm.id}"' in banner and "data-acknowledge" in banner
    desk.headers["HX-Request"] = "true"
    after = desk.send(f"/alarms/{alarm.id}/acknowledge").text
    assert "data-alarm=" not in after and "alarm-calm" in after
    empty = desk.send(f"/alarms/{alarm.id}/dismiss", reason="")
    assert empty.status_code == 422 and 'role="alert"' in empty.text
    assert desk.send(f"/alarms/{alarm.id}/dismiss", reason="演练").status_code == 303
    page = desk.get(f"/alarms/{alarm.id}").text
    assert "演练" in page and "这不是报警" not in page
    assert desk.get("/alarms/banner").text.strip() == ""


def test_an_alarm_that_was_reset_before_anybody_acknowledged_it_stays_above_every_desk(reader, town):
    town.tell(UNDERPASS, (59, 0.02), (58, 0.3), (57, 0.31), (56, 0.33), (50, 0.01), (30, 0.01), (10, 0.01))
    town.work()
    alarm = town.alarm(UNDERPASS)
    assert alarm.state == "reset"
    for login, address in (("dispatcher1", "/desk"), ("manager1", "/watch"), ("dispatcher1", "/alarms/banner")):
        answer = reader(login).get(address)
        assert answer.status_code == 200 and f'data-alarm="{alarm.id}"' in answer.text and "已复位" in answer.text


def test_who_may_only_see_finds_no_button(reader, alarm):
    page = reader("inspector1").get(f"/alarms/{alarm.id}").text
    assert "data-alarm-chart" in page and "acknowledge" not in page and "dismiss" not in page


def test_the_map_is_told_of_an_alarm_at_once(api, town):
    reader = api("acceptor1")
    before, tile = reader.get("/maps/version").json, reader.get("/tiles/alarms/14/12927/6724.mvt")
    assert tile.data == b""
    flood(town)
    assert reader.get("/maps/version").json != before
    after = reader.get("/tiles/alarms/14/12927/6724.mvt").data
    assert b"rank" in after and "下穿通道积水深度".encode() in after
    assert b"closed" in reader.get("/tiles/waterlogging/14/12927/6724.mvt").data


def test_what_happens_is_told_live_to_those_who_may_see_it(api, town):
    first = {login: api(login).get("/api/v1/live").json["cursor"] for login in ("acceptor1", "sanitation1")}
    feed = changes.Feed(changes.HISTORIES["alarm"])
    feed.read(town.runtime.ask)
    flood(town)
    told = api("acceptor1").get("/api/v1/live", since=first["acceptor1"]).json["alarms"]
    assert [(one["action"], one["level_zh"], one["number"]) for one in told] == [
        ("raised", "封闭", None),
        ("escalated", "封闭", None),
    ]
    assert api("sanitation1").get("/api/v1/live", since=first["sanitation1"]).json["alarms"] == []
    assert len(feed.read(town.runtime.ask)) == len(told) and feed.read(town.runtime.ask) == []


def test_the_day_of_water_shows_rain_and_cases(reader, town, alarm):
    with town.runtime.transaction() as session:
        town.ids["RAIN"] = town.sensor(session, "RAIN", "station", "rain", city.IN_EAST)
    town.tell("RAIN", (6, 4.5), (1, 3.5))
    day = minutes_ago(6).astimezone(town.settings.zone).date()
    page = reader("manager1").get(f"/waterlogging?day={day}").text
    assert "mm" in page and alarm.case_number in page and '"rain": [[' in page


def run(town: Watched, *arguments: str):
    done = CliRunner().invoke(group, ["alarms", *arguments], obj=town.runtime)
    return done


UNUSABLE = (
    ("source", "\0"), ("source", ""), ("source", None), ("source", "长" * 301), ("name", "a\0"), ("name", 7),
    ("name_zh", "\ud800"), ("sureness", "\0"), ("more", "a field that there is not"),
)  # fmt: skip


def unusable_levels(town, file):
    """A level with a text that cannot be kept is refused by its place, and the rule stays as it was."""
    before = run(town, "rules", "--json").output
    rule = next(one for one in json.loads(before) if one["key"] == "gas.well")
    for field, value in UNUSABLE:
        levels = [*rule["levels"][:-1], rule["levels"][-1] | {field: value}]
        file.write_text(json.dumps({"levels": levels}), encoding="utf-8")
        refusal = run(town, "set-rule", "gas.well", str(file)).exception
        assert (refusal.code, refusal.facts["level"]) == ("hazards.bad-threshold", len(levels) - 1), (field, value)
    file.write_text(json.dumps({"class": "matter:\0"}), encoding="utf-8")
    assert run(town, "set-rule", "gas.well", str(file)).exception.facts["field"] == "class_code"
    assert run(town, "rules", "--json").output == before


def test_the_commands_make_watch_and_list(town, tmp_path):
    with town.runtime.transaction() as session:
        operations.put_station(session, operations.NewStation("N", "新站", "well", *city.IN_EAST))
        operations.put_datastream(session, operations.NewDatastream("N", "N", "gas", 60))
    assert "0 rules made" in run(town, "load-rules").output
    assert "N is watched by gas.well" in run(town, "watch", "N", "--department", "510104-works").output
    watches = json.loads(run(town, "watches", "--json").output)
    assert {one["datastream"]: one["rule"] for one in watches}["N"] == "gas.well"
    given = tmp_path / "rule.json"
    given.write_text(json.dumps({"class": "matter:10080", "late_s": 300}), encoding="utf-8")
    assert "changed" in run(town, "set-rule", "gas.well", str(given)).output
    rules = {one["key"]: one for one in json.loads(run(town, "rules", "--json").output)}
    assert (rules["gas.well"]["class"], rules["gas.well"]["late_s"], rules["gas.well"]["version"]) == (
        "matter:10080",
        300,
        2,
    )
    given.write_text("[1", encoding="utf-8")
    assert run(town, "set-rule", "gas.well", str(given)).exception.code == "hazards.bad-threshold"
    unusable_levels(town, given)
    run(town, "unwatch", "N", "gas.well")
    flood(town)
    (alarm,) = json.loads(run(town, "list", "--json").output)
    assert alarm["rule"] == "depth.underpass"
