"""The edge: errors as problems or pages, headers, languages, health, and what the API says of itself."""

import gzip
import json

import pytest

from webgis.app import create_app
from webgis.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from webgis.web import open_to_all


def _raising(settings, error):
    app = create_app(settings)

    @app.get("/api/v1/boom")
    @open_to_all
    def boom():
        raise error

    return app.test_client().get("/api/v1/boom")


@pytest.mark.parametrize(
    ("kind", "status"), [(Invalid, 422), (Forbidden, 403), (NotFound, 404), (Conflict, 409), (Unavailable, 503)]
)
def test_a_refusal_is_problem_json_with_its_code_and_facts(settings, kind, status):
    answer = _raising(settings, kind("some.code", "What is wrong", field="lon", accepted=[1, 2]))
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    problem = answer.json
    assert problem["type"] == "urn:webgis:error:some.code" and problem["title"] == "What is wrong"
    assert (problem["status"], problem["code"], problem["field"]) == (status, "some.code", "lon")
    assert problem["request_id"] == answer.headers["X-Request-ID"]


def test_what_nobody_expected_is_not_shown(capsys, settings):
    answer = _raising(settings, RuntimeError("the password is hunter2"))
    assert answer.status_code == 500 and "hunter2" not in answer.text
    assert answer.json["request_id"] in answer.json["title"]
    logged = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    assert any(entry.get("request_id") == answer.json["request_id"] and "hunter2" in str(entry) for entry in logged)


def test_an_unknown_address_is_a_problem_for_programs_and_a_page_for_people(app):
    client = app.test_client()
    assert client.get("/api/v1/nothing").json["status"] == 404
    page = client.get("/nothing", headers={"Accept": "text/html", "Accept-Language": "en"})
    assert page.status_code == 404 and page.content_type.startswith("text/html")


def test_a_request_id_is_taken_over_when_it_is_one(client):
    assert client.get("/healthz", headers={"X-Request-ID": "abc-12345"}).headers["X-Request-ID"] == "abc-12345"
    assert client.get("/healthz", headers={"X-Request-ID": "a\tb<script>"}).headers["X-Request-ID"] != "a\tb<script>"


def test_every_answer_carries_the_security_headers(client):
    headers = client.get("/login").headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    ("headers", "cookie", "lang"),
    [({}, None, "zh"), ({"Accept-Language": "en-GB"}, None, "en"), ({"Accept-Language": "en"}, "zh_CN", "zh")],
)
def test_the_language_is_the_chosen_else_the_browsers_else_the_citys(client, headers, cookie, lang):
    if cookie:
        client.set_cookie("lang", cookie)
    assert f'<html lang="{lang}' in client.get("/login", headers=headers).text


def test_health_and_readiness(client):
    assert client.get("/healthz").json == {"status": "ok"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json) == (200, {"status": "ok", "database": "ok", "redis": "ok"})


def test_not_ready_without_redis_or_with_an_unknown_revision(make_settings):
    app = create_app(make_settings(redis_url="unix:///no/such/redis.sock"))
    runtime = app.extensions["webgis"]
    with runtime.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE city.alembic_version SET version_num = '0001_ground'")
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert "webgis db upgrade" in answer.json["database"] and "Redis" in answer.json["redis"]
    runtime.engine.dispose()


def test_a_request_too_large_is_refused_with_the_limit(api, city_app, monkeypatch):
    monkeypatch.setitem(city_app.config, "MAX_CONTENT_LENGTH", 1024 * 1024)
    refused = api("acceptor1").client.post(
        "/api/v1/cases", data=b"x" * 2_000_000, headers=api("acceptor1").headers, content_type="application/json"
    )
    assert refused.status_code == 413, refused.json
    assert refused.json.get("limit_mb") == 1, refused.json


def test_the_api_describes_itself(api):
    spec = api("acceptor1").get("/api/v1/openapi.json").json
    assert spec["openapi"].startswith("3.1")
    report = spec["paths"]["/api/v1/cases"]["post"]
    assert {"application/json", "multipart/form-data"} == set(report["requestBody"]["content"])
    assert "class" in spec["components"]["schemas"]["ReportGiven"]["properties"]
    assert spec["security"] == [{"key": []}]


def test_every_described_operation_has_a_summary(api):
    spec = api("acceptor1").get("/api/v1/openapi.json").json
    bare = [path for path, methods in spec["paths"].items() for about in methods.values() if not about.get("summary")]
    assert bare == []


def test_static_text_goes_out_packed_and_is_not_sent_again_while_it_is_the_same(client):
    plain = client.get("/static/app/icons.svg")
    packed = client.get("/static/app/icons.svg", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip" and "Accept-Encoding" in packed.headers["Vary"]
    assert gzip.decompress(packed.data) == plain.data and len(packed.data) < len(plain.data) / 2
    again = {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]}
    assert client.get("/static/app/icons.svg", headers=again).status_code == 304
    assert "Content-Encoding" not in client.get("/login", headers={"Accept-Encoding": "gzip"}).headers
