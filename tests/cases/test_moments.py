"""Every moment leaves the API in one form: RFC 3339, whole seconds, with the city's offset."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests import city
from tests.cases.channel_stories import taken
from tests.cases.life import Life

MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
OURS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00")


def _moments(value: Any) -> Iterator[str]:
    """The moments in an answer; what a person gave with a step stays as they gave it, and words are words."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name != "given" and not name.startswith("explanation"):
                yield from _moments(part)
    elif isinstance(value, list):
        for part in value:
            yield from _moments(part)
    elif isinstance(value, str) and MOMENT.match(value):
        yield value


@pytest.fixture
def told(api, city_runtime):
    """A function that asks the API; the moments in its answer."""
    life = Life(city_runtime)
    life.passes(microseconds=123456)
    number = life.handled()
    asked = life.ask("sanitation1", number, "extension")
    life.answer("dispatcher1", asked.id, "decide", True)
    receipt = taken(life)

    def ask(login: str, path: str, **given) -> list[str]:
        answer = api(login).get(path.format(number=number, secret=receipt.secret), **given)
        assert answer.status_code == 200, answer.text
        return list(_moments(answer.json))

    return ask


IN_WEST = {"lon": city.IN_WEST[0], "lat": city.IN_WEST[1], "crs": "cgcs2000"}


@pytest.mark.parametrize(
    ("login", "path", "given"),
    [
        ("manager1", "/api/v1/cases", {}),
        ("manager1", "/api/v1/cases/{number}", {}),
        ("manager1", "/api/v1/cases/{number}/events", {}),
        ("manager1", "/api/v1/cases/{number}/clock", {}),
        ("manager1", "/api/v1/cases/{number}/requests", {}),
        ("manager1", "/api/v1/public/cases/{secret}", {}),
        ("manager1", "/api/v1/workload", {}),
        ("manager1", "/api/v1/grid/cell", IN_WEST),
    ],
)
def test_moments_have_the_citys_offset_and_whole_seconds(told, login, path, given):
    moments = told(login, path, **given)
    assert moments and [one for one in moments if not OURS.fullmatch(one)] == []


def test_moments_of_rules_and_of_refusals_too(api, city_runtime):
    made = api("administrator1").post("/api/v1/routing/sets", {"name": "试"})
    assert made.status_code == 201 and [one for one in _moments(made.json) if not OURS.fullmatch(one)] == []
    number = Life(city_runtime).filed()
    assert api("dispatcher1").post(f"/api/v1/cases/{number}/claim").status_code == 200
    refused = api("dispatcher2").post(f"/api/v1/cases/{number}/actions/dispatch", {"department": "510104-sanitation"})
    assert refused.json["code"] == "cases.claimed" and OURS.fullmatch(refused.json["until"])
