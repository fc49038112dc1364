"""Snapshots: files that need no server, in which nobody is recognised; and those of a person, with their rights."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests import city
from webgis import jobs
from webgis.accounts import queries as accounts
from webgis.cases import evidence, intake
from webgis.db import Runtime
from webgis.maps import bundle, snapshots, tasks
from webgis.worker import import_tasks

SECRET = "张贴在家门口 </script> {{ 7*7 }} ${alert(1)}"


@pytest.fixture
def drawn_city(city_runtime) -> Runtime:
    """The small city with six reports in the west and two in the east."""
    for _number in range(6):
        report(city_runtime, city.IN_WEST)
    for _number in range(2):
        report(city_runtime, city.IN_EAST)
    return city_runtime


def report(runtime: Runtime, place: tuple[float, float]) -> str:
    stored = evidence.store(runtime.settings, [city.photo()])
    with runtime.transaction() as session:
        given = intake.Report(*place, "matter", city.REFUSE, SECRET, address="秘密路 1 号", acknowledged=True)
        actor = accounts.actor(session, "inspector1")
        return intake.report(session, runtime.settings, actor, given, stored, at=datetime.now(UTC)).number


def draw(runtime: Runtime):
    with runtime.transaction() as session:
        return tasks.draw(session, runtime.settings)


def facts(page: str) -> dict:
    return json.loads(re.search(r'id="webgis-map">(.*?)</script>', page, re.S)[1])


def test_the_public_one_counts_and_tells_nothing_small_and_nothing_of_single_cases(drawn_city):
    page = draw(drawn_city).read_text()
    for secret in ("家门口", "秘密路", "inspector1", "510104017001001", "20261"):
        assert secret not in page.replace("Drawn 2026", "")
    data = facts(page)["data"]
    counts = {one["code"]: one.get("count") for one in data["areas"]}
    assert counts == {city.COUNTY: 6, city.SUBDISTRICT: 6, city.WEST: 6, city.EAST: None}, "8 and 6 would tell of 2"
    assert [count for _x, _y, count in data["bins"]] == [6]


def test_it_is_drawn_in_both_languages_and_each_reader_is_shown_their_own(drawn_city, city_app):
    own = draw(drawn_city)
    english = own.with_name("cases.en.html").read_text()
    assert "<title>Map of cases</title>" in english and facts(english)["data"] == facts(own.read_text())["data"]
    for language, name in (("en", "cases.en.html"), ("zh-CN", "cases.html")):
        page = city_app.test_client().get("/public", headers={"Accept-Language": language}).text
        assert f'<iframe src="/static/maps/drawn/{name}"' in page


def test_the_steps_of_its_legend_begin_with_the_smallest_count_that_is_told(drawn_city):
    assert facts(draw(drawn_city).read_text())["least"] == snapshots.LEAST


def test_it_is_in_the_citys_language_and_needs_no_other_file(drawn_city):
    page = draw(drawn_city).read_text()
    assert "<title>案件地图</title>" in page and 'lang="zh-CN"' in page
    assert not re.search(r"""<(?:script|link|img)[^>]* (?:src|href)="(?!data:,)""", page)
    assert "少于 5 件的不显示" in facts(page)["attribution"]


def test_it_is_served_to_everyone_under_its_own_policy_and_a_copy_stays_with_its_day(drawn_city, city_app):
    client = city_app.test_client()
    assert client.get("/static/maps/drawn/cases.html").status_code == 404
    path = draw(drawn_city)
    assert path.parent == drawn_city.settings.maps_dir
    page = client.get("/static/maps/drawn/cases.html")
    assert page.status_code == 200
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'sha256-" in policy and "default-src 'none'" in policy
    day = datetime.now(drawn_city.settings.zone).strftime("%Y-%m-%d")
    assert client.get(f"/static/maps/drawn/cases-{day}.html").status_code == 200
    assert not list(path.parent.glob(".*"))


