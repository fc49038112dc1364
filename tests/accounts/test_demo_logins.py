"""The login page of a demo: its posts by one press, for browsers on this machine and only where the setting says so."""

import json
import re

import pytest

from tests import city
from webgis.accounts import demo_logins
from webgis.app import create_app

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
POSTS = [
    ("inspector1", "inspector"),
    ("acceptor1", "acceptor"),
    ("sanitation1", "department"),
    ("works1", "department"),
]


@pytest.fixture
def opened(make_settings, city_template):
    """A function that gives a client of the small city, whose accounts stand in the demo's file."""

    def open_(**changes):
        settings = make_settings(city_template, **({"demo_login": True} | changes))
        rows = [{"login": login, "name": login, "role": role, "password": city.PASSWORD} for login, role in POSTS]
        demo_logins.file(settings).write_text(json.dumps(rows))
        app = create_app(settings)
        app.testing = True
        return app.test_client()

    return open_


def press(client, login: str, **environment):
    token = TOKEN.search(client.get("/login", **environment).text)[1]
    return client.post("/login/demo", data={"csrf_token": token, "login": login}, **environment)


def test_one_press_logs_in_as_a_post_and_no_password_is_told(opened):
    client = opened()
    page = client.get("/login", headers={"Accept-Language": "zh-CN"}).text
    assert "演示城市" in page and 'value="inspector1"' in page and "sanitation1" in page and city.PASSWORD not in page
    done = press(client, "sanitation1")
    assert (done.status_code, done.location) == (302, "/")
    assert client.get("/department").status_code == 200


@pytest.mark.parametrize(
    ("changes", "environment"),
    [
        ({"demo_login": False}, {}),
        ({}, {"environ_base": {"REMOTE_ADDR": "10.1.2.3"}}),
        ({}, {"headers": {"X-Forwarded-For": "10.1.2.3"}}),
        ({}, {"headers": {"Host": "city.example:8000"}}),
        ({}, {"headers": {"Host": "127.0.0.1.city.example"}}),
        ({}, {"headers": {"Host": "[::1"}}),
    ],
    ids=["not said", "another machine", "behind a proxy", "by another name", "by a like name", "by no name"],
)
def test_elsewhere_there_is_nothing_to_press(opened, changes, environment):
    client = opened(**changes)
    assert "demo-posts" not in client.get("/login", **environment).text
    assert press(client, "inspector1", **environment).status_code == 404


def test_only_posts_of_the_demo_are_taken(opened):
    assert press(opened(), "administrator1").status_code == 404


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000"])
def test_this_machine_has_several_names(opened, host):
    assert press(opened(), "inspector1", headers={"Host": host}).status_code == 302
