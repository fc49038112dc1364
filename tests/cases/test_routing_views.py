"""Rules, beats and open work over HTTP: what managers make, what others may see, and what a case takes from it."""

from io import BytesIO

import openpyxl
import pytest
from sqlalchemy import text

from tests import city
from tests.cases.life import Life
from webgis.cases import beat_tables, routing_reading

SANITATION, WORKS = "510104-sanitation", "510104-works"


@pytest.fixture
def people(api):
    """A function that gives the API client of a login, made once."""
    known = {}
    return lambda login: known.setdefault(login, api(login))


def send(client, method: str, path: str, fields=None):
    return client.client.open(path, method=method, json=fields, headers=client.headers)


def upload(client, path: str, rows: list[tuple], **fields):
    """POST a workbook of these rows."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    file = BytesIO()
    book.save(file)
    file.seek(0)
    return client.client.post(path, data=fields | {"file": (file, "table.xlsx")}, headers=client.headers)


def test_a_draft_is_made_filled_tried_and_put_in_force(people):
    manager = people("manager1")
    made = manager.post("/api/v1/routing/sets", {"name": "冬季规则"})
    version = made.json["version"]
    assert made.status_code == 201 and made.json["state"] == "draft" and made.json["rules"] == []
    sets = f"/api/v1/routing/sets/{version}"
    rule = {"class": "06", "area": city.COUNTY, "hours": "22:00-06:00", "department": WORKS}
    added = manager.post(f"{sets}/rules", rule)
    assert added.status_code == 201 and added.json["number"] == 1 and added.json["priority"] == 100
    changed = send(manager, "PUT", f"{sets}/rules/1", {"class": "06", "department": WORKS, "priority": 200})
    assert changed.json["priority"] == 200 and changed.json["hours"] is None
    manager.post(f"{sets}/rules", {"class": "07", "department": SANITATION})
    assert send(manager, "DELETE", f"{sets}/rules/2").status_code == 204
    assert [one["department"] for one in manager.get(sets).json["rules"]] == [WORKS]
    tried = manager.get(f"{sets}/dry-run", days=30)
    assert (tried.json["replayed"], tried.json["elsewhere"]) == (0, 0)
    assert manager.post(f"{sets}/activate").json["state"] == "active"
    listed = people("dispatcher1").get("/api/v1/routing/sets").json["sets"]
    assert [(one["version"], one["state"], one["rules"]) for one in listed] == [(version, "active", 1)]
    refused = manager.post(f"{sets}/rules", rule)
    assert (refused.status_code, refused.json["code"]) == (409, "cases.rule-set-not-draft")


def test_rules_come_as_a_workbook_and_go_as_one(people):
    manager = people("manager1")
    rows = [("编号", "大类", "责任部门", "优先级"), (1, "06", WORKS, 100)]
    refused = upload(manager, "/api/v1/routing/import", rows, name="试")
    assert refused.json["code"] == "cases.bad-rules" and refused.json["faults"][0]["column"] == "大类"
    rows[0] = ("编号", "类代码", "责任部门", "优先级")
    made = upload(manager, "/api/v1/routing/import", rows, name="试")
    assert made.status_code == 201 and made.json["rules"] == 1
    out = manager.get(f"/api/v1/routing/sets/{made.json['version']}/export.xlsx")
    sheet = openpyxl.load_workbook(BytesIO(out.data)).active
    table = [[cell.value or "" for cell in row] for row in sheet.iter_rows()]
    assert tuple(table[0]) == routing_reading.EXPORT_HEADINGS["zh"] and "06" in table[1] and WORKS in table[1]


def test_drafts_are_thrown_away_and_what_is_not_there_is_said(people):
    manager = people("manager1")
    version = manager.post("/api/v1/routing/sets", {"name": "试"}).json["version"]
    assert manager.post(f"/api/v1/routing/sets/{version}/activate").json["code"] == "cases.rule-set-empty"
    assert send(manager, "DELETE", f"/api/v1/routing/sets/{version}").status_code == 204
    for path in (f"/api/v1/routing/sets/{version}", "/api/v1/routing/sets/99999999999"):
        assert manager.get(path).json["code"] == "cases.rule-set-unknown"
    assert manager.post("/api/v1/routing/sets", {"name": "试", "based_on": 4711}).status_code == 404


@pytest.mark.parametrize("login", ["inspector1", "sanitation1", "dispatcher1"])
def test_rules_are_changed_by_managers_only(people, login):
    assert people(login).post("/api/v1/routing/sets", {"name": "试"}).json["code"] == "accounts.not-your-role"
    seen = people(login).get("/api/v1/routing/sets").status_code
    assert seen == (200 if login == "dispatcher1" else 403)


def test_the_city_is_not_changed_by_who_is_limited_to_an_area(people, city_runtime):
    with city_runtime.transaction() as session:
        session.execute(text("UPDATE city.person SET area_code = :area WHERE login = 'manager1'"), {"area": city.EAST})
    manager = people("manager1")
    assert manager.post("/api/v1/routing/sets", {"name": "试"}).json["code"] == "accounts.not-your-area"
    beat = {"name_zh": "西一", "cells": [city.WEST]}
    assert send(manager, "PUT", "/api/v1/beats/W1", beat).json["code"] == "accounts.not-your-area"
    assert send(manager, "PUT", "/api/v1/beats/E1", beat | {"cells": [city.EAST]}).status_code == 200
    assert [one["id"] for one in manager.get("/api/v1/beats").json["features"]] == ["E1"]
    assert manager.get("/api/v1/beats", area=city.WEST).json["code"] == "accounts.not-your-area"


def test_who_would_handle_a_case_is_told_with_the_reason(people):
    manager = people("manager1")
    version = manager.post("/api/v1/routing/sets", {"name": "试"}).json["version"]
    manager.post(f"/api/v1/routing/sets/{version}/rules", {"class": city.REFUSE, "department": WORKS})
    place = {"kind": "matter", "class": city.REFUSE, "lon": city.IN_WEST[0], "lat": city.IN_WEST[1], "crs": "cgcs2000"}
    told = people("dispatcher1").get("/api/v1/routing/choice", **place, version=version).json
    assert told["department"] == WORKS and told["why"]["number"] == 1 and "Jinjiang Works" in told["why"]["text_en"]
    assert people("dispatcher1").get("/api/v1/routing/choice", **place).json["department"] is None
    wrong = people("dispatcher1").get("/api/v1/routing/choice", **(place | {"class": "99999"}))
    assert wrong.json["code"] == "catalog.class-unknown"


def test_a_beat_is_laid_out_listed_asked_and_ended(people):
    manager = people("manager1")
    beat = {
        "name_zh": "西一",
        "name_en": "West 1",
        "cells": [f"{city.WEST}001-010", city.EAST],
        "shifts": [
            {"days": "周一至周五", "hours": "08:00-18:00", "inspector": "inspector1"},
            {"hours": "00:00-24:00", "inspector": "inspector2"},
        ],
    }
    assert send(manager, "PUT", "/api/v1/beats/W1", beat).json == {"added": ["W1"], "changed": [], "unchanged": []}
    assert send(manager, "PUT", "/api/v1/beats/W1", beat).json["unchanged"] == ["W1"]
    (one,) = people("inspector1").get("/api/v1/beats").json["features"]
    assert one["geometry"]["type"] == "MultiPolygon" and one["properties"]["area_code"] == city.SUBDISTRICT
    codes = people("inspector1").get("/api/v1/beats/W1").json["properties"]["cell_codes"]
    assert codes[:2] == [f"{city.WEST}001", f"{city.WEST}002"] and len(codes) == one["properties"]["cells"]
    friday = "2026-11-27T10:00:00"
    assert people("manager1").get("/api/v1/beats/on-duty", at="2020-01-01T10:00:00").json["on_duty"] == []
    on_duty = manager.get("/api/v1/beats/on-duty", at=friday).json["on_duty"]
    assert [(row["login"], row["from_time"]) for row in on_duty] == [
        ("inspector1", "08:00:00"),
        ("inspector2", "00:00:00"),
    ]
    place = {"lon": city.IN_WEST[0], "lat": city.IN_WEST[1], "crs": "cgcs2000", "at": friday}
    asked = manager.get("/api/v1/beats/inspector", **place).json
    assert asked["inspector"] == "inspector1" and asked["why"]["beat"] == "W1"
    coverage = manager.get("/api/v1/beats/coverage").json
    assert coverage["left_out"][0]["community_code"] == city.WEST and coverage["unmanned"] == {}
    assert send(manager, "DELETE", "/api/v1/beats/W1").status_code == 204
    assert manager.get("/api/v1/beats/W1").json["code"] == "grid.beat-unknown"


def test_beats_come_as_a_workbook_and_go_as_the_same(people):
    manager = people("manager1")
    rows = [
        ("责任网格", "名称", "英文名称", "单元网格", "星期", "时段", "采集员"),
        ("W1", "西一", "West 1", city.WEST, "Mon-Fri", "08:00-18:00", "inspector1"),
        ("W1", "西一", "West 1", "", "Sat,Sun", "08:00-18:00", "inspector2"),
        ("E1", "东一", "", f"{city.EAST}001-003 {city.EAST}005", "", "", ""),
    ]
    assert upload(manager, "/api/v1/beats/import", rows).json["added"] == ["W1", "E1"]
    out = manager.get("/api/v1/beats/export.xlsx")
    sheet = openpyxl.load_workbook(BytesIO(out.data)).active
    table = [tuple(cell.value or "" for cell in row) for row in sheet.iter_rows()]
    assert table == [beat_tables.EXPORT_HEADINGS["zh"], rows[3], *rows[1:3]]
    assert upload(manager, "/api/v1/beats/import", table).json["unchanged"] == ["E1", "W1"]


BAD_ROWS = [
    ({"beat": "西 1"}, "beat", "letters"),
    ({"cells": "5101040170"}, "cells", "runs such as"),
    ({"cells": f"{city.WEST}900"}, "cells", "no valid cell"),
    ({"cells": ""}, "cells", "has no cells"),
    ({"name": ""}, "name", "has no name"),
    ({"days": "someday"}, "days", "weekdays"),
    ({"hours": "8-18"}, "hours", "hours are expected"),
    ({"hours": ""}, "hours", "hours are expected"),
    ({"inspector": "nobody"}, "inspector", "active inspector"),
    ({"inspector": "acceptor1"}, "inspector", "active inspector"),
    ({"inspector": ""}, "inspector", "active inspector"),
]


@pytest.mark.parametrize(("wrong", "column", "problem"), BAD_ROWS, ids=[str(row[0]) for row in BAD_ROWS])
def test_a_faulty_row_of_beats_is_named_in_both_languages_and_nothing_is_laid_out(people, wrong, column, problem):
    good = {"beat": "W1", "name": "西一", "cells": city.WEST, "days": "Mon", "hours": "08:00-18:00",
            "inspector": "inspector1"}  # fmt: skip
    rows = [tuple(good), tuple((good | {"beat": "W0"}).values()), tuple((good | wrong).values())]
    refused = upload(people("manager1"), "/api/v1/beats/import", rows)
    assert refused.json["code"] == "cases.bad-beats"
    faults = [(one["column"], one["problem"]) for one in refused.json["faults"]]
    assert len(faults) == 1 and faults[0][0] == column and problem in faults[0][1]
    assert refused.json["faults"][0]["problem_zh"]
    assert people("manager1").get("/api/v1/beats").json["features"] == []


def test_a_case_goes_where_the_rules_and_beats_say_and_the_reasons_are_kept(people, city_runtime):
    life, manager = Life(city_runtime), people("manager1")
    with city_runtime.transaction() as session:
        session.execute(text("UPDATE city.department SET area_code = :area"), {"area": city.COUNTY})
    version = manager.post("/api/v1/routing/sets", {"name": "试"}).json["version"]
    manager.post(f"/api/v1/routing/sets/{version}/rules", {"class": city.REFUSE, "department": WORKS})
    manager.post(f"/api/v1/routing/sets/{version}/rules", {"class": "06", "department": SANITATION})
    manager.post(f"/api/v1/routing/sets/{version}/activate")
    beat = {"name_zh": "西一", "cells": [city.WEST], "shifts": [
        {"hours": "00:00-24:00", "inspector": login} for login in ("inspector1", "inspector2")]}  # fmt: skip
    send(manager, "PUT", "/api/v1/beats/W1", beat)
    with city_runtime.transaction() as session:
        session.execute(text("UPDATE city.beat SET valid = tstzrange('2026-01-01', NULL)"))
    first = life.report("acceptor1", source="hotline").number
    life.do("acceptor1", first, "request_confirmation")
    second = life.report("acceptor1", source="hotline", place=(104.0641, 30.6592)).number
    life.do("acceptor1", second, "request_confirmation")
    sent = [life.case(number).inspector_login for number in (first, second)]
    assert sorted(sent) == ["inspector1", "inspector2"], "the second goes to who has nothing to look at yet"
    number = life.filed()
    life.do("dispatcher1", number, "dispatch", department="auto")
    assert life.case(number).department_code == WORKS
    (event,) = [one for one in _events(people, number) if one["action"] == "dispatch"]
    why = event["facts"]["why"]
    assert (why["number"], why["version"], why["by_hand"]) == (1, version, False)
    assert [(one["number"], one["lost_en"]) for one in why["beaten"][:1]] == [(2, "its class is wider")]
    life.do("works1", number, "receive")
    life.do("works1", number, "resolve", note="已清理")
    verifying = life.do("acceptor1", number, "request_verification")
    assert verifying.inspector_login == "inspector2", "not who reported it"
    (event,) = [one for one in _events(people, number) if one["action"] == "request_verification"]
    assert event["facts"]["inspector"]["beat"] == "W1"


def _events(people, number: str) -> list[dict]:
    features = people("manager1").get(f"/api/v1/cases/{number}/events").json["features"]
    return [feature["properties"] for feature in features]


def test_open_work_is_seen_by_department_and_by_person_as_far_as_one_may_see(people, city_runtime):
    life = Life(city_runtime)
    ours, theirs = life.handled(), life.handled(place=city.IN_EAST)
    life.do("sanitation1", ours, "assign", handler="sanitation1")
    life.do("sanitation1", theirs, "return", reason="不归我们")
    life.do("dispatcher1", theirs, "dispatch", department=WORKS)
    send(people("manager1"), "PUT", "/api/v1/beats/W1", {"name_zh": "西一", "cells": [city.WEST], "shifts": [
        {"hours": "00:00-24:00", "inspector": "inspector1"}]})  # fmt: skip
    work = people("manager1").get("/api/v1/workload").json
    assert {one["code"]: one["open"] for one in work["departments"]} == {SANITATION: 1, WORKS: 1}
    assert {one["login"]: (one["open"], one["beats"]) for one in work["people"]} == {
        "sanitation1": (1, []), "inspector1": (0, ["W1"])}  # fmt: skip
    own = people("works1").get("/api/v1/workload").json
    assert [one["code"] for one in own["departments"]] == [WORKS] and own["people"] == []
    assert people("inspector1").get("/api/v1/workload").status_code == 403


def test_jurisdictions_nest(people, city_runtime):
    """A department sees its own cases and those of the departments below it; a person of an area only that area's."""
    life = Life(city_runtime)
    west, east = life.handled(), life.handled(place=city.IN_EAST)
    with city_runtime.transaction() as session:
        session.execute(text("INSERT INTO city.department (code, name_zh, kind) VALUES ('head', '城管局', 'other')"))
        session.execute(text("UPDATE city.department SET parent_code = 'head' WHERE code = :code"),
                        {"code": SANITATION})  # fmt: skip
        session.execute(text("UPDATE city.person SET department_code = 'head' WHERE login = 'works1'"))
        session.execute(text("UPDATE city.person SET area_code = :area WHERE login IN ('dispatcher1', 'manager1')"),
                        {"area": city.EAST})  # fmt: skip

    def seen(login: str) -> set[str]:
        return {one["id"] for one in people(login).get("/api/v1/cases").json["features"]}

    assert seen("works1") == seen("sanitation1") == seen("acceptor1") == {west, east}
    assert seen("dispatcher1") == {east}
    assert people("dispatcher1").get(f"/api/v1/cases/{west}").json["code"] == "cases.case-unknown"
    with city_runtime.transaction() as session:
        session.execute(text("UPDATE city.department SET parent_code = NULL"))
    assert seen("works1") == set()
    assert people("manager1").get("/api/v1/workload").json["departments"][0]["open"] == 1
