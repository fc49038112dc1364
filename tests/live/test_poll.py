"""Listening in turns: what was told is confirmed only to whom it was told."""

import pytest

from tests.cases.life import Life


@pytest.fixture
def told(api, city_runtime):
    """A function that asks as a login with the ETag of an answer before."""
    Life(city_runtime).filed()

    def ask(login: str, tag: str = ""):
        own = api(login)
        return own.client.get("/api/v1/live?since=0.0.0.0", headers=own.headers | {"If-None-Match": tag})

    return ask


def test_nothing_new_is_told_once(told):
    first = told("acceptor1")
    assert len(first.json["cases"]) == 2 and told("acceptor1", first.headers["ETag"]).status_code == 304


def test_another_person_at_the_same_browser_is_not_shown_what_was_told_before(told):
    """Browsers keep the answer by its address and show it again when the server says 304."""
    tag = told("acceptor1").headers["ETag"]
    answer = told("works1", tag)
    assert answer.status_code == 200 and answer.json["cases"] == []
