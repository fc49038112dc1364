"""Someone without an account reports with a phone, follows the link, and says at the end what they think."""

import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from tests import city
from tests.cases.channel_stories import ended, taken
from tests.cases.life import Life

PHONE = (390, 844)


def test_a_stranger_reports_by_position_and_gets_a_link(site, photo):
    site.watch.refusals_expected = True
    where = {"latitude": city.IN_WEST[1], "longitude": city.IN_WEST[0], "accuracy": 12}
    with site.reader(None, size=PHONE, geolocation=where, permissions=["geolocation"]) as page:
        page.goto("/report")
        page.click(".send-bar button")
        expect(page.locator("[data-error=lon]")).to_contain_text("请设置位置")
        page.locator(".report-photo input[type=file]").nth(1).set_input_files(photo(40))
        page.click("[data-locate]")
        expect(page.locator("[data-cell-areas]")).to_contain_text("西社区")
        page.locator("[data-common] button", has_text="暴露垃圾").click()
        page.fill("#description", "路口暴露垃圾")
        page.fill("#phone", "13800001234")
        page.click(".send-bar button")
        page.wait_for_url("**/follow/*?new=yes")
        expect(page.locator(".receipt")).to_contain_text(re.compile(r"\d{19}"))
        assert page.locator("[data-link]").input_value() == page.url.removesuffix("?new=yes")
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]


def test_a_stranger_says_what_they_think_and_objects(site):
    life = Life(site.runtime, datetime.now(UTC) - timedelta(days=1))
    receipt = taken(life)
    ended(life, receipt.number)
    with site.reader(None, size=PHONE, language="en") as page:
        page.goto(f"/follow/{receipt.secret}")
        page.locator(".face-partly").click()
        page.locator("form[action$=satisfaction] button").click()
        expect(page.locator(".notice-success")).to_contain_text("Partly satisfied")
        page.locator(".objection summary").click()
        page.fill("#reason", "The refuse is still there")
        page.locator("form[action$=objection] button[type=submit]").click()
        expect(page.locator("#h-state")).to_have_text("Accepted")
        expect(page.locator("body")).to_contain_text("The refuse is still there")
