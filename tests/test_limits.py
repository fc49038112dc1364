"""One asker gets so many answers and then waits; another is not held up; without Redis it is counted all the same."""

import re
from contextlib import contextmanager

import pytest

from tests import city
from webgis import limits, web
from webgis.app import create_app
from webgis.db import Runtime

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@contextmanager
def _served(settings):
    app = create_app(settings)
    app.testing = True
    yield app
    app.extensions["webgis"].engine.dispose()


@pytest.fixture
def login(city_settings):
    """A function that tries to log in with a password, from an address; three failures are allowed."""
    with _served(city_settings.model_copy(update={"login_limit": "3 per 5 minutes"})) as app:

        def attempt(name, password, address="192.0.2.1", **headers):
            client = app.test_client()
            given = {"headers": headers, "environ_base": {"REMOTE_ADDR": address}}
            token = TOKEN.search(client.get("/login", **given).text)[1]
            fields = {"csrf_token": token, "login": name, "password": password}
            return client.post("/login", data=fields, **given)

        yield attempt


def test_failed_logins_to_one_account_from_one_address_are_limited(login):
    assert [login("manager1", "wrong").status_code for _ in range(3)] == [422] * 3
    refused = login("Manager1", city.PASSWORD)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 301
    assert login("acceptor1", city.PASSWORD).status_code == 302
    assert login("manager1", city.PASSWORD, "192.0.2.2").status_code == 302


def test_logins_that_succeed_are_not_counted(login):
    assert {login("manager1", city.PASSWORD).status_code for _ in range(6)} == {302}


@pytest.mark.parametrize(
    ("language", "title", "said"), [("zh-CN", "操作过于频繁", "请等待"), ("en", "Too many at once", "Wait")]
)
def test_who_asks_too_much_is_told_how_long_to_wait(login, language, title, said):
    for _ in range(3):
        login("manager1", "wrong")
    page = login("manager1", "wrong", **{"Accept-Language": language, "Accept": "text/html"}).text
    assert f"<h1>{title}</h1>" in page and said in page


def test_a_program_is_told_in_facts(login):
    for _ in range(3):
        login("manager1", "wrong")
    problem = login("manager1", "wrong", Accept="application/json").json
    assert (problem["code"], problem["accepted"]) == ("web.too-many-requests", "3 per 5 minute")
    assert problem["retry_after_s"] > 0


def test_without_redis_each_process_counts_for_itself(settings, tmp_path):
    nowhere = {"redis_url": f"unix://{tmp_path}/nobody.sock", "follow_limit": "1 per hour"}
    with _marked(type(settings)(**(settings.model_dump() | nowhere))) as client:
        assert [client.get("/api/v1/once").status_code for _ in range(2)] == [200, 429]


def test_addresses_of_one_home_are_one_asker(settings):
    with _marked(settings.model_copy(update={"follow_limit": "1 per hour"})) as client:
        asked = [
            client.get("/api/v1/once", environ_base={"REMOTE_ADDR": address}).status_code
            for address in ("2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:2::1", "192.0.2.9", "192.0.2.10")
        ]
    assert asked == [200, 429, 200, 200, 200]


@contextmanager
def _marked(settings):
    """A client of an application with a view that may be asked as often as `follow_limit` says."""
    app = web.make_app(Runtime(settings), lambda: None, lambda _actor, _action: None)

    @app.get("/api/v1/once")
    @web.open_to_all
    @limits.at_most("follow_limit")
    def once():
        return {"done": True}

    limits.start(app)
    yield app.test_client()
