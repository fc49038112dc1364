"""The maps in a real browser: layers, filters, selection, search, measuring, links, life, snapshots; no other host."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from tests import city
from tests.maps.basemap_files import MVT, mbtiles, picture, pmtiles
from webgis.maps import basemaps, tasks
from webgis.maps.layers import MAPS

PHONE, DESK = (390, 844), (1440, 900)
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
CLOSE = "at=30.6572,104.0635,17"
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"


def ground(page: Page, **data: str):
    """The map once its element says so of itself."""
    return page.locator(".folium-map" + "".join(f"[data-{name}='{value}']" for name, value in data.items()))


def tab(page: Page, name: str) -> None:
    """Open a tab of the panel, if it is not open."""
    button = page.locator(f"[data-tab={name}]")
    if button.get_attribute("aria-expanded") != "true":
        button.click()


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_every_map_of_the_table_opens_in_both_themes_and_no_wider_than_the_screen(site, size):
    site.report()
    with site.reader("manager1", size=size) as page:
        for one in MAPS:
            for theme in ("light", "dark"):
                page.goto(f"/maps/{one.name}?theme={theme}")
                expect(page.locator(f"html[data-map={theme}] .folium-map[data-areas]")).to_be_visible()
                tab(page, "layers")
                expect(page.locator(".wg-map-link[aria-current]")).to_have_attribute("href", f"/maps/{one.name}")
                assert page.evaluate(OVERFLOW) <= 0, one.name


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_panels(site, theme):
    site.report()
    with site.reader("manager1") as page:
        page.goto(f"/maps/cases?theme={theme}")
        expect(ground(page, cases="1")).to_be_visible()
        for name in ("layers", "filters"):
            tab(page, name)
            page.evaluate(AXE.read_text() + "; 0")
            found = page.evaluate("async () => (await axe.run()).violations")
            bad = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
            assert not bad, name


def test_a_case_appears_and_changes_on_an_open_map_without_a_click(site):
    with site.reader("manager1") as page:
        page.goto(f"/maps/cases?{CLOSE}")
        expect(ground(page, cases="0")).to_be_visible()
        number = site.report()
        expect(ground(page, cases="1")).to_be_visible()
        sign = page.locator(".wg-sign-box")
        expect(sign).to_have_attribute("aria-label", f"已上报 {number}")
        with site.reader("acceptor1") as other:
            other.goto(f"/cases/{number}")
            other.locator("[data-step=file] [name=condition]").first.check()
            other.click("[data-step=file] button[type=submit]")
            expect(other.locator(".notice-success")).to_be_visible()
        expect(sign).to_have_attribute("aria-label", f"已立案 {number}")


def test_filters_and_layers_stand_in_the_address_and_back_undoes_them(site):
    site.report()
    with site.reader("manager1") as page:
        page.goto(f"/maps/cases?{CLOSE}")
        expect(ground(page, cases="1")).to_be_visible()
        tab(page, "filters")
        page.locator(".wg-filters [name=closed]").check()
        expect(ground(page, cases="0")).to_be_visible()
        expect(page.locator(".wg-notice")).to_contain_text("没有符合条件的案件")
        tab(page, "layers")
        page.locator("[name=layer-grid]").check()
        expect(page.locator(".folium-map[data-grid]")).to_be_visible()
        asked = parse_qs(urlsplit(page.url).query)
        assert (asked["state"], asked["layers"]) == (["closed"], ["alarms,areas,cases,emergency,grid"])
        shared = page.url
        page.go_back()
        expect(page.locator("[name=layer-grid]")).not_to_be_checked()
        page.go_back()
        expect(ground(page, cases="1")).to_be_visible()
        page.goto(shared)
        expect(ground(page, cases="0")).to_be_visible()
        expect(page.locator("[name=layer-grid]")).to_be_checked()
        assert parse_qs(urlsplit(page.url).query)["at"] == asked["at"]


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_a_drawn_rectangle_lists_the_cases_inside_and_leads_to_their_list(site, size):
    number = site.report()
    with site.reader("manager1", size=size) as page:
        page.goto(f"/maps/cases?{CLOSE}")
        expect(ground(page, cases="1")).to_be_visible()
        page.click("[data-tool=marquee-2]")
        corners(page, (104.0616, 30.6578), (104.0628, 30.6566))
        expect(page.locator(".wg-inside-count")).to_contain_text("1")
        expect(page.locator(".wg-inside-link")).to_have_attribute("href", f"/cases/{number}")
        page.locator(".wg-inside .wg-wide-button").click()
        page.wait_for_url("**/cases?within=*")
        expect(page.locator(".row-link")).to_have_count(1)


def corners(page: Page, *places: tuple[float, float]) -> None:
    """Tap places of the map (degrees)."""
    for lon, lat in places:
        x, y = page.evaluate(
            """([lat, lon]) => {
                const map = window.webgisMaps.of(document.querySelector(".folium-map")).map;
                const { x, y } = map.latLngToContainerPoint([lat, lon]);
                const { left, top } = map.getContainer().getBoundingClientRect();
                return [x + left, y + top];
            }""",
            [lat, lon],
        )
        page.mouse.click(x, y)


def test_a_measured_distance_and_area_are_those_of_postgis(site):
    places = [(104.0612, 30.6578), (104.0652, 30.6578), (104.0652, 30.6559)]
    with site.reader("manager1") as page:
        page.goto(f"/maps/cases?{CLOSE}")
        expect(ground(page, cases="0")).to_be_visible()
        page.click("[data-tool=ruler-measure]")
        corners(page, *places)
        shown = [one.split("\n")[-1] for one in page.locator(".wg-measured b").all_inner_texts()]
        drawn = page.evaluate(
            "() => window.webgisMaps.of(document.querySelector('.folium-map')).sketch.points.map(p => [p.lng, p.lat])"
        )
    line = json.dumps({"type": "LineString", "coordinates": drawn})
    ring = json.dumps({"type": "Polygon", "coordinates": [[*drawn, drawn[0]]]})
    with site.runtime.transaction() as session:
        metres = session.scalar(text("SELECT ST_Length(ST_GeomFromGeoJSON(:line)::geography)"), {"line": line})
        area = session.scalar(text("SELECT ST_Area(ST_GeomFromGeoJSON(:ring)::geography)"), {"ring": ring})
    assert number_in(shown[0]) == pytest.approx(metres, abs=0.6)
    assert number_in(shown[1]) == pytest.approx(area, rel=2e-5, abs=0.6)


def number_in(words: str) -> float:
    return float(re.sub(r"[^\d.]", "", words.replace("m²", "")))


def test_search_finds_a_case_by_number_and_a_cell_and_an_area_by_code_and_name(site):
    number = site.report()
    with site.reader("manager1") as page:
        page.goto("/maps/grid")
        field = page.get_by_role("combobox")
        for words, found in ((number, number), (f"{city.WEST}001", f"{city.WEST}001"), ("西社区", "西社区")):
            field.fill(words)
            expect(page.get_by_role("option").first).to_contain_text(found)
            field.press("ArrowDown")
            field.press("Enter")
            expect(page.get_by_role("option")).to_have_count(0)
            expect(page.locator(".wg-pin-box")).to_have_count(1)
        field.fill("没有这个地方")
        expect(page.locator(".wg-found-none")).to_be_visible()


def test_a_cell_tells_its_code_and_leads_to_its_cases(site):
    with site.reader("manager1") as page:
        page.goto(f"/maps/grid?{CLOSE}")
        expect(page.locator(".folium-map[data-grid]")).to_be_visible()
        page.wait_for_function(
            "() => !window.webgisMaps.of(document.querySelector('.folium-map')).layer('grid').webgis.parts"
            ".some((part) => part.isLoading && part.isLoading())"
        )
        corners(page, city.IN_WEST)
        shown = page.locator(".wg-popup")
        expect(shown.locator(".wg-popup-title")).to_have_text(re.compile(rf"^{city.WEST}\d{{3}}$"))
        code = shown.locator(".wg-popup-title").inner_text()
        assert f"area={code}" in shown.get_by_role("link").get_attribute("href")
        assert page.locator(".folium-map path").count() == 0


def test_cells_are_not_asked_for_while_they_are_too_small_to_be_seen(site):
    with site.reader("administrator1") as page:
        page.goto("/maps/grid?at=30.6572,104.0635,13")
        expect(page.locator(".wg-notice")).to_have_text("放大后显示：单元网格")
    assert not [address for address in site.watch.asked if "/tiles/cells/" in address]


@pytest.mark.parametrize("form", ["pmtiles", "mbtiles"])
@pytest.mark.parametrize("kind", ["raster", "vector"])
def test_a_basemap_that_was_added_is_shown_under_the_map(site, tmp_path, form, kind):
    tile = picture() if kind == "raster" else MVT
    file = tmp_path / f"roads.{form}"
    if form == "pmtiles":
        pmtiles(file, tile, 2 if kind == "raster" else 1)
    else:
        mbtiles(file, tile, "png" if kind == "raster" else "pbf", zoom=0, row=0)
    basemaps.add(site.runtime.settings, file)
    with site.reader("manager1") as page:
        page.goto("/maps/cases?theme=dark&at=30.6,104.06,4")
        with page.expect_response(re.compile("/basemaps/(files|tiles)/roads")) as answered:
            page.locator("[name=base][value=roads]").check()
        assert answered.value.status in (200, 206)
        expect(ground(page, base="roads")).to_be_visible()
        assert "base=roads" in page.url
        page.locator("[name=base][value='']").check()
        expect(ground(page, base="")).to_be_visible()


def test_the_public_snapshot_opens_from_a_disk_and_under_the_sites_policy(site, tmp_path):
    for _number in range(7):
        site.report()
    with site.runtime.transaction() as session:
        drawn = tasks.draw(session, site.runtime.settings)
    with site.reader(None) as page:
        page.goto("/static/maps/drawn/cases.html")
        expect(page.locator(".folium-map[data-areas]")).to_be_visible()
        expect(page.locator("[name=layer-by_area]")).to_be_checked()
        legend = page.locator(".wg-legend-item", has=page.locator("[class*=wg-swatch-heat]"))
        expect(legend.first).to_have_text(re.compile(r"^5"))
        page.goto("/public")
        map_ = page.frame_locator(".public-map iframe")
        page.locator("[data-theme-switch]").click()
        expect(map_.locator("html[data-map=dark]")).to_be_attached()
        page.locator("[data-theme-switch]").click()
        expect(map_.locator("html[data-map=light]")).to_be_attached()
        before = len(site.watch.asked)
        page.goto(drawn.as_uri())
        expect(page.locator(".folium-map[data-areas]")).to_be_visible()
        page.click("[data-tool=moon]")
        expect(page.locator("html[data-map=dark]")).to_be_attached()
    files = site.watch.asked[before:]
    assert files == [drawn.as_uri()]
    site.watch.asked.remove(drawn.as_uri())


def test_heat_is_measured_moved_through_time_by_keys_and_compared_and_a_link_shows_the_same(site):
    today = datetime.now(site.runtime.settings.zone).date()
    for days in (3, 3, 0):
        site.report(at=datetime.now(UTC) - timedelta(days=days))
    shown = f"which=all&level=community&{CLOSE}"
    with site.reader("manager1") as page:
        page.goto(f"/maps/heat?{shown}")
        legend = page.locator(".wg-heat-legend")
        expect(legend).to_contain_text("案件数 · 按社区")
        expect(legend.locator(".wg-legend-item")).to_have_text(["1–2", "3+"])
        page.get_by_label("时间窗长度").select_option("day")
        expect(legend).to_contain_text("分级保持不变")
        slider = page.get_by_role("slider", name="时间窗位置")
        for _ in range(3):
            slider.press("ArrowLeft")
        page.wait_for_url(f"**since={today - timedelta(days=3)}*")
        expect(page.locator(".wg-time-label")).to_contain_text(str((today - timedelta(days=3)).day))
        page.get_by_label("每巡查小时案件数").check(force=True)
        expect(legend).to_contain_text("没有排班")
        page.get_by_label("案件数", exact=True).check(force=True)
        page.get_by_label("其他日期").check(force=True)
        for name in ("than_since", "than_until"):
            page.locator(f"[name={name}]").fill(today.isoformat())
        expect(legend).to_contain_text("合计: 2 ← 1 · 与偶然波动无异")
        corners(page, city.IN_WEST)
        expect(page.locator(".wg-popup")).to_contain_text("2 ← 1")
        link = page.url
    with site.reader("manager1", size=PHONE, language="en") as page:
        page.goto(link)
        tab(page, "heat")
        expect(page.locator(".wg-heat-legend")).to_contain_text("All together: 2 ← 1 · No more than chance")
        assert page.evaluate(OVERFLOW) <= 0