@pytest.mark.parametrize(
    "way", ["../secret.html", "%2e%2e/secret.html", "../secret.html?save", ".secret.html", "down/secret.html"]
)
def test_everyone_may_read_the_public_ones_and_no_other_file(drawn_city, city_app, way):
    folder = draw(drawn_city).parent
    (folder / "down").mkdir()
    for place in (folder.parent / "secret.html", folder / ".secret.html", folder / "down" / "secret.html"):
        place.write_text("secret")
    answer = city_app.test_client().get(f"/static/maps/drawn/{way}")
    assert answer.status_code == 404
    assert b"secret<" not in answer.data and answer.data != b"secret"


@pytest.fixture
def worker(drawn_city, monkeypatch) -> Runtime:
    """The settings of the small city in the environment, as a worker has them."""
    import_tasks()
    settings = drawn_city.settings
    monkeypatch.setenv("WEBGIS_DATABASE_URL", settings.database)
    monkeypatch.setenv("WEBGIS_REDIS_URL", settings.redis)
    monkeypatch.setenv("WEBGIS_MAPS_DIR", str(settings.maps_dir))
    monkeypatch.setenv("WEBGIS_VAR_DIR", str(settings.var_dir))
    with drawn_city.transaction() as session:
        session.execute(text("DELETE FROM city.outbox WHERE task NOT LIKE 'maps.draw%'"))
    return drawn_city


def test_many_changes_make_one_drawing(worker):
    with worker.transaction() as session:
        jobs.enqueue(session, "maps.draw_cases", queue="slow")
        session.execute(text("UPDATE city.outbox SET due_at = now()"))
        waiting = session.scalar(text("SELECT count(*) FROM city.outbox WHERE task = 'maps.draw_cases'"))
    assert waiting >= 2
    assert jobs.drain(worker, "slow") == 1
    assert (worker.settings.maps_dir / snapshots.PUBLIC).is_file()


def test_a_person_asks_for_one_follows_it_and_alone_may_read_it(worker, api):
    asked = api("manager1").post("/maps/snapshots", {"page": "heat"})
    assert asked.status_code == 202
    assert api("manager1").get(asked.json["state"]).json == {"percent": 0, "address": None}
    jobs.drain(worker, "slow")
    state = api("manager1").get(asked.json["state"]).json
    assert state["percent"] == 100
    page = api("manager1").get(state["address"])
    counts = {one["code"]: one.get("count") for one in facts(page.text)["data"]["areas"]}
    assert counts[city.EAST] == 2
    assert api("acceptor1").get(state["address"]).status_code == 404
    assert api("acceptor1").get(asked.json["state"]).status_code == 200  # so far as it is: nothing of its content


def test_one_of_a_department_counts_what_the_department_may_see(worker, api):
    asked = api("sanitation1").post("/maps/snapshots", {})
    jobs.drain(worker, "slow")
    page = api("sanitation1").get(api("sanitation1").get(asked.json["state"]).json["address"])
    assert facts(page.text)["data"]["bins"] == []


@pytest.mark.parametrize("wrong", [{"page": "moon"}, {"state": "asleep"}, {"since": "yesterday"}])
def test_what_there_is_not_cannot_be_asked_for(worker, api, wrong):
    refused = api("manager1").post("/maps/snapshots", wrong)
    assert refused.status_code == 422
    assert api("manager1").get("/maps/snapshots/a-name-of-no-snapshot/state").status_code == 404


def test_old_ones_of_persons_are_removed(settings):
    made = snapshots.write(snapshots.own_file(settings, 1, "old"), "page")
    assert snapshots.forget_old(settings, datetime.now(UTC)) == 0
    assert snapshots.forget_old(settings, datetime.now(UTC) + timedelta(days=snapshots.KEPT_DAYS + 1)) == 1
    assert not made.exists()


def test_an_empty_city_can_be_drawn(runtime):
    assert facts(draw(runtime).read_text())["data"] == {"areas": [], "bins": [], "bin_zoom": 16}


def test_a_bundle_holds_each_module_once_and_before_those_that_need_it():
    made = bundle.bundled("drawn.js")
    names = re.findall(r'^webgisModules\["([\w.]+)"\] = ', made, re.M)
    assert len(names) == len(set(names)) and names[-1] == "drawn.js"
    for name in names:
        body = made[made.index(f'webgisModules["{name}"] = ') :]
        needed = re.findall(r'= webgisModules\["([\w.]+)"\];', body[: body.index("\n})();")])
        assert all(names.index(other) < names.index(name) for other in needed)
