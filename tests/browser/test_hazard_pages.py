"""A hazard source from its drawn outline to its impact sheet, in a browser."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser import axe
from tests.hazards.makers import BORDER, STORE, square

DESK, PHONE = (1440, 900), (390, 844)
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def calm(page) -> None:
    """Nothing hangs over, and nothing keeps people out."""
    assert page.evaluate(OVERFLOW) <= 0
    assert axe.findings(page) == []


def test_an_outline_is_drawn_graded_and_the_impact_sheet_tells_what_lies_around(site):
    site.report()
    with site.reader("administrator1", size=DESK) as page:
        page.goto("/hazards/new")
        box = page.locator("[data-outline-map]")
        box.scroll_into_view_if_needed()
        page.click("[data-draw-outline]")
        middle = {
            name: half / 2 for name, half in (("x", box.bounding_box()["width"]), ("y", box.bounding_box()["height"]))
        }
        corners = [(-60, -40), (60, -40), (60, 40), (-60, 40), (-60, 40)]
        for x, y in corners:
            box.click(position={"x": middle["x"] + x, "y": middle["y"] + y})
        expect(page.locator("[data-outline-size]")).to_contain_text("m²")
        assert json.loads(page.locator("[data-outline]").input_value())["type"] == "Polygon"
        page.locator(".hz-tools-row summary").click()
        page.locator("[data-outline]").fill(json.dumps(square(*BORDER)))
        page.locator("[data-outline]").blur()
        expect(page.locator("[data-outline-size]")).to_contain_text("m²")
        for name, value in (
            ("code", "CD-001"),
            ("name_zh", "西站氯库"),
            ("holder", "示例化工有限公司"),
            ("people", "120"),
        ):
            page.fill(f"#{name}", value)
        page.select_option("#kind", "chemical_store")
        page.fill("[name=u0-name]", STORE["name"])
        for name in ("stock", "quantity", "cas"):
            key = {"stock": "name"}.get(name, name)
            page.locator(f"[name=u0-{name}]").first.fill(STORE["stocks"][0][key])
        calm(page)
        page.click("button[value=look]")
        expect(page.locator(".hz-looked")).to_contain_text("R = 48")
        page.click("button[value=keep]")
        page.wait_for_url("**/hazards/CD-001")
        expect(page.locator(".hz-title")).to_contain_text("三级")
        page.wait_for_function(
            "() => document.querySelector('[data-hazard-map]').classList.contains('leaflet-container')"
        )
        calm(page)
        page.goto("/maps/hazards")
        expect(page.locator(".folium-map")).to_have_attribute("data-hazards", re.compile("[1-9]"))
    for size, language in ((DESK, "zh-CN"), (PHONE, "en")):
        with site.reader("dispatcher1", size=size, language=language) as page:
            page.goto("/hazards/CD-001/impact?metres=300")
            page.wait_for_function(
                "() => document.querySelectorAll('[data-hazard-map] path, [data-hazard-map] canvas').length"
            )
            counts = page.locator(".hz-counts li")
            expect(counts.filter(has_text="在办案件" if language == "zh-CN" else "open cases")).to_contain_text("1")
            calm(page)
            page.emulate_media(media="print")
            expect(page.locator(".top")).to_be_hidden()
            page.emulate_media(media="screen")
            with page.expect_download() as saved:
                page.click("a:has-text('CSV')")
            assert "CD-001" in saved.value.path().read_text(encoding="utf-8-sig")
            page.goto("/hazards")
            calm(page)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_the_group_of_topics_opens_by_keyboard_and_closes_again(site, size):
    with site.reader("manager1", size=size) as page:
        page.goto("/hazards")
        group = page.locator("details.topics")
        summary = group.locator("summary")
        expect(group).to_have_attribute("data-holds", "")
        summary.focus()
        page.keyboard.press("Enter")
        link = group.locator("a[aria-current=page]")
        expect(link).to_be_visible()
        assert link.bounding_box()["height"] >= (44 if size == PHONE else 40)
        page.keyboard.press("Tab")
        expect(group.locator("a").first).to_be_focused()
        page.keyboard.press("Escape")
        expect(link).to_be_hidden()
        expect(summary).to_be_focused()
        page.keyboard.press("Enter")
        page.locator("h1").click()
        expect(link).to_be_hidden()
        calm(page)
