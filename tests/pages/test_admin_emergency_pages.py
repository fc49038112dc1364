"""Plans and resources of emergencies on the administrators' pages: looked at, kept, refused at the row, from files."""

import html
import re

import pytest
from sqlalchemy import text

from tests import city
from tests.pages.sending import do, looked_at, send, table
from webgis.emergency import kinds, plans, resources

PLANS, FIRE = "/admin/emergency", "/admin/emergency/plans/fire"
LIST, TOLD = "/admin/emergency/resources", "/admin/emergency/told"
SEEN = re.compile(r'name="seen" value="([^"]*)"')
LON, LAT = city.IN_WEST
PUMP = {"code": "P1", "kind": "pump", "name_zh": "泵车 <b>", "source": "本市", "lon": str(LON), "lat": str(LAT)}


@pytest.fixture
def admin(reader):
    return reader("administrator1")


def seen(page: str) -> str:
    return html.unescape(SEEN.search(page)[1])


def rows(*tasks: tuple[str, str, str, str]) -> dict[str, list[str]]:
    """A form of these tasks (Chinese, minutes, level, kind of department) and an empty row, as a browser sends it."""
    given = [*tasks, ("", "", "4", "emergency")]
    zh, minutes, level, kind = (list(column) for column in zip(*given, strict=True))
    there = ["x" if words else "" for words in zh]
    return {
        "words_zh": zh, "minutes": minutes, "level": level, "department_kind": kind, "words_en": there, "source": there,
    }  # fmt: skip


def acts(runtime, action: str) -> list:
    with runtime.transaction() as session:
        found = text("SELECT subject, before, after FROM city.admin_event WHERE action = :action ORDER BY id")
        return session.execute(found, {"action": action}).all()


def test_a_plan_is_looked_at_then_kept_and_the_one_that_ships_comes_back(admin, city_runtime):
    page = admin.get(FIRE).text
    assert "随附" in page and "无此类部门：由牵头单位承担" in page
    mine = rows(("到场侦察", "5", "4", "emergency"), ("疏散", "15", "2", "sanitation"))
    looked = admin.send(FIRE, **mine, seen=seen(page), act="look")
    assert looked.status_code == 200 and "新增 2 项任务" in looked.text and "到场侦察" in looked.text
    assert acts(city_runtime, "emergency.plan") == []
    assert admin.send(FIRE, **mine, seen=seen(looked.text), act="keep").location == PLANS
    (kept,) = acts(city_runtime, "emergency.plan")
    assert kept.subject == "fire" and [one["minutes"] for one in kept.after["tasks"]] == [5, 15]
    assert admin.get(PLANS).text.count("本市预案</span>") == 1
    assert "与现有预案相同" in admin.send(FIRE, **mine, act="look").text
    late = admin.send(FIRE, **rows(("别的", "5", "4", "emergency")), seen=seen(page), act="keep")
    assert late.status_code == 409 and "其他人刚刚更改了该预案" in late.text and "别的" in late.text
    assert admin.send(f"{FIRE}/shipped", seen=seen(page)).status_code == 303
    assert "本市预案</span>" in admin.get(PLANS).text, "what was seen is not what would go"
    assert admin.send(f"{FIRE}/shipped", seen=seen(admin.get(FIRE).text)).status_code == 303
    assert "本市预案</span>" not in admin.get(PLANS).text and len(acts(city_runtime, "emergency.plan")) == 2


WRONG = {
    "minutes": (("到场", "soon", "4", "emergency"), "整数分钟"),
    "level": (("到场", "5", "9", "emergency"), "1（最严重）至 4"),
    "department_kind": (("到场", "5", "4", "army"), "可用值："),
    "words_zh": (("长" * 201, "5", "4", "emergency"), "1 至 200"),
}


@pytest.mark.parametrize(("task", "said"), WRONG.values(), ids=WRONG)
def test_a_task_that_cannot_be_meant_is_marked_and_what_was_typed_stays(admin, city_runtime, task, said):
    good = ("先到的任务", "5", "4", "emergency")
    answer = admin.send(FIRE, **rows(good, task), seen=seen(admin.get(FIRE).text), act="keep")
    assert answer.status_code == 422 and said in answer.text and "先到的任务" in answer.text
    assert "请修改标出的一行。 <b>2</b>" in answer.text and acts(city_runtime, "emergency.plan") == []


