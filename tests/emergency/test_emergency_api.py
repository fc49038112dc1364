"""The API of emergencies: the way of one from its opening to its report, and who is told what."""

import pytest

from tests import city
from tests.emergency.scene import people
from tests.emergency.test_cap_inbox import message

ROOT = "/api/v1/emergencies"
OPEN = {"kind": "waterlogging", "title": "下穿隧道积水", "level": 3, "crs": "cgcs2000"}
OPEN |= {"lon": city.IN_WEST[0], "lat": city.IN_WEST[1]}


@pytest.fixture
def ask(city_runtime, api):
    with city_runtime.transaction() as session:
        people(session)
    clients = {}

    def request(login, path="", body=None, **given):
        client = clients.setdefault(login, api(login))
        if given:
            return client.client.post(ROOT + path, headers=client.headers, **given)
        return client.get(ROOT + path) if body is None else client.post(ROOT + path, body)

    return request


def test_the_way_of_an_emergency(ask):
    made = ask("dispatcher1", "", OPEN)
    assert made.status_code == 201 and made.mimetype == "application/geo+json"
    number = made.get_json()["id"]
    assert made.get_json()["geometry"]["type"] == "MultiPolygon" and made.get_json()["properties"]["leads"]
    seen = ask("drainage1", f"/{number}").get_json()["properties"]
    assert not seen["leads"] and seen["acts"]
    mine = [task for task in seen["tasks"] if task["actions"]]
    assert {task["department_code"] for task in mine} == {"510104-drainage"}
    moved = ask("drainage1", f"/{number}/tasks/{mine[0]['seq']}/finish", {"note": "已抽排"})
    assert [t["state"] for t in moved.get_json()["properties"]["tasks"] if t["seq"] == mine[0]["seq"]] == ["done"]
    assert (
        ask("dispatcher1", f"/{number}/actions/close", {"summary": "结束"}).get_json()["code"] == "emergency.tasks-open"
    )
    for task in seen["tasks"]:
        if task["seq"] != mine[0]["seq"]:
            assert ask("emergency1", f"/{number}/tasks/{task['seq']}/drop", {"note": "不需要"}).status_code == 200
    assert ask("emergency1", f"/{number}/actions/close", {"summary": "积水已退"}).status_code == 200
    told = ask("traffic1", f"/{number}/report").get_json()
    assert told["by_department"]["510104-drainage"]["done"] == 1 and told["summary"] == "积水已退"
    lines = ask("traffic1", f"/{number}/log").get_json()
    assert lines["altered"] == [] and lines["lines"][-1]["action"] == "close"
    cap = ask("traffic1", f"/{number}/cap/2")
    assert cap.mimetype == "application/cap+xml" and b"<msgType>Cancel" in cap.data


def test_actions_name_what_is_wrong(ask):
    number = ask("dispatcher1", "", OPEN).get_json()["id"]
    wrong = (
        ("change", {"level": 9}, 422, "level"),
        ("change", {"level": 3}, 422, "level"),
        ("invite", {}, 422, "departments"),
        ("invite", {"departments": ["nobody"]}, 422, "departments"),
        ("dismiss", {"department": "x"}, 422, "department"),
        ("note", {"words": " "}, 422, "words"),
        ("link", {"case": "12"}, 422, "case"),
        ("add_task", {"words": "x", "department": "510104-works", "minutes": 0}, 422, "minutes"),
        ("forget", {}, 404, None),
        ("note", {"words": "x", "more": 1}, 422, "more"),
    )
    for action, body, status, field in wrong:
        answer = ask("dispatcher1", f"/{number}/actions/{action}", body)
        assert (answer.status_code, answer.get_json().get("field")) == (status, field), (action, body)
    assert [line["action"] for line in ask("dispatcher1", f"/{number}/log").get_json()["lines"]] == ["open", "plan"]


