"""The city's own login service: a real provider on a port of its own, asked over HTTP."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from joserfc.jwk import RSAKey
from sqlalchemy import text

from tests.accounts import login_service
from tests.accounts.login_service import Service
from webgis.accounts import operations, queries
from webgis.app import create_app


@pytest.fixture(scope="module")
def provider() -> Iterator[Service]:
    with login_service.running() as service:
        yield service


@pytest.fixture
def service(provider) -> Service:
    provider.claims = {"sub": "0001", "preferred_username": "acceptor1"}
    provider.signed_with = None
    return provider


@pytest.fixture
def city_with(clone, city_template, service):
    """A function that gives the application of the small city with this login service."""
    opened = []

    def make(**changes):
        about = {"oidc_issuer": service.issuer, "oidc_client_id": "webgis", "oidc_client_secret": login_service.SECRET}
        context = clone(city_template, **(about | changes))
        settings = context.__enter__()
        app = create_app(settings)
        app.testing = True
        opened.append((context, app))
        return app

    yield make
    for context, app in opened:
        app.extensions["webgis"].dispose()
        context.__exit__(None, None, None)


def _go(client, path="/login/service"):
    """Through the service and back, as a browser goes; the last answer."""
    away = client.get(path)
    assert away.status_code == 302, away.text
    back = requests.get(away.location, allow_redirects=False, timeout=20)
    assert back.status_code == 302, back.text
    return client.get(back.headers["Location"])


def test_who_is_known_there_is_logged_in_here_with_pkce_and_lands_where_they_wanted(city_with):
    app = city_with()
    client = app.test_client()
    assert "OIDC" in client.get("/login").text
    asked = parse_qs(urlsplit(client.get("/login/service").location).query)
    assert asked["code_challenge_method"] == ["S256"] and asked["nonce"] and asked["state"]
    answer = _go(client, "/login/service?next=/account")
    assert answer.status_code == 302 and answer.location == "/account"
    assert client.get("/account").status_code == 200


def test_an_account_is_found_by_its_login_once_and_by_who_it_is_ever_after(city_with, service):
    app = city_with()
    runtime = app.extensions["webgis"]
    assert _go(app.test_client()).status_code == 302
    service.claims = {"sub": "0002", "preferred_username": "acceptor1"}
    assert _go(app.test_client()).status_code == 403, "the login was given to someone else over there"
    service.claims = {"sub": "0001", "preferred_username": "renamed"}
    assert _go(app.test_client()).status_code == 302
    with runtime.transaction() as session:
        operations.set_active(session, "acceptor1", False)
    assert _go(app.test_client()).status_code == 403


def test_accounts_are_made_only_where_a_setting_says_so(city_with, service):
    service.claims = {"sub": "0009", "preferred_username": "newcomer", "name": "新来的"}
    refused = _go(city_with().test_client())
    assert refused.status_code == 403 and "没有您的账号" in refused.text or "no account here" in refused.text
    app = city_with(oidc_role="inspector")
    assert _go(app.test_client()).status_code == 302
    with app.extensions["webgis"].transaction() as session:
        made = queries.person_by_login(session, "newcomer")
        assert (made.name, made.role) == ("新来的", "inspector")
        told = session.execute(text("SELECT action FROM city.admin_event WHERE subject = 'newcomer' ORDER BY id"))
        assert told.scalars().all() == ["people.add", "people.service"]


def test_what_is_forged_repeated_or_not_of_this_browser_lets_nobody_in(city_with, service):
    app = city_with()
    client = app.test_client()
    back = requests.get(client.get("/login/service").location, allow_redirects=False, timeout=20).headers["Location"]
    assert app.test_client().get(back).status_code == 422, "another browser's state"
    assert client.get(back).status_code == 302
    assert client.get(back).status_code == 422, "the same code again"
    service.signed_with = RSAKey.generate_key(2048, {"kid": "one"})
    assert _go(app.test_client()).status_code == 422, "signed with another key"
    assert app.test_client().get("/login/service/back?error=access_denied").status_code == 422


def test_a_service_that_does_not_answer_is_said(city_with):
    app = city_with(oidc_issuer="http://127.0.0.1:9")
    assert app.test_client().get("/login/service").status_code == 503


def test_without_the_setting_there_is_no_service(city_app):
    assert city_app.test_client().get("/login/service").status_code == 404
