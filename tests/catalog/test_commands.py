"""The commands and the API of the catalogue."""

import json

import pytest
from click.testing import CliRunner

from webgis.accounts import operations as accounts
from webgis.catalog import operations
from webgis.catalog.commands import catalog
from webgis.errors import Invalid


@pytest.fixture
def ask(app, client):
    """A function that calls the API with a key and gives status and JSON."""
    with app.extensions["webgis"].transaction() as session:
        operations.load_default_filing_standard(session, "5101")
        accounts.add_person(session, "acceptor", "受理员", "acceptor", "a long enough password 1")
        key = accounts.make_key(session, "acceptor")

    def call(path: str, **query):
        answer = client.get(f"/api/v1/catalog/{path}", query_string=query, headers={"Authorization": f"Bearer {key}"})
        return answer.status_code, answer.get_json()

    return call


OF_SENSORS = {f"1008{number}" for number in range(5)}
"""Classes that the shipped filing standard has besides those of GB/T 47678.5."""


def test_classes_and_their_conditions_over_http(ask):
    status, found = ask("classes", kind="component", q="路灯")
    assert status == 200
    assert ("component", "01037") in [(one["kind"], one["class"]) for one in found["classes"]]
    all_classes = {one["class"] for one in ask("classes", kind="matter")[1]["classes"]}
    assert len(ask("classes")[1]["classes"]) == 403 + len(OF_SENSORS) and all_classes >= OF_SENSORS
    assert len(ask("classes", standard="GB/T 30428.2-2013")[1]["classes"]) == 133

    status, one = ask("classes/matter/06001")
    assert status == 200 and one["name_en"] == "unauthorised structure" and one["major_zh"] == "市容环境类"
    assert [limit["limit"]["text_zh"] for limit in one["conditions"]] == ["2紧急工作日", "15工作日"]
    assert one["conditions"][0]["limit"] == {
        "value": 2,
        "unit": "urgent_day",
        "text_zh": "2紧急工作日",
        "text_en": "2 urgent days",
    }
    assert ask("classes/matter/06001", city="3101")[1]["conditions"] == []

    status, problem = ask("classes/matter/0110")
    assert status == 404 and problem["code"] == "catalog.class-unknown"
    assert problem["accepted"][0]["class"] == "06010"

    for bad in ({"kind": "thing"}, {"standard": "GB 1"}, {"q": "x" * 101}):
        status, problem = ask("classes", **bad)
        assert status == 422 and problem["field"] in bad


def test_the_catalogue_is_closed_to_strangers(client):
    assert client.get("/api/v1/catalog/classes").status_code == 401


def test_commands_load_list_and_activate(runtime, city_file):
    run = CliRunner()

    def call(*words: str) -> str:
        return run.invoke(catalog, list(words), obj=runtime, catch_exceptions=False).output

    assert "609 classes" in call("load")
    call("import", str(city_file), "--code", "town", "--name", "本市", "--standard", "GB/T 30428.2-2013")
    listed = {one["code"]: one["active"] for one in json.loads(call("standards", "--json"))}
    assert listed == {"town": False, "webgis-default": True}
    call("activate", "town")
    listed = {one["code"]: one["active"] for one in json.loads(call("standards", "--json"))}
    assert listed == {"town": True, "webgis-default": False}
    call("load")
    assert json.loads(call("classes", "消防通道", "--json"))[0]["class"] == "09012"


def test_a_bad_file_is_shown_by_row_and_column_and_refused(runtime, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text("kind,class,condition,limit,closing\nmatter,06010,a,soon,b\n", encoding="utf-8")
    result = CliRunner().invoke(catalog, ["import", str(bad), "--code", "x", "--name", "x", "--json"], obj=runtime)
    assert isinstance(result.exception, Invalid)
    fault = json.loads(result.stdout)["faults"][0]
    assert (fault["row"], fault["column"]) == (2, "limit")
