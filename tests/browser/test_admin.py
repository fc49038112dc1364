"""The administrator's road in a browser: every section, someone who is added and begins, with a second factor."""

import base64
import time

import pytest
from playwright.sync_api import expect

from tests.browser.axe import findings
from tests.browser.test_pages_in_chromium import DESK, OVERFLOW, PHONE
from webgis.accounts import totp

SECTIONS = (
    *("people", "departments", "sessions", "keys", "security", "log"),
    *("areas", "areas/import", "areas/divide", "standards", "standards/classes?q=井盖", "standards/import"),
    *("calendar", "calendar/day", "calendar/hours", "calendar/import", "routing"),
)


def _sound(page, name: str) -> None:
    """Nothing sticks out, and everyone can use it."""
    assert page.evaluate(OVERFLOW) <= 0, name
    assert findings(page) == [], name


def _code(page) -> str:
    """The code that an app would show for the letters on the page."""
    letters = page.locator(".letters").inner_text().replace(" ", "")
    secret = base64.b32decode(letters + "=" * (-len(letters) % 8))
    return totp.code(secret, totp.step_of(time.time()))


@pytest.mark.parametrize(
    ("size", "language", "scheme"), [(PHONE, "zh-CN", "dark"), (DESK, "en", "light")], ids=["phone", "desk"]
)
def test_an_administrator_keeps_people_and_someone_new_begins(site, size, language, scheme):
    site.watch.refusals_expected = True
    with site.reader("administrator1", size=size, language=language, color_scheme=scheme, lands=True) as page:
        expect(page).to_have_url(f"{site.origin}/admin/people")
        for name in SECTIONS:
            page.goto(f"/admin/{name}")
            expect(page.locator(".admin-nav [aria-current=page]")).to_be_visible()
            _sound(page, name)
        page.goto("/admin/people/new")
        page.fill("#login", "sanitation9")
        page.fill("#name", "清运九班")
        page.select_option("#role", "department")
        page.click("form.admin-form button[type=submit]")
        expect(page.locator("#department-error")).not_to_be_empty()
        expect(page.locator("#name")).to_have_value("清运九班")
        page.select_option("#department", "510104-sanitation")
        page.click("form.admin-form button[type=submit]")
        password = page.locator(".made-key").inner_text()
        _sound(page, "password")
        page.goto("/admin/people/one/sanitation9")
        _sound(page, "person")
    with site.reader(None, size=size, language=language, color_scheme=scheme) as page:
        page.goto("/login")
        page.fill("#login", "sanitation9")
        page.fill("#password", password)
        page.click("form.stack button[type=submit]")
        page.locator("#new").wait_for()
        _sound(page, "first login")
        page.fill("#password", password)
        page.fill("#new", "清运九班的新密码")
        page.click("form.stack button[type=submit]")
        page.wait_for_url(lambda address: "/login" not in address)
        page.goto("/account")
        _sound(page, "account")
        page.click("a[href='/account/second-factor']")
        page.locator(".letters").wait_for()
        _sound(page, "second factor")
        page.fill("#code", _code(page))
        page.click("form.stack button[type=submit]")
        expect(page.locator(".codes li")).to_have_count(10)
        _sound(page, "recovery codes")