def test_numbers_that_are_none_are_unknown(ask):
    for path in ("/E1", "/E20261122001", "/" + "9" * 300, "/%E5%8F%B7"):
        assert ask("dispatcher1", path).status_code == 404
    assert ask("dispatcher1", f"/cap/{10**30}/decline", {}).status_code == 404
    number = ask("dispatcher1", "", OPEN).get_json()["id"]
    assert ask("dispatcher1", f"/{number}/cap/{10**30}").status_code == 404
    assert ask("dispatcher1", f"/{number}/tasks/{10**30}/start", {}).status_code == 404


def test_lists_hold_what_one_may_see_and_who_asks_in_turns_hears_of_it(ask, api):
    logins = ("dispatcher1", "works1", "sanitation1")
    live = {login: api(login) for login in logins}
    since = {login: live[login].get("/api/v1/live").json["cursor"] for login in logins}
    number = ask("dispatcher1", "", OPEN | {"planned": "no", "departments": ["510104-works"]}).get_json()["id"]
    heard = {login: live[login].get("/api/v1/live", since=since[login]).json["emergencies"] for login in logins}
    assert [(one["number"], one["action"]) for one in heard["works1"]] == [(number, "open")]
    assert heard["dispatcher1"] == heard["works1"] and heard["sanitation1"] == []
    listed = {login: [one["id"] for one in ask(login, "?state=open").get_json()["features"]] for login in logins}
    assert listed == {"dispatcher1": [number], "works1": [number], "sanitation1": []}


def test_maps_are_drawn_anew_after_every_act(ask, api):
    def version():
        return api("acceptor1").get("/maps/version").json["cases"]

    versions = [version()]
    number = ask("dispatcher1", "", OPEN | {"planned": "no"}).get_json()["id"]
    versions.append(version())
    ask("dispatcher1", f"/{number}/actions/change", {"radius_m": 900})
    assert len({*versions, version()}) == 3


@pytest.mark.parametrize("given", [True, "yes"])
def test_an_exercise_is_opened_by_a_truth_value_or_a_word(ask, given):
    told = ask("dispatcher1", "", OPEN | {"exercise": given, "planned": False}).get_json()["properties"]
    assert told["exercise"] is True and told["tasks"] == []


def test_the_answer_says_that_a_message_is_our_own(ask):
    number = ask("dispatcher1", "", OPEN | {"planned": "no"}).get_json()["id"]
    ours = ask("dispatcher1", f"/{number}/cap/1").data
    back = ask("dispatcher1", "/cap", data=ours, content_type="application/cap+xml")
    told = back.get_json()
    assert (back.status_code, told["proposal"], told["known"], told["ours"]) == (200, None, True, number)
    assert ask("manager1", "/cap").get_json() == []


def test_a_cap_message_comes_in_over_http(ask):
    sent = {"data": message(), "content_type": "application/cap+xml"}
    assert ask("dispatcher1", "/cap", **sent).status_code == 201
    assert ask("dispatcher1", "/cap", **sent).status_code == 200
    assert ask("drainage1", "/cap", **sent).status_code == 403
    refused = ask("dispatcher1", "/cap", data=b"<alert/>", content_type="application/xml")
    assert (refused.status_code, refused.get_json()["code"]) == (422, "emergency.bad-cap")
    assert ask("dispatcher1", "/cap", data=b"x" * 700_000, content_type="application/xml").status_code == 413
    (waiting,) = ask("manager1", "/cap").get_json()
    made = ask("manager1", f"/cap/{waiting['id']}/accept", {"level": 1})
    assert made.get_json()["properties"]["level"] == 1 and ask("manager1", "/cap").get_json() == []


def test_what_is_near_comes_with_metres(ask):
    number = ask("dispatcher1", "", OPEN).get_json()["id"]
    assert ask("dispatcher1", f"/{number}/resources?within=100").get_json() == {"resources": [], "crews": []}
    assert ask("dispatcher1", f"/{number}/resources?within=-1").status_code == 422
    assert set(ask("works1", "/plans").get_json()) >= {"fire", "metro"}