def test_a_resource_is_added_changed_and_taken_out_of_use(admin, city_runtime):
    assert "没有资源" in admin.get(LIST).text
    assert admin.send(f"{LIST}/new", **PUMP, crs="wgs84").location == LIST
    assert "泵车 &lt;b&gt;" in admin.get(LIST).text
    again = admin.send(f"{LIST}/new", **PUMP, crs="wgs84")
    assert again.status_code == 422 and "该编号的资源已存在" in again.text
    bare = admin.send(f"{LIST}/new", **PUMP | {"code": "P2", "lon": "", "name_zh": "无处"}, crs="wgs84")
    assert bare.status_code == 422 and "无处" in bare.text and "请设置位置" in bare.text
    page = admin.get(f"{LIST}/one/P1").text
    change = PUMP | {"amount": "3 台", "seen": seen(page), "crs": "wgs84"}
    assert admin.send(f"{LIST}/one/P1", **change).status_code == 303
    late = admin.send(f"{LIST}/one/P1", **change | {"amount": "4 台"})
    assert late.status_code == 409 and "其他人刚刚更改了该资源" in late.text and "4 台" in late.text
    assert admin.send(f"{LIST}/one/P1/use", active="no").status_code == 303
    assert "已停用" in admin.get(f"{LIST}?q=泵&kind=pump").text and "没有资源" in admin.get(f"{LIST}?q=x").text
    told = acts(city_runtime, "emergency.resource")
    assert [one.after for one in told[1:]] == [{"amount": "3 台"}, {"active": False}]
    assert admin.get(f"{LIST}/one/none").status_code == 404


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_file_of_resources_is_looked_at_and_each_fault_named(reader, city_runtime, language):
    admin = reader("administrator1", language)
    header = [*resources.COLUMNS]
    good = ["P1", "pump", "泵车", "", LON, LAT, "", "3 台", "", "", "本市", "", ""]
    bad = table([header, good, [*good[:1], "boat", *good[2:]], ["P3", "pump", "车", "", "east", *good[5:]]])
    page = admin.get(looked_at(admin, city_runtime, send(admin, LIST, bad, "r.xlsx", crs="wgs84"))).text
    assert "boat · " in page and "pump, rescue" in page and "east · " in page
    path = looked_at(admin, city_runtime, send(admin, LIST, table([header, good]), "r.xlsx", crs="gcj02"))
    assert acts(city_runtime, "emergency.resources") == [] and 'data-count="added">1<' in admin.get(path).text
    assert admin.send(f"{path}/take").status_code == 303
    do(city_runtime)
    assert f"{LIST}/one/P1" in admin.get(path).text
    (told,) = acts(city_runtime, "emergency.resources")
    assert told.subject == "r.xlsx" and told.after == {"added": 1, "changed": 0, "unchanged": 0}
    exported = admin.get("/admin/emergency/resources.xlsx").data
    again = looked_at(admin, city_runtime, send(admin, LIST, exported, "r.xlsx", crs="cgcs2000"))
    assert 'data-count="unchanged">1<' in admin.get(again).text and "/take" not in admin.get(again).text


def test_a_file_of_plans_is_looked_at_and_taken_over(admin, city_runtime):
    exported = admin.get("/admin/emergency/plans.xlsx").data
    same = looked_at(admin, city_runtime, send(admin, PLANS, exported, "p.xlsx"))
    assert "/take" not in admin.get(same).text
    task = ["fire", 4, "emergency", 5, "到场侦察", "Go there", "本市"]
    path = looked_at(admin, city_runtime, send(admin, PLANS, table([[*plans.COLUMNS], task]), "p.xlsx"))
    page = admin.get(path).text
    assert "到场侦察" in page and "删除" in page and "内涝" not in page
    assert admin.send(f"{path}/take").status_code == 303
    do(city_runtime)
    assert admin.get(PLANS).text.count("本市预案</span>") == 1
    late = table([[*plans.COLUMNS], [*task[:3], 0, *task[4:]]])
    wrong = looked_at(admin, city_runtime, send(admin, PLANS, late, "p.xlsx"))
    assert "整数分钟" in admin.get(wrong).text


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_who_is_told_is_marked_and_kept_and_the_later_is_refused(reader, city_runtime, language):
    admin = reader("administrator1", language)
    page = admin.get(TOLD).text
    assert page.count('type="checkbox"') == len(kinds.TOLD) * len(kinds.WHO) and page.count(" checked>") == 9
    mine = {"joined": ["department", "manager"], "overdue": ["lead"]}
    assert admin.send(TOLD, **mine, seen=seen(page)).location == TOLD
    (kept,) = acts(city_runtime, "emergency.listeners")
    assert kept.after == {"joined": ["department", "manager"], "overdue": ["lead"]} | {
        event: [] for event in kinds.TOLD if event not in mine
    }
    late = admin.send(TOLD, closed=["manager"], seen=seen(page))
    assert (
        late.status_code == 409 and ("其他人刚刚更改了通知对象" if language != "en" else "Somebody else") in late.text
    )
    wrong = admin.send(TOLD, closed=["mayor"], seen=seen(admin.get(TOLD).text))
    assert wrong.status_code == 422 and len(acts(city_runtime, "emergency.listeners")) == 1


def test_plans_and_resources_are_for_administrators_of_the_whole_city(reader):
    dispatcher = reader("dispatcher1")
    assert {dispatcher.get(path).status_code for path in (PLANS, FIRE, LIST, TOLD)} == {403}
    assert dispatcher.send(f"{LIST}/new", **PUMP).status_code == 403


def test_a_resource_stands_in_the_city_or_not_far_from_it(admin):
    given = {"code": "FAR-1", "kind": "pump", "name_zh": "泵", "lon": "0", "lat": "0", "source": "台账"}
    answer = admin.send("/admin/emergency/resources/new", **given)
    assert answer.status_code == 422 and "FAR-1" in answer.text
    assert admin.send("/admin/emergency/resources/new", **given | {"lon": "104.3", "lat": "30.5"}).status_code == 303
