"""The drawn copy: what everyone may know, in files that a browser runs under the site's own policy."""

import json
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from tests import city
from webgis import jobs
from webgis.accounts import queries as accounts
from webgis.cases import evidence, intake
from webgis.db import Runtime
from webgis.maps import drawing, tasks
from webgis.worker import import_tasks

SECRET = "张贴在家门口 </script> {{ 7*7 }} ${alert(1)}"


@pytest.fixture
def drawn_city(city_runtime) -> Runtime:
    """The small city with two reports in it."""
    report(city_runtime, city.IN_WEST)
    report(city_runtime, city.IN_EAST)
    return city_runtime


def report(runtime: Runtime, place: tuple[float, float]) -> str:
    stored = evidence.store(runtime.settings, [city.photo()])
    with runtime.transaction() as session:
        given = intake.Report(*place, "matter", city.REFUSE, SECRET, address="秘密路 1 号")
        actor = accounts.actor(session, "inspector1")
        return intake.report(session, runtime.settings, actor, given, stored, at=datetime.now(UTC))


def draw(runtime: Runtime):
    with runtime.transaction() as session:
        return tasks.draw(session, runtime.settings)


def block(page: str, name: str) -> dict:
    return json.loads(re.search(rf'id="{name}">(.*?)</script>', page, re.S)[1])


def test_the_copy_tells_state_class_and_cell_and_nothing_of_what_people_said_or_where_exactly(drawn_city):
    page = draw(drawn_city).read_text()
    assert "家门口" not in page and "秘密路" not in page and "inspector1" not in page
    shown = block(page, "cases-data")["features"]
    assert len(shown) == 2
    for one in shown:
        assert "description" not in one["properties"]
        assert one["geometry"]["coordinates"] not in ([*city.IN_WEST], [*city.IN_EAST])
    with drawn_city.transaction() as session:
        centres = session.execute(
            text("SELECT ST_X(c), ST_Y(c) FROM (SELECT ST_Centroid(geom) c FROM city.cell) cells")
        ).all()
    assert {tuple(one["geometry"]["coordinates"]) for one in shown} <= {
        (round(lon, 6), round(lat, 6)) for lon, lat in centres
    }


def test_the_copy_has_the_boundaries_the_citys_language_and_no_inline_script(drawn_city):
    page = draw(drawn_city).read_text()
    assert {one["properties"]["level"] for one in block(page, "areas-data")["features"]} == {"county", "subdistrict"}
    assert "<title>案件地图</title>" in page and 'lang="zh-CN"' in page
    for attributes in re.findall(r"<script([^>]*)>", page):
        assert "src=" in attributes or 'type="application/json"' in attributes
    assert not re.search(r'(src|href)="https?:|url\(.?https?:', page)


def test_the_copy_is_served_to_everyone_from_the_folder_of_the_settings(drawn_city, city_app):
    client = city_app.test_client()
    assert client.get("/static/maps/drawn/cases.html").status_code == 404
    path = draw(drawn_city)
    assert path.parent == drawn_city.settings.maps_dir
    page = client.get("/static/maps/drawn/cases.html")
    assert page.status_code == 200
    script = re.search(r'src="(cases\.\d+\.js)"', page.text)[1]
    assert client.get(f"/static/maps/drawn/{script}").status_code == 200
    assert client.get("/static/maps/drawn/../../../pyproject.toml").status_code == 404


def test_only_the_last_two_scripts_are_kept_and_no_half_written_file_is_left(drawn_city):
    folder = {draw(drawn_city).parent for _time in range(4)}.pop()
    assert len(list(folder.glob("cases.*.js"))) == 2
    assert not list(folder.glob(".*"))


def test_many_changes_make_one_drawing(drawn_city, monkeypatch):
    import_tasks()
    settings = drawn_city.settings
    monkeypatch.setenv("WEBGIS_DATABASE_URL", settings.database)
    monkeypatch.setenv("WEBGIS_REDIS_URL", settings.redis)
    monkeypatch.setenv("WEBGIS_MAPS_DIR", str(settings.maps_dir))
    with drawn_city.transaction() as session:
        jobs.enqueue(session, "maps.draw_cases", queue="slow")
        session.execute(text("UPDATE city.outbox SET due_at = now()"))
        waiting = session.scalar(text("SELECT count(*) FROM city.outbox WHERE task = 'maps.draw_cases'"))
    assert waiting >= 2
    assert jobs.drain(drawn_city, "slow") == 1
    assert (settings.maps_dir / drawing.PAGE).is_file()


def test_an_empty_city_can_be_drawn(runtime):
    page = draw(runtime).read_text()
    assert block(page, "cases-data")["features"] == []
