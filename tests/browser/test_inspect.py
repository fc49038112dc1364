"""The inspector's phone: reports made without network arrive once, also when the app was closed; what is refused is
mended; a task is answered on the spot; a shift leaves its track."""

from pathlib import Path

import pytest
from PIL import ExifTags, Image
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import text

from tests import city
from tests.browser import axe
from webgis.accounts import queries as accounts
from webgis.cases import handling
from webgis.grid import beats

PHONE = (390, 844)
HERE = {"latitude": city.IN_WEST[1], "longitude": city.IN_WEST[0], "accuracy": 12}
POCKET = {"geolocation": HERE, "permissions": ["geolocation"]}
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
ZH = {
    "send": "提交",
    "waiting": "3 条待发",
    "kept": "已保存，待发送",
    "found": "属实",
    "check_in": "签到",
    "other": "不是同一件，继续上报",
}
EN = {
    "send": "Send",
    "waiting": "3 waiting",
    "kept": "kept on this phone",
    "found": "It is so",
    "check_in": "Check in",
    "other": "It is another one: report it",
}


TAKEN = "2026:11:20 08:30:00"


def large_photo(folder) -> Path:
    """A photo as a camera writes it: large, with when and where it was taken."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 1
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = TAKEN
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLatitude] = "N", (30.0, 39.0, 25.56)
    gps[ExifTags.GPS.GPSLongitudeRef], gps[ExifTags.GPS.GPSLongitude] = "E", (104.0, 3.0, 43.92)
    file = folder / "large.jpg"
    file.write_bytes(city.photo(2400, 1800, colour=66, exif=exif))
    return file


def opened(context: BrowserContext) -> Page:
    """The app, ready, with nothing but what the phone has when there is no network."""
    page = context.new_page()
    page.goto("/inspect")
    ready(page)
    return page


def ready(page: Page) -> None:
    expect(page.locator("html[data-ready]")).to_be_attached()


def controlled(page: Page) -> None:
    """The service worker has everything and is at the wheel."""
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")


def write(page: Page, photos: list, code: str) -> None:
    """A report up to its last button: photos, the place by itself, the class by its code."""
    page.locator("[data-shoot]").set_input_files(photos[0])
    expect(page.locator("[data-strip] img")).to_have_count(1)
    if photos[1:]:
        page.locator("[data-strip] input[multiple]").set_input_files(photos[1:])
        expect(page.locator("[data-strip] img")).to_have_count(len(photos))
    expect(page.locator("[data-view=report] .pin")).to_be_visible()
    page.locator("[data-choose]").click()
    page.locator("[data-query]").fill(code)
    page.keyboard.press("Enter")
    expect(page.locator("[data-picker]")).to_be_hidden()


def send(page: Page) -> None:
    page.locator("[data-send]").click()
    expect(page.locator("[data-view=home]")).to_be_visible()


def counted(site, statement: str) -> int:
    with site.runtime.transaction() as session:
        return session.scalar(text(f"SELECT count(*) FROM {statement}"))


def looked_at(page: Page) -> None:
    """Nothing sticks out of the screen, and axe-core finds nothing serious, in daylight, at night and in the sun."""
    assert page.evaluate(OVERFLOW) <= 0
    for look in ("light", "dark", "sun"):
        page.evaluate("look => { document.documentElement.dataset.look = look; }", look)
        assert axe.findings(page) == [], look


@pytest.mark.parametrize(("language", "words"), [("zh-CN", ZH), ("en", EN)], ids=["zh", "en"])
def test_reports_made_without_network_arrive_once_in_order_when_the_app_is_opened_again(site, photo, language, words):
    site.watch.cuts_expected = True
    with site.reader("inspector1", size=PHONE, language=language, lands=True, **POCKET) as page:
        ready(page)
        controlled(page)
        looked_at(page)
        context = page.context
        context.set_offline(True)
        page.reload()
        ready(page)
        for place, code in enumerate(("06010", "07001", "09006")):
            write(page, [photo(20 + place), photo(90 + place)], code)
            if place == 0:
                looked_at(page)
            send(page)
        expect(page.locator("[data-queue-pill]")).to_have_text(words["waiting"])
        expect(page.locator("[data-items] li").first).to_contain_text(words["kept"])
        page.close()
        again = opened(context)
        expect(again.locator("[data-items] [data-state=waiting]")).to_have_count(3)
        assert counted(site, "city.case") == 0
        context.set_offline(False)
        expect(again.locator("[data-items] [data-state=done]")).to_have_count(3)
        again.reload()
        ready(again)
        expect(again.locator("[data-items] [data-state=done]")).to_have_count(3)
        assert counted(site, "city.photo") == 6
        with site.runtime.transaction() as session:
            arrived = session.scalars(text("SELECT class_code FROM city.case ORDER BY id")).all()
        assert arrived == ["06010", "07001", "09006"]


def test_a_refused_report_is_mended_and_a_task_is_answered_without_network_on_a_shift(site, photo, tmp_path):
    site.watch.refusals_expected = site.watch.cuts_expected = True
    number = site.report()
    with site.runtime.transaction() as session:
        given = {"inspector": "inspector2", "note": "还在吗"}
        acceptor, inspector = accounts.actor(session, "acceptor1"), accounts.actor(session, "inspector2")
        now = session.scalar(text("SELECT now()"))
        handling.act(session, site.runtime.settings, acceptor, number, "request_confirmation", given, at=now)
        cells = tuple(session.scalars(text("SELECT code FROM city.cell ORDER BY code")))
        days = (1, 2, 3, 4, 5, 6, 7)
        shift = beats.Shift(days, now.time().replace(hour=0), now.time().replace(hour=23), inspector.id)
        beats.lay_out(session, [beats.Plan("W1", "西一", "West 1", cells, (shift,))], at=now)
    with site.reader("inspector2", size=PHONE, lands=True, **POCKET) as page:
        ready(page)
        controlled(page)
        page.locator("[data-shift] button").click()
        page.locator("[data-ask] .btn-main").click()
        expect(page.locator("[data-shift][data-on=true]")).to_be_visible()
        expect(page.locator("[data-task-count]")).to_have_text("1")
        page.context.set_offline(True)
        page.reload()
        ready(page)
        write(page, [large_photo(tmp_path)], "06010")
        send(page)
        page.locator("[data-tab=tasks]").click()
        looked_at(page)
        page.locator(f"[data-number='{number}']").click()
        expect(page.locator("[data-way]")).to_have_attribute(
            "href",
            f"geo:{HERE['latitude']},{HERE['longitude']}?q={HERE['latitude']},{HERE['longitude']}(%E6%9A%B4%E9%9C%B2%E5%9E%83%E5%9C%BE)",
        )
        page.locator("[data-result=found]").click()
        page.locator("[data-answer-photo]").set_input_files(photo(77))
        expect(page.locator("[data-answer] .strip img")).to_have_count(1)
        looked_at(page)
        page.locator("[data-answer] button[type=submit]").click()
        expect(page.locator("[data-view=tasks]")).to_be_visible()
        page.locator("[data-tab=home]").click()
        page.context.set_offline(False)
        refused = page.locator("[data-items] [data-state=refused][data-kind=report]")
        expect(refused).to_contain_text("已有人上报")
        expect(page.locator("[data-items] [data-state=done][data-kind=step]")).to_have_count(1)
        refused.locator("[data-mend]").click()
        expect(page.locator("[data-reason]")).to_be_visible()
        expect(page.locator("[data-alike] .alike-case")).to_contain_text(number)
        looked_at(page)
        page.locator("[data-other]").click()
        send(page)
        expect(page.locator("[data-items] [data-state=done]")).to_have_count(2)
        page.locator("[data-tab=beat]").click()
        expect(page.locator("[data-beat-head]")).to_contain_text("西一")
        looked_at(page)
        page.locator("[data-tab=me]").click()
        looked_at(page)
        page.locator("[data-tab=home]").click()
        page.locator("[data-shift] button").click()
        page.locator("[data-ask] .btn-main").click()
        expect(page.locator("[data-shift][data-on=false]")).to_be_visible()
        waiting = "async () => (await webgisOutbox.all()).filter(({ state }) => state !== 'done').length"
        expect(page.locator("[data-queue-pill]")).to_be_hidden()
        assert page.evaluate(waiting) == 0
    assert counted(site, "city.case") == 2
    assert counted(site, "city.case_event WHERE action = 'confirm'") == 1
    assert counted(site, "city.shift WHERE ended_by = 'person'") == 1
    assert counted(site, "city.track t JOIN city.cell c ON c.id = t.cell_id") >= 1
    with site.runtime.transaction() as session:
        [photo_] = session.execute(
            text("SELECT width, height, taken_at, ST_X(geom) AS lon FROM city.photo WHERE width > 1000")
        ).all()
    assert (photo_.width, photo_.height, round(photo_.lon, 4)) == (1600, 1200, 104.0622)
    assert photo_.taken_at.isoformat() == "2026-11-20T00:30:00+00:00"


def test_what_one_person_left_on_the_phone_waits_until_they_log_in_again(site, photo):
    site.watch.refusals_expected = site.watch.cuts_expected = True
    with site.reader("inspector1", size=PHONE, lands=True, **POCKET) as page:
        ready(page)
        controlled(page)
        context = page.context
        context.set_offline(True)
        write(page, [photo(60)], "06010")
        send(page)
        context.clear_cookies()
        context.set_offline(False)
        expect(page.locator("[data-banner=login]")).to_be_visible()
        log_in(page, "inspector2")
        expect(page.locator("[data-items]")).to_contain_text("他人的 1 条")
        expect(page.locator("[data-items] [data-state]")).to_have_count(0)
        assert counted(site, "city.case") == 0
        context.clear_cookies()
        log_in(page, "inspector1")
        expect(page.locator("[data-items] [data-state=done]")).to_have_count(1)
    with site.runtime.transaction() as session:
        reporter = "SELECT p.login FROM city.case c JOIN city.person p ON p.id = c.reporter_id"
        assert session.scalars(text(reporter)).all() == ["inspector1"]


def log_in(page: Page, login: str) -> None:
    page.goto("/login?next=/inspect")
    page.fill("#login", login)
    page.fill("#password", city.PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url("**/inspect*")
    ready(page)
