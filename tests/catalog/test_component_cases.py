"""A case on a component, through the API: it goes to who maintains the component, whose state follows the case."""

import pytest

from tests import city
from webgis.accounts import operations as accounts

LAMP, COVER = "01037", "01003"
LIGHTING = "12510104MB0000001X"
"""Credit code of the unit that keeps the lamps."""


@pytest.fixture
def lamp(api, city_runtime) -> str:
    """A lamp in the western community, kept by a department that no filing condition would choose."""
    with city_runtime.transaction() as session:
        accounts.add_department(session, "510104-lighting", "照明所", kind="other", area=city.COUNTY)
        session.connection().exec_driver_sql(
            "UPDATE city.department SET credit_code = %s WHERE code = '510104-lighting'", (LIGHTING,)
        )
        accounts.add_person(session, "lighting1", "照明", "department", city.PASSWORD, department="510104-lighting")
    return add(api)


def add(api, **fields) -> str:
    """Register a lamp; its code."""
    given = {"class": LAMP, "lon": city.IN_WEST[0], "lat": city.IN_WEST[1], "maintainer_code": LIGHTING} | fields
    answer = api("administrator1").post("/api/v1/components", given)
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()["id"]


def report(api, lamp: str, **changed):
    """What an inspector gets for a report on a component."""
    given = {"lon": city.IN_WEST[0], "lat": city.IN_WEST[1], "kind": "component", "class": LAMP,
             "description": "路灯不亮", "component": lamp} | changed  # fmt: skip
    given = {name: value for name, value in given.items() if value is not None}
    return api("inspector1").post("/api/v1/cases", given, [city.photo()])


def reported(api, component: str) -> str:
    answer = report(api, component)
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()["properties"]["number"]


def act(api, login: str, number: str, action: str, **fields) -> dict:
    answer = api(login).post(f"/api/v1/cases/{number}/actions/{action}", fields)
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()["properties"]


def file(api, number: str) -> None:
    (condition, *_) = api("acceptor1").get(f"/api/v1/cases/{number}").get_json()["properties"]["conditions"]
    act(api, "acceptor1", number, "file", condition=condition["id"])


def close(api, number: str) -> None:
    """From report to close; the rules choose the department."""
    file(api, number)
    sent = act(api, "dispatcher1", number, "dispatch", department="auto")
    assert sent["department"] == "510104-lighting"
    act(api, "lighting1", number, "receive")
    act(api, "lighting1", number, "resolve", note="已更换灯泡")
    act(api, "inspector2", number, "verify", result="pass", lon=city.IN_WEST[0], lat=city.IN_WEST[1])
    act(api, "acceptor1", number, "close")


def story(api, component: str) -> list[tuple[str, str, str | None]]:
    """(action, state after it, reason) of each line of a component's history."""
    told = api("inspector1").get(f"/api/v1/components/{component}").get_json()["properties"]
    assert told["state"] == told["history"][-1]["state"]
    return [(line["action"], line["state"], line["reason"]) for line in told["history"]]


def test_a_lamp_is_damaged_while_its_case_is_open_and_intact_when_it_is_closed(api, lamp):
    number = reported(api, lamp)
    assert story(api, lamp)[-1] == ("case_opened", "damaged", number)
    close(api, number)
    assert story(api, lamp) == [
        ("registered", "intact", None),
        ("case_opened", "damaged", number),
        ("case_closed", "intact", number),
    ]


def test_it_goes_to_the_department_that_maintains_the_component_and_the_event_says_why(api, lamp):
    number = reported(api, lamp)
    file(api, number)
    act(api, "dispatcher1", number, "dispatch", department="auto")
    sent = api("manager1").get(f"/api/v1/cases/{number}/events").get_json()["features"][-1]["properties"]
    assert sent["department"] == "510104-lighting" and sent["facts"]["why"]["rule"] == "component-maintainer"


def test_a_case_that_is_opened_again_damages_its_component_again(api, lamp):
    number = reported(api, lamp)
    close(api, number)
    act(api, "acceptor1", number, "reopen", reason="又不亮了")
    assert story(api, lamp)[-1] == ("case_opened", "damaged", number)


def test_of_two_cases_the_last_to_close_makes_it_intact(api, lamp):
    first, second = reported(api, lamp), reported(api, lamp)
    close(api, first)
    assert story(api, lamp)[-1] == ("case_opened", "damaged", first)
    close(api, second)
    assert story(api, lamp)[-1] == ("case_closed", "intact", second)


def test_a_rejected_report_leaves_the_component_as_it_was(api, lamp):
    number = reported(api, lamp)
    act(api, "acceptor1", number, "reject", reason="灯是亮的")
    assert story(api, lamp)[-1] == ("case_closed", "intact", number)


@pytest.mark.parametrize(
    ("changed", "field", "accepted"),
    [
        ({"component": "51010401037000009"}, "component", "17-digit"),
        ({"component": "1037"}, "component", ""),
        ({"class": COVER}, "class", LAMP),
        ({"kind": "matter", "class": city.REFUSE}, "kind", "component"),
    ],
)
def test_a_report_that_does_not_fit_its_component_is_refused_and_changes_nothing(api, lamp, changed, field, accepted):
    answer = report(api, lamp, **changed)
    told = answer.get_json()
    assert answer.status_code == 422 and told["field"] == field and accepted in str(told["accepted"])
    assert story(api, lamp) == [("registered", "intact", None)]
    assert api("acceptor1").get("/api/v1/cases").get_json()["features"] == []


def test_a_case_takes_the_class_of_its_component(api, lamp):
    told = report(api, lamp, kind=None, **{"class": None}).get_json()
    assert (told["properties"]["kind"], told["properties"]["class"]) == ("component", LAMP)


def test_a_report_without_a_component_needs_a_class(api, lamp):
    answer = report(api, None, kind="matter", **{"class": None})
    assert answer.status_code == 422 and answer.get_json()["field"] == "class"


def test_a_case_of_another_class_lets_go_of_its_component(api, lamp):
    number = reported(api, lamp)
    told = act(api, "acceptor1", number, "reclassify", kind="component", **{"class": COVER})
    assert told["component"] is None
    assert story(api, lamp)[-1] == ("case_closed", "intact", number)


def test_a_rejected_report_repairs_nothing(api, lamp):
    api("administrator1").client.patch(
        f"/api/v1/components/{lamp}", json={"state": "damaged"}, headers=api("administrator1").headers
    )
    act(api, "acceptor1", reported(api, lamp), "reject", reason="已有案件")
    assert story(api, lamp)[-1] == ("edited", "damaged", None)
