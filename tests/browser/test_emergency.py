"""An emergency from the administrator's plan and resource over its opening to its closing report: at a desk, and on the
phone of another agency."""

import re

from playwright.sync_api import expect

from tests.browser.axe import findings
from tests.browser.live import streaming
from tests.emergency.cap_schema import valid
from tests.emergency.scene import people
from webgis.emergency import cap_reading


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
    with site.reader("administrator1") as administrator:
        plan_kept(administrator)
        resource_added(administrator)
    desk = site.reader("dispatcher1")
    phone = site.reader("drainage1", size=(390, 844), color_scheme="dark")
    with streaming(site.runtime.settings), desk as dispatcher, phone as drainage:
        drainage.goto("/emergency")
        ready(drainage)
        opened(dispatcher)
        address = dispatcher.url.replace(site.origin, "")

        # it comes to the other agency by itself; only its own task has buttons there
        drainage.locator(f"a[href='{address}']").click()
        expect(column(drainage, "todo")).to_have_count(2)
        expect(drainage.locator("[data-move]")).to_have_count(2)
        ready(dispatcher)
        drainage.locator("[data-key=b]").click()
        expect(column(drainage, "doing")).to_have_count(1)
        expect(column(dispatcher, "doing")).to_have_count(1)
        fine(drainage)

        # what is near is called in, and is a task of who keeps it
        dispatcher.get_by_role("button", name="调集示例泵车").click()
        expect(dispatcher.locator("[data-near]", has_text="示例泵车")).to_contain_text("已调集")
        expect(column(drainage, "todo")).to_have_count(2)
        expect(column(drainage, "todo").filter(has_text="调集示例泵车到场")).to_have_class(re.compile("em-mine"))
        ready(dispatcher)

        # what the agency writes stands in the desk's log; what was open there stays so
        dispatcher.locator("[data-fold=add_task] > summary").click()
        dispatcher.fill("#task-words", "检查周边地下车库")
        drainage.fill("#note-words", "泵车到场 <b>水深四十厘米</b>")
        drainage.get_by_role("button", name="写入日志").click()
        expect(dispatcher.locator("[data-part=log]")).to_contain_text("泵车到场 <b>水深四十厘米</b>")
        expect(dispatcher.locator("#task-words")).to_have_value("检查周边地下车库")

        # another outline is typed, and the other agency's map has it at once
        type_ground(dispatcher)
        shape = drainage.locator("[data-shape]")
        expect(shape).to_have_attribute("data-shape", re.compile(r"104\.0611"))

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
        drainage.locator("[data-column=doing] [data-key=d]").click()
        expect(column(dispatcher, "done")).to_have_count(2)
        fine(dispatcher)
        take_off(dispatcher)
        messages_read(dispatcher, address)
        dispatcher.locator("[data-fold=close] > summary").click()
        dispatcher.fill("#close-summary", "积水已排完，道路恢复通行")
        dispatcher.locator("[data-fold=close] button[type=submit]").click()
        dispatcher.get_by_role("link", name="总结报告").click()
        expect(dispatcher.locator(".em-report")).to_contain_text("积水已排完，道路恢复通行")
        expect(dispatcher.locator(".em-report")).to_contain_text("散列链完整")
        fine(dispatcher)
        expect(drainage.locator("[data-part=head]")).to_contain_text("已结束")
        expect(drainage.locator("[data-move]")).to_have_count(0)


TASKS = (("泵车到场抽排", "Pump", "drainage", "20", "4"), ("封闭路口", "Close the roads", "traffic_police", "15", "4"),
         ("转移住户", "Move people", "emergency", "60", "2"))  # fmt: skip


def plan_kept(administrator) -> None:
    """The plan of a kind becomes one of three tasks: looked at, then kept."""
    administrator.goto("/admin/emergency/plans/waterlogging")
    rows = administrator.locator(".em-plan-edit tbody tr")
    for place, (zh, en, kind, minutes, level) in enumerate(TASKS):
        row = rows.nth(place)
        row.locator("[name=words_zh]").fill(zh)
        row.locator("[name=words_en]").fill(en)
        row.locator("[name=minutes]").fill(minutes)
        row.locator("[name=department_kind]").select_option(kind)
        row.locator("[name=level]").select_option(level)
    others = f".em-plan-edit tr:nth-child(n + {len(TASKS) + 1}) :is(textarea, input)"
    administrator.eval_on_selector_all(others, "fields => fields.forEach((one) => { one.value = ''; })")
    administrator.get_by_role("button", name="预览变化").click()
    expect(administrator.get_by_role("status")).to_contain_text("新增 3 项任务")
    fine(administrator)
    administrator.get_by_role("button", name="保存").click()
    expect(administrator.locator("tr", has_text="城市内涝")).to_contain_text("本市预案")


