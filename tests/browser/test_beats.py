"""An administrator draws a beat on the map: around cells, by taps, and is told of what is in two."""

from playwright.sync_api import expect

from tests import city
from tests.browser.axe import findings
from tests.browser.test_pages_in_chromium import DESK, OVERFLOW, PHONE
from webgis.grid import beats


def drawn(page, *corners: tuple[float, float]) -> None:
    """Tap corners (parts of the map's width and height), the last one again."""
    box = page.locator("[data-beat-map]").bounding_box()
    for x, y in (*corners, corners[-1]):
        page.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * y)


def cells_of(site, code: str) -> tuple[str, ...]:
    with site.runtime.transaction() as session:
        return beats.require_plan(session, code).cells


def test_a_beat_is_drawn_around_cells_changed_by_taps_and_its_conflicts_are_told(site):
    with site.reader("administrator1", size=DESK, language="zh-CN") as page:
        page.goto("/admin/beats/new")
        shown = page.locator("[data-beat-map]")
        expect(shown).to_have_attribute("data-beat-cells", "60")
        page.fill("#beat", "W1")
        page.fill("#name", "西一网格")
        page.click("[data-draw=add]")
        drawn(page, (0.03, 0.02), (0.93, 0.02), (0.93, 0.98), (0.03, 0.98))
        expect(page.locator("[data-count]")).to_have_text("60 个单元网格")
        page.click("[data-draw=take]")
        drawn(page, (0.5, 0.02), (0.93, 0.02), (0.93, 0.98), (0.5, 0.98))
        expect(shown).not_to_have_attribute("data-chosen", "60")
        fewer = int(shown.get_attribute("data-chosen"))
        page.click("[data-undo]")
        expect(shown).to_have_attribute("data-chosen", "60")
        drawn(page, (0.35, 0.5))
        expect(shown).to_have_attribute("data-chosen", "60")  # tapped twice: out and in again
        assert findings(page) == [] and 0 < fewer < 60
        page.click(".beat-form button[type=submit]")
        page.wait_for_url("**/admin/beats/one/W1")
        assert len(cells_of(site, "W1")) == 60
    with site.reader("administrator1", size=PHONE, language="en", color_scheme="dark") as page:
        page.goto("/admin/beats/new")
        expect(page.locator("[data-beat-map]")).to_have_attribute("data-beat-cells", "60")
        page.fill("#beat", "W2")
        page.fill("#name", "西二网格")
        page.fill("#cells", f"{city.WEST}001")
        page.locator("#cells").blur()
        expect(page.locator("[data-count]")).to_contain_text("1 of them are in another beat too")
        page.click(".beat-form button[type=submit]")
        page.wait_for_url("**/admin/beats/one/W2")
        page.goto("/admin/beats")
        expect(page.locator("[data-conflicts]")).to_contain_text(f"{city.WEST}001 (W1, W2)")
        assert findings(page) == [] and page.evaluate(OVERFLOW) <= 0
        page.goto("/admin/beats/one/W2")
        page.click(".beat-end button")
        page.wait_for_url("**/admin/beats")
        expect(page.locator("[data-conflicts]")).not_to_contain_text("W2")
