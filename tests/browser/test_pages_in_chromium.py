"""What only a browser can show: nothing sticks out, photos survive a refusal, the map never draws the whole grid."""

import pytest
from playwright.sync_api import expect

from tests import city

PHONE, DESK = (390, 844), (1440, 900)
PATHS = ("/cases", "/cases/new", "/requests", "/maps/cases", "/api/v1/docs", "/nowhere")
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_no_page_is_wider_than_the_screen(site, size):
    site.watch.refusals_expected = True
    number = site.report()
    with site.reader("dispatcher1", size=size) as page:
        for path in (*PATHS, f"/cases/{number}"):
            page.goto(path)
            assert page.evaluate(OVERFLOW) <= 0, path


def test_a_refused_report_keeps_its_photos_and_everything_typed(site, photo):
    site.watch.refusals_expected = True
    with site.reader("inspector1") as page:
        page.goto("/cases/new")
        page.locator(".report-photo input[type=file]").nth(1).set_input_files([photo(10), photo(20)])
        page.fill("#description", "路口暴露垃圾")
        page.click(".send-bar button")
        expect(page.locator('[data-error="class"]')).to_contain_text("请选择类别")
        expect(page.locator('[data-error="lon"]')).to_contain_text("请设置位置")
        expect(page.locator('[data-error="photos"]')).to_be_empty()
        expect(page.locator(".report-photo .photo-list li")).to_have_count(2)
        page.locator(".photo-remove").first.click()
        page.locator("[data-pin-map]").click()
        page.fill("#subject-search", "06010")
        page.keyboard.press("Enter")
        page.click(".send-bar button")
        page.wait_for_url("**/cases/51*")
        expect(page.locator(".photo-view li")).to_have_count(1)
        page.locator("[data-photo]").click()
        expect(page.locator("dialog.viewer")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("dialog.viewer")).to_be_hidden()


def test_who_finds_the_report_among_likely_duplicates_joins_it_with_photos_and_words(site, photo):
    site.watch.refusals_expected = True
    first = site.report()
    with site.reader("inspector2", size=PHONE) as page:
        page.goto("/cases/new")
        page.locator(".report-photo input[type=file]").nth(1).set_input_files(photo(30))
        page.locator(".by-hand summary").click()
        page.fill("#lon", str(city.IN_WEST[0]))
        page.fill("#lat", str(city.IN_WEST[1]))
        page.fill("#subject-search", "06010")
        page.keyboard.press("Enter")
        page.fill("#description", "路口又有暴露垃圾")
        page.click(".send-bar > button")
        expect(page.locator(".alike")).to_contain_text(first)
        expect(page.locator(".report-photo .photo-list li")).to_have_count(1)
        expect(page.locator("#description")).to_have_value("路口又有暴露垃圾")
        assert page.evaluate(OVERFLOW) <= 0
        page.locator(f".alike [name=join][value='{first}']").click()
        page.wait_for_url(f"**/cases/{first}")
        expect(page.locator(".photo-view li")).to_have_count(2)


def test_a_step_out_of_the_way_is_found_under_more_by_keyboard(site):
    number = site.report()
    with site.reader("acceptor1") as page:
        page.goto(f"/cases/{number}")
        page.locator(".more-steps > summary").focus()
        page.keyboard.press("Enter")
        page.locator("[data-step=relocate] > summary").focus()
        page.keyboard.press("Enter")
        expect(page.locator("[data-step=file]")).not_to_have_attribute("open", "")
        expect(page.locator("[data-step=relocate] .wg-pin-box")).to_be_visible()
        page.locator("[data-step=relocate] [name=address]").fill("东大街 8 号")
        page.keyboard.press("Enter")
        expect(page.locator(".notice-success")).to_be_visible()
        expect(page.locator(".case-map-card")).to_contain_text("东大街 8 号")


def test_a_place_outside_the_grid_says_how_far_the_grid_is(site):
    site.watch.refusals_expected = True
    with site.reader("inspector1") as page:
        page.goto("/cases/new")
        page.locator(".by-hand summary").click()
        page.fill("#lon", str(city.OUTSIDE[0]))
        page.fill("#lat", str(city.OUTSIDE[1]))
        page.keyboard.press("Tab")
        expect(page.locator("[data-cell-areas]")).to_contain_text("不在网格范围内，距最近的单元网格")


def test_the_class_is_found_by_code_by_chinese_and_by_english(site):
    with site.reader("inspector1") as page:
        page.goto("/cases/new")
        for words in ("06010", "暴露垃圾", "exposed refuse"):
            page.fill("#subject-search", words)
            expect(page.locator(".picker-option").first).to_contain_text("06010")
        page.keyboard.press("Enter")
        expect(page.locator("#subject")).to_have_value("matter:06010")
        expect(page.locator("#subject-search")).to_have_value("06010 暴露垃圾")


def test_the_language_switch_changes_the_page_and_stays(site):
    with site.reader("manager1") as page:
        page.goto("/cases?state=closed")
        page.get_by_role("button", name="English").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Cases")
        page.goto("/maps/cases")
        expect(page.locator(".wg-legend-word").first).to_have_text("Cases by area")