def resource_added(administrator) -> None:
    """A pump truck is put on the map."""
    administrator.goto("/admin/emergency/resources/new")
    fields = {"code": "pump-1", "name_zh": "示例泵车", "amount": "1 台", "source": "示例"}
    for name, value in fields.items():
        administrator.fill(f"#{name}", value)
    administrator.locator("#kind").select_option("pump")
    administrator.locator("#department").select_option("510104-drainage")
    administrator.locator("[data-pin-map]").click()
    expect(administrator.locator("[data-cell-code]")).to_have_text(re.compile(r"\d{15}"))
    fine(administrator)
    administrator.get_by_role("button", name="添加").click()
    expect(administrator.locator("tr", has_text="示例泵车")).to_contain_text("1 台")


def draw(page, drawing) -> None:
    """Draw a triangle by taps on a map."""
    page.locator("[data-draw]").click()
    for x, y in ((180, 80), (330, 80), (250, 220), (250, 220)):
        drawing.click(position={"x": x, "y": y})
    expect(page.locator("[data-size]")).to_contain_text("m²")


def messages_read(page, address) -> None:
    """What was given out as CAP is read back: an alert and an update that names it, with the ground as it was then."""
    links = page.locator("[data-part=beside] a[href*='/cap/']")
    texts = [page.request.get(links.nth(place).get_attribute("href")).text() for place in range(links.count())]
    told = [cap_reading.read(one.encode()) for one in texts]
    assert all(map(valid, texts)) and [one["msgType"] for one in told] == ["Alert", "Update"]
    grounds = [one["info"][0]["area"][0]["polygon"][0] for one in told]
    assert (
        "30.656500,104.061100" in grounds[1]
        and grounds[0] != grounds[1]
        and told[0]["identifier"] in told[1]["references"]
    )


def opened(dispatcher) -> None:
    """Open one at the desk: kind, words, its ground drawn on the map; its plan is shown before."""
    dispatcher.goto("/emergency/new")
    dispatcher.locator("input[name=kind][value=waterlogging]").check()
    planned = dispatcher.locator("[data-plan=waterlogging] li:visible")
    expect(planned).to_have_text([re.compile("泵车到场抽排"), re.compile("封闭路口")])
    dispatcher.locator("input[name=level][value='2']").check()
    expect(planned).to_have_count(3)
    dispatcher.locator("input[name=level][value='4']").check()
    dispatcher.fill("#title", "下穿隧道积水")
    dispatcher.locator(".choice", has_text="手绘范围").click()
    draw(dispatcher, dispatcher.locator("[data-pin-map]"))
    expect(dispatcher.locator("[data-cell-code]")).to_have_text(re.compile(r"\d{15}"))
    fine(dispatcher)
    dispatcher.get_by_role("button", name="立即启动").click()
    dispatcher.wait_for_url(re.compile(r"/emergency/E\d{11}$"))


def type_ground(page) -> None:
    """Give another outline without the mouse."""
    expect(page.locator("[data-part=where]")).to_contain_text("指定范围")
    page.locator("[data-fold=change] > summary").click()
    page.locator("[data-fold=change] .by-hand > summary").press("Enter")
    page.fill("#change-corners", "104.0611,30.6565 104.0635,30.6565 104.0635,30.6585")
    page.locator("#change-corners").blur()
    expect(page.locator("[data-fold=change] [data-size]")).to_contain_text("m²")
    page.locator("[data-fold=change] button[type=submit]").click()
    expect(page.locator("[data-shape]")).to_have_attribute("data-shape", re.compile(r"104\.0611"))


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
    expect(column(page, "todo")).to_have_count(1)
    card = column(page, "todo").first
    card.locator("summary").click()
    card.locator("textarea").fill("已不需要")
    card.locator(".em-why button").click()
    expect(column(page, "todo")).to_have_count(0)
