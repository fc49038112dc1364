"""An emergency from its opening to its closing report, at a desk and on the phone of another agency."""

import re

from playwright.sync_api import expect

from tests.browser.axe import findings
from tests.browser.live import streaming
from tests.emergency.scene import people


def ready(page) -> None:
    """What others do is heard on the stream."""
    page.locator("[data-fresh][data-live=live]").wait_for()


def fine(page) -> None:
    """Nothing is wider than the screen, and axe has no serious finding."""
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert findings(page) == []


def column(page, state):
    return page.locator(f"[data-column={state}] [data-task]")


def test_two_agencies_work_on_an_emergency_until_its_closing_report(site):
    with site.runtime.transaction() as session:
        people(session)
    site.watch.refusals_expected = True
    desk = site.reader("dispatcher1")
    phone = site.reader("drainage1", size=(390, 844), color_scheme="dark")
    with streaming(site.runtime.settings), desk as dispatcher, phone as drainage:
        drainage.goto("/emergency")
        ready(drainage)
        opened(dispatcher)
        address = dispatcher.url.replace(site.origin, "")

        # it comes to the other agency by itself; only its own task has buttons there
        drainage.locator(f"a[href='{address}']").click()
        expect(column(drainage, "todo")).to_have_count(5)
        expect(drainage.locator("[data-move]")).to_have_count(2)
        ready(dispatcher)
        drainage.locator("[data-key=b]").click()
        expect(column(drainage, "doing")).to_have_count(1)
        expect(column(dispatcher, "doing")).to_have_count(1)
        fine(drainage)

        # what the agency writes stands in the desk's log; what was open there stays so
        dispatcher.locator("[data-fold=add_task] > summary").click()
        dispatcher.fill("#task-words", "检查周边地下车库")
        drainage.fill("#note-words", "泵车到场 <b>水深四十厘米</b>")
        drainage.get_by_role("button", name="写入日志").click()
        expect(dispatcher.locator("[data-part=log]")).to_contain_text("泵车到场 <b>水深四十厘米</b>")
        expect(dispatcher.locator("#task-words")).to_have_value("检查周边地下车库")

        # the ground is drawn on the map, and the other agency's map has it at once
        draw_ground(dispatcher)
        expect(drainage.locator("[data-part=where]")).to_contain_text("指定范围")

        # where a form was refused the page is followed as before, also when what was refused is a message of others
        dispatcher.locator("[data-fold=link] > summary").click()
        dispatcher.fill("#link-case", "12")
        dispatcher.locator("[data-fold=link] button[type=submit]").click()
        expect(dispatcher.locator("#link-case-error")).to_contain_text("19 位编号")
        ready(dispatcher)
        drainage.fill("#note-words", "水位开始下降")
        drainage.get_by_role("button", name="写入日志").click()
        expect(dispatcher.locator("[data-part=log]")).to_contain_text("水位开始下降")
        expect(dispatcher.locator("#link-case-error")).to_contain_text("19 位编号")
        dispatcher.goto("/emergency")
        refused(dispatcher)
        dispatcher.goto(address)
        ready(dispatcher)

        # the desk's keys: down the board, begin, done
        finish_by_keys(dispatcher)
        drainage.locator("[data-key=d]").click()
        expect(column(dispatcher, "done")).to_have_count(2)
        fine(dispatcher)
        take_off(dispatcher)
        dispatcher.locator("[data-fold=close] > summary").click()
        dispatcher.fill("#close-summary", "积水已排完，道路恢复通行")
        dispatcher.locator("[data-fold=close] button[type=submit]").click()
        dispatcher.get_by_role("link", name="总结报告").click()
        expect(dispatcher.locator(".em-report")).to_contain_text("积水已排完，道路恢复通行")
        expect(dispatcher.locator(".em-report")).to_contain_text("散列链完整")
        fine(dispatcher)
        expect(drainage.locator("[data-part=head]")).to_contain_text("已结束")
        expect(drainage.locator("[data-move]")).to_have_count(0)


def opened(dispatcher) -> None:
    """Open one at the desk: kind, words, place on the map; its plan is shown before."""
    dispatcher.goto("/emergency/new")
    dispatcher.locator("input[name=kind][value=waterlogging]").check()
    expect(dispatcher.locator("[data-plan=waterlogging] li:visible")).to_have_count(5)
    dispatcher.locator("input[name=level][value='2']").check()
    expect(dispatcher.locator("[data-plan=waterlogging] li:visible")).to_have_count(8)
    dispatcher.locator("input[name=level][value='4']").check()
    dispatcher.fill("#title", "下穿隧道积水")
    dispatcher.locator("[data-pin-map]").click()
    expect(dispatcher.locator("[data-cell-code]")).to_have_text(re.compile(r"\d{15}"))
    fine(dispatcher)
    dispatcher.get_by_role("button", name="立即启动").click()
    dispatcher.wait_for_url(re.compile(r"/emergency/E\d{11}$"))


def draw_ground(page) -> None:
    """Draw a triangle around the place, by taps on the map."""
    page.locator("[data-fold=change] > summary").click()
    page.locator("[data-draw]").click()
    drawing = page.locator("[data-emergency-map]")
    for x, y in ((80, 60), (300, 80), (180, 220), (180, 220)):
        drawing.click(position={"x": x, "y": y})
    expect(page.locator("[data-size]")).to_contain_text("m²")
    page.locator("[data-fold=change] button[type=submit]").click()
    expect(page.locator("[data-part=where]")).to_contain_text("指定范围")


def refused(page) -> None:
    """Send a file that is no message; the reason stays where it is when the list has been fetched anew."""
    with page.expect_response(
        lambda answer: answer.request.resource_type == "fetch" and page.url.endswith("/emergency/cap")
    ) as fetched:
        page.locator("input[name=file]").set_input_files(
            {"name": "a.xml", "mimeType": "application/xml", "buffer": b"<a/>"}
        )
        page.get_by_role("button", name="检查并接收").click()
    assert fetched.value.status == 200
    expect(page.locator("#form-error")).to_contain_text("CAP")


def finish_by_keys(page) -> None:
    """Finish the first task that is to be done, without the mouse."""
    page.locator("h1").click()
    page.keyboard.press("j")
    chosen = page.evaluate("document.activeElement.dataset.task")
    page.keyboard.press("b")
    expect(page.locator(f"[data-column=doing] [data-task='{chosen}']")).to_be_focused()
    page.keyboard.press("d")
    expect(page.locator(f"[data-column=done] [data-task='{chosen}']")).to_be_visible()


def take_off(page) -> None:
    """Take off the board what is left."""
    for left in (3, 2, 1):
        expect(column(page, "todo")).to_have_count(left)
        card = column(page, "todo").first
        card.locator("summary").click()
        card.locator("textarea").fill("已不需要")
        card.locator(".em-why button").click()
    expect(column(page, "todo")).to_have_count(0)
