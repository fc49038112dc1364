"""The desk's main road: a case filed and dispatched with the keyboard alone, while others see it come and go."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests import city
from tests.browser import axe
from tests.browser.live import streaming
from tests.cases.life import Life

DESK, PHONE = (1440, 900), (390, 844)
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def live(site) -> Iterator:
    """The served city with its live process."""
    with streaming(site.runtime.settings):
        yield site


def ready(page: Page) -> None:
    """The desk's modules are there, and it hears what happens."""
    expect(page.locator("[data-desk][data-ready=yes]")).to_be_visible()
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")


def queue_of(page: Page, name: str):
    return page.locator(f"[data-queue-tab={name}]")


def test_a_case_arrives_is_filed_and_dispatched_by_keyboard_and_others_see_it_live(live):
    with live.reader("acceptor1") as acceptor, live.reader("dispatcher1", language="en") as dispatcher:
        for page in (acceptor, dispatcher):
            page.goto("/")
            page.wait_for_url(re.compile("/desk"))
            ready(page)
        expect(acceptor.locator("#queue")).to_contain_text("新到案件会自动显示")
        number = live.report()
        expect(acceptor.locator("[data-new]")).to_contain_text("1 件新到")
        expect(queue_of(acceptor, "accept").locator("[data-count]")).to_have_text("1")
        expect(acceptor.locator("[data-row]")).to_have_count(0)  # nothing moves by itself
        acceptor.keyboard.press(".")
        expect(acceptor.locator("[data-row]")).to_have_count(1)
        acceptor.keyboard.press("j")
        expect(acceptor.locator(f"[data-panel='{number}']")).to_be_visible()
        expect(acceptor.locator(f".desk-map-in[data-chosen='{number}'][data-cell]")).to_be_visible()
        assert f"case={number}" in acceptor.url
        assert axe.findings(acceptor) == []
        acceptor.keyboard.press("t")
        expect(acceptor.locator(f"[data-row='{number}'] [data-held]")).to_be_visible()
        expect(acceptor.locator(f"[data-panel='{number}']")).to_have_attribute("data-holder", "mine")
        acceptor.keyboard.press("f")
        acceptor.keyboard.press("1")
        acceptor.keyboard.press("Enter")
        expect(acceptor.locator("[data-panel] [data-timeline] [data-action=file]")).to_be_visible()
        look_together(acceptor, dispatcher, number)
        dispatcher.keyboard.press("t")
        expect(dispatcher.locator(f"[data-panel='{number}']")).to_have_attribute("data-holder", "mine")
        expect(acceptor.locator("[data-changed]")).to_be_visible()  # a claim alone is told
        acceptor.locator("[data-again]").click()
        expect(acceptor.locator(f"[data-panel='{number}']")).to_have_attribute("data-holder", "other")
        dispatcher.keyboard.press("d")
        dispatcher.keyboard.press("Enter")
        expect(dispatcher.locator("[data-panel] [data-timeline] [data-action=dispatch]")).to_be_visible()
        expect(acceptor.locator("[data-changed]")).to_be_visible()
        acceptor.locator("[data-again]").click()
        expect(acceptor.locator("[data-panel]")).to_have_attribute("data-state", "dispatched")


def look_together(acceptor: Page, dispatcher: Page, number: str) -> None:
    """The dispatcher finds the case by searching; both see that they are two."""
    expect(dispatcher.locator("[data-new]")).to_contain_text("1 new")
    dispatcher.keyboard.press("/")
    dispatcher.keyboard.type(number[-4:])
    expect(dispatcher.locator(".found-row")).to_have_count(1)
    dispatcher.keyboard.press("Enter")
    expect(dispatcher.locator(f"[data-panel='{number}']")).to_be_visible()
    expect(dispatcher.locator("[data-presence]")).to_contain_text("acceptor1 岗 looks at this case too")
    expect(acceptor.locator("[data-presence]")).to_contain_text("dispatcher1 岗也在看此案件")


def test_on_a_phone_the_desk_is_one_column_with_tabs(live):
    number = live.report()
    with live.reader("acceptor1", size=PHONE, language="en") as page:
        page.goto("/desk")
        ready(page)
        assert page.evaluate(OVERFLOW) <= 0
        assert axe.findings(page) == []
        page.locator(f"[data-choose='{number}']").tap()
        expect(page.locator("[data-step=file]")).to_be_visible()
        assert page.evaluate(OVERFLOW) <= 0
        assert axe.findings(page) == []
        page.locator("[data-view-button=map]").tap()
        expect(page.locator(".desk-map-in")).to_be_visible()
        expect(page.locator(".desk-case")).to_be_hidden()


def test_without_streams_the_desk_asks_in_turns_and_help_and_marks_work(site):
    life = Life(site.runtime)
    numbers = [life.filed(), life.filed(place=city.IN_EAST)]
    with site.reader("dispatcher1") as page:
        page.goto("/desk")
        expect(page.locator("[data-live]")).to_have_attribute("data-state", "polling")
        site.report()
        expect(queue_of(page, "accept").locator("[data-count]")).to_have_text("1")
        page.keyboard.press("?")
        expect(page.locator("[data-help-dialog]")).to_be_visible()
        assert axe.findings(page) == []
        page.keyboard.press("Escape")
        for number in numbers:
            page.locator(f"[data-row='{number}'] [name=numbers]").check()
        page.locator("[data-bulk-step=dispatch]").click()
        page.locator("[data-bulk-form] button[type=submit]").click()
        expect(page.locator("[data-done]")).to_contain_text("2 件")
        expect(page.locator("[data-row]")).to_have_count(0)


def test_a_call_is_taken_in_over_the_desk(site):
    with site.reader("acceptor1") as page:
        page.goto("/desk")
        expect(page.locator("[data-desk][data-ready=yes]")).to_be_visible()
        page.keyboard.press("y")
        page.fill("#phone", "13800001234")
        page.fill("#call_number", "C-1")
        page.locator("dialog.call [data-pin-map]").click()
        expect(page.locator("[data-cell-areas]")).to_contain_text("社区")
        page.fill("#subject-search", "暴露垃圾")
        page.keyboard.press("Enter")
        page.fill("#description", "小区门口堆有垃圾")
        page.locator("dialog.call .send-bar > button").click()
        expect(page.locator("[data-panel] .description")).to_have_text("小区门口堆有垃圾")
        page.keyboard.press("/")
        page.keyboard.type("13800001234")
        expect(page.locator(".found-group")).to_contain_text("此电话上报的案件")


def test_the_theme_follows_the_system_until_somebody_chooses(site):
    with site.reader("dispatcher1", color_scheme="dark") as page:
        page.goto("/desk")
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
        assert axe.findings(page) == []
        page.locator("[data-theme-switch]").click()
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
        page.goto("/cases")
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
        page.emulate_media(color_scheme="light")
        page.locator("[data-theme-switch]").click()
        page.reload()
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
