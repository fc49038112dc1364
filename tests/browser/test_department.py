"""The department's main road: what was dispatched arrives, is received, handed to a person, and done with photos."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

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


def open_step(page: Page, action: str):
    """The form of a step, open; its button is pressed when it is not."""
    box = page.locator(f"[data-step={action}]")
    more = page.locator(".more-steps:not([open]) > summary")
    if not box.is_visible() and more.count():
        more.click()
    if box.get_attribute("open") is None:
        box.locator("summary").first.click()
    return box


def send(box) -> None:
    box.locator("form button[type=submit]").click()


@pytest.mark.parametrize(("size", "language"), [(DESK, "zh-CN"), (PHONE, "en")], ids=["desk-zh", "phone-en"])
def test_a_case_arrives_is_received_assigned_extended_and_done_with_photos(live, photo, size, language):
    life = Life(live.runtime)
    number = life.filed()
    with (
        live.reader("sanitation1", size=size, language=language, lands=True) as page,
        live.reader("dispatcher1", size=size, language=language, lands=True) as watched,
    ):
        page.wait_for_url("**/department")
        expect(page.locator("[data-desk][data-ready=yes]")).to_be_visible()
        expect(watched.locator("[data-queue-tab=requests] [data-count]")).to_have_text("0")
        if size == DESK:
            expect(page.locator("[data-live]")).to_have_attribute("data-state", "live")
        life.now = datetime.now(UTC)
        life.do("dispatcher1", number, "dispatch", department="510104-sanitation")
        expect(page.locator("[data-new]")).to_contain_text("1")
        page.locator("[data-new]").click()
        page.locator(f"[data-choose='{number}']").click()
        expect(page.locator(f"[data-panel='{number}']")).to_be_visible()
        assert page.evaluate(OVERFLOW) <= 0 and axe.findings(page) == []
        send(open_step(page, "receive"))
        expect(page.locator("[data-panel][data-state=handling]")).to_be_visible()
        assign = open_step(page, "assign")
        assign.locator("[name=handler]").select_option("sanitation1")
        send(assign)
        expect(page.locator("[data-timeline] [data-action=assign]")).to_be_visible()
        asked = open_step(page, "ask-extension")
        asked.locator("[name=reason]").fill("需要吊车")
        send(asked)
        expect(page.locator("[data-request]")).to_contain_text("需要吊车")
        if size == DESK:
            expect(watched.locator("[data-queue-tab=requests] [data-count]")).to_have_text("1")
        done = open_step(page, "resolve")
        expect(page.locator(".before img")).to_be_visible()
        done.locator("input[type=file]").nth(1).set_input_files([photo(70), photo(90)])
        expect(done.locator(".photo-list li")).to_have_count(2)
        send(done)
        expect(page.locator("[data-panel][data-state=resolved]")).to_be_visible()
        expect(page.locator(".photo-strip li")).to_have_count(3)
        assert axe.findings(page) == []
