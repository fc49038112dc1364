"""Rules of alarms, distances of the metro, files of construction: what would change is seen, then changed."""

import json

import shapely
from playwright.sync_api import Page, expect

from tests import city
from tests.browser.axe import findings
from tests.browser.test_pages_in_chromium import DESK, OVERFLOW, PHONE
from tests.hazards.watched import ROAD, Watched
from tests.metro.conftest import build
from tests.pages.sending import do
from webgis.hazards import alarm_ladders, alarm_rules
from webgis.metro import construction_traffic

LON, LAT = city.IN_WEST
FACTS = {"name": "西站施工", "project": "一号线", "contractor": "施工单位", "first_day": "2026-06-10"}


def sound(page: Page) -> None:
    """Nothing sticks out, and nothing keeps people out."""
    assert page.evaluate(OVERFLOW) <= 0
    assert findings(page) == []


def look(page: Page, site) -> None:
    """Press the form's button: the page waits, and shows by itself what was found."""
    page.locator("main form[method=post] button.btn-primary[type=submit]").last.click()
    page.locator("[data-work]").wait_for()
    do(site.runtime)
    page.locator("[data-work]").wait_for(state="detached")
    sound(page)


def take(page: Page, site) -> None:
    """What was looked at is taken over."""
    page.locator(".take-form button[type=submit]").click()
    page.locator("[data-work]").wait_for()
    do(site.runtime)
    expect(page.locator(".notice-success")).to_be_visible()
    sound(page)


def test_a_rule_of_alarms_is_tried_on_the_last_days_and_others_are_told(site):
    town = Watched(site.runtime)
    town.tell(ROAD, (50, 0.2), (49, 0.2), (48, 0.2), (30, 0.0), (15, 0.0), (14, 0.0), (5, 0.3), (3, 0.3))
    with site.reader("administrator1", size=PHONE, language="zh-CN", color_scheme="dark") as page:
        page.goto("/admin/alarms")
        sound(page)
        page.locator("a[href='/admin/alarms/rules/depth.road']").click()
        sound(page)
        page.fill("#at-0", "0.25")
        look(page, site)
        expect(page.locator(".sum-row b")).to_have_text(["1", "2", "1", "1 / 1"])
        expect(page.locator(".al-diff").first).to_contain_text("≥ 0.25 m")
        expect(page.locator(f"a[href='/sensors/{ROAD}']")).to_be_visible()
        take(page, site)
        page.goto("/admin/alarms/ladder?rule=depth.road")
        sound(page)
        page.locator("[name=minutes]").first.fill("7")
        page.locator("[name=source]").first.fill("值班规定")
        page.locator("main form[method=post] button.btn-primary").click()
        expect(page.locator(".notice-success")).to_be_visible()
    with site.runtime.transaction() as session:
        assert alarm_rules.require_rule(session, "depth.road").levels[0]["at"] == 0.25
        first = alarm_ladders.ladder(session, "depth.road")[0]
        assert (first.minutes, first.source) == (7, "值班规定")


def test_another_distance_shows_the_zones_that_it_changes(site):
    site.watch.refusals_expected = True
    with site.runtime.transaction() as session:
        build(session)
    with site.reader("administrator1", size=DESK, language="en") as page:
        page.goto("/admin/metro")
        page.locator("a[href='/admin/metro/distances']").click()
        sound(page)
        station = page.locator("tr", has=page.locator("[name=structure_kind][value=underground_station]"))
        row = station.filter(has=page.locator("[name=zone_kind][value=control]"))
        row.locator("[name=metres]").fill("far")
        page.locator("main form[method=post] button.btn-primary").click()
        expect(row.locator("xpath=following-sibling::tr[1]").locator(".field-error")).to_be_visible()
        sound(page)
        row.locator("[name=metres]").fill("60")
        look(page, site)
        told = page.locator(".metro-told").last
        expect(told).to_contain_text("50 m")
        expect(told).to_contain_text("60 m")
        take(page, site)
        page.goto("/metro/structures/west")
        expect(page.locator("td.num", has_text="60")).to_be_visible()


def collection(*features: tuple[shapely.Geometry, dict]) -> dict:
    """A file to be chosen."""
    told = [{"type": "Feature", "geometry": shapely.geometry.mapping(shape), "properties": facts}
            for shape, facts in features]  # fmt: skip
    return {"name": "file.geojson", "mimeType": "application/geo+json",
            "buffer": json.dumps({"type": "FeatureCollection", "features": told}).encode()}  # fmt: skip


def test_files_of_construction_zones_and_routes_are_looked_at_and_mended(site):
    ground = shapely.box(LON - 0.0004, LAT - 0.0004, LON + 0.0004, LAT + 0.0004)
    road = shapely.LineString([(LON, LAT), (LON + 0.001, LAT)])
    with site.reader("administrator1", size=PHONE, language="en") as page:
        page.goto("/admin/construction")
        sound(page)
        page.set_input_files("#file", collection((ground, FACTS | {"code": "B", "patrols": "many"})))
        look(page, site)
        expect(page.locator(".admin-table")).to_contain_text("many")
        expect(page.locator(".take-form")).to_have_count(0)
        page.locator(".more .btn-primary").click()
        page.set_input_files("#file", collection((ground, FACTS | {"code": "B"})))
        look(page, site)
        expect(page.locator("[data-count=added]")).to_have_text("1")
        take(page, site)
        page.goto("/admin/construction")
        page.check("[name=kind][value=routes]")
        page.set_input_files("#file", collection((road, {"code": "R1", "name": "消防通道"})))
        look(page, site)
        expect(page.locator("[data-count=after]")).to_have_text("1")
        take(page, site)
    with site.runtime.transaction() as session:
        assert [one.code for one in construction_traffic.routes(session)] == ["R1"]
