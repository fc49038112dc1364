"""The manager's road: figures, the lists behind them, filters that can be shared, the table, the big screen."""

import re

from playwright.sync_api import Page, expect

from tests import city
from tests.browser.axe import findings
from tests.evaluation.test_figures import FIRST, LAST, filled
from webgis import jobs, worker

DESK, PHONE, SCREEN = (1440, 900), (390, 844), (1920, 1080)
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
SPAN = f"since={FIRST}&until={LAST}"


def value(page: Page, card: str):
    """The figure of a card."""
    return page.locator(f"[data-card={card}] .watch-value")


def drawn(page: Page) -> None:
    """All charts are there."""
    for name in ("trend", "sources", "classes"):
        expect(page.locator(f"[data-chart={name}][data-drawn] svg")).to_be_visible()


def test_a_manager_sees_how_the_city_does_and_what_stands_behind_it(site, monkeypatch):
    filled(site.runtime, 250, seed=21)
    monkeypatch.setattr("webgis.settings.load", lambda: site.runtime.settings)
    with site.reader("manager1", size=DESK) as page:
        page.goto("/")
        page.wait_for_url("**/watch")
        page.goto(f"/watch?{SPAN}")
        drawn(page)
        expect(value(page, "reported")).to_have_text("250")
        site.report()
        expect(value(page, "reported")).to_have_text("251", timeout=5_000)
        expect(page.frame_locator(".watch-map iframe").locator(".folium-map[data-heat]")).to_be_visible()
        page.locator(".watch-trend summary").click()
        expect(page.locator("[data-part=trend] tbody tr")).to_have_count(19)
        assert not findings(page)

        page.locator("[name=area]").select_option(city.SUBDISTRICT)
        page.wait_for_url(f"**area={city.SUBDISTRICT}*")
        page.locator("[data-part=levels] a", has_text="社区").click()
        expect(page.locator("[data-part=areas] tbody tr")).to_have_count(2)
        page.locator("[data-part=departments] a", has_text="环卫所").click()
        page.wait_for_url("**department=510104-sanitation*")
        told = value(page, "overdue").inner_text()
        shared = page.url
        page.locator("[data-card=overdue]").click()
        expect(page.locator(".narrowed")).to_contain_text("当前超期")
        expect(page.locator(".row-link")).to_have_count(int(told))
        page.goto(shared)
        expect(value(page, "overdue")).to_have_text(told)

        page.locator("[data-export]").click()
        expect(page.locator("[data-exported]")).to_contain_text("0 %")
        worker.import_tasks()
        jobs.drain(site.runtime, "slow")
        with page.expect_download() as saved:
            page.locator("[data-exported] a").click()
        assert saved.value.suggested_filename == "webgis-figures.xlsx"

    with site.reader("manager1", size=PHONE, language="en") as page:
        page.goto(f"/watch?{SPAN}&source=hotline")
        expect(page.locator("[data-card=on_time]")).to_contain_text(re.compile(r"On time.*closed", re.S))
        drawn(page)
        assert page.evaluate(OVERFLOW) <= 0
        assert not findings(page)
        page.goto("/watch?since=2020-01-01&until=2020-01-31&source=video")
        expect(page.locator(".watch-none")).to_contain_text("No case in this span")

    with site.reader("manager1", size=SCREEN) as page:
        page.goto(f"/watch/screen?{SPAN}")
        expect(value(page, "reported")).to_be_visible()
        page.keyboard.press("ArrowRight")
        expect(page.locator("[data-chart=trend][data-drawn] svg")).to_be_visible()
        page.keyboard.press(" ")
        expect(page.locator("[data-hold]")).to_have_attribute("aria-pressed", "true")
        smallest = page.evaluate(
            "() => Math.min(...[...document.querySelectorAll('.screen td, .screen th, .watch-word, .watch-more')]"
            ".map(one => parseFloat(getComputedStyle(one).fontSize)))"
        )
        assert smallest >= SCREEN[1] / 40
        assert page.evaluate(OVERFLOW) <= 0
        assert not findings(page)
