"""Routing rules, filing standards and the calendar on the administrators' pages, without a screen."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, text

from tests import city
from tests.cases.life import Life
from tests.pages.sending import do, looked_at, send, table
from webgis.accounts.models import AdminEvent
from webgis.cases import calendar, routing_sets
from webgis.catalog import queries as catalog

HEAD = ("编号", "优先级", "类型", "类代码", "区域代码", "责任部门代码")
WORKS, SANITATION = "510104-works", "510104-sanitation"


@pytest.fixture
def administrator(reader):
    return reader("administrator1", "en")


def _acts(runtime, action: str) -> list[AdminEvent]:
    with runtime.transaction() as session:
        return list(session.scalars(select(AdminEvent).filter_by(action=action).order_by(AdminEvent.id)))


# Routing


def test_rules_come_from_a_table_are_tried_and_put_in_force(administrator, city_runtime):
    number = Life(city_runtime).filed()
    faulty = table([HEAD, (1, 100, "事项", "06", city.COUNTY, "nowhere"), (1, "x", "", "", "", WORKS)])
    answer = send(administrator, "/admin/routing", faulty, "rules.xlsx", upload="yes", name="冬季规则")
    assert answer.status_code == 422 and "there is no department nowhere" in answer.text and "0 to 1000" in answer.text
    good = table([HEAD, (1, 100, "事项", "", city.COUNTY, WORKS)])
    answer = send(administrator, "/admin/routing", good, "rules.xlsx", upload="yes", name="冬季规则")
    assert answer.status_code == 303 and answer.location == "/admin/routing/1"
    shown = administrator.get("/admin/routing/1").text
    assert "冬季规则" in shown and "Draft" in shown and WORKS in shown
    tried = administrator.get("/admin/routing/1/dry-run?days=7").text
    assert "Cases tried" in tried and "Put these rules in force" in tried and "data-elsewhere>0" in tried
    assert administrator.send("/admin/routing/1/activate").status_code == 303
    assert administrator.send("/admin/routing/1/activate").status_code == 409
    with city_runtime.transaction() as session:
        assert routing_sets.active(session).version == 1
    assert (act := _acts(city_runtime, "routing.activate")[0]).before is None
    assert act.after == {"version": 1, "name": "冬季规则"} and number


def test_a_draft_is_written_rule_by_rule(administrator, city_runtime):
    made = administrator.send("/admin/routing", name="草稿", based_on="")
    path = made.location
    assert made.status_code == 303 and "No rules in it yet" in administrator.get(path).text
    assert administrator.send("/admin/routing", name="", based_on="").status_code == 422
    given = {"priority": "100", "department": WORKS, "class": "06", "hours": "25:00"}
    wrong = administrator.send(f"{path}/rules/new", **given)
    assert wrong.status_code == 422 and 'id="hours-error"' in wrong.text and "hours are expected" in wrong.text
    assert administrator.send(f"{path}/rules/new", **given | {"hours": "22:00-06:00"}).status_code == 303
    assert "22:00-06:00" in administrator.get(f"{path}/rules/1").text
    changed = given | {"hours": "", "department": SANITATION}
    assert administrator.send(f"{path}/rules/1", **changed).status_code == 303
    act = _acts(city_runtime, "routing.rule")[-1]
    assert (act.before["department"], act.after["department"]) == (WORKS, SANITATION)
    other = administrator.send("/admin/routing", name="另一份", based_on="1")
    assert SANITATION in administrator.get(other.location).text
    assert administrator.get(f"{path}/export.xlsx").data[:2] == b"PK"
    replaced = send(administrator, f"{path}/import", table([HEAD, (7, 1, "", "", "", WORKS)]), "rules.csv.xlsx")
    assert replaced.status_code == 303 and "Rule 7" in administrator.get(path).text
    assert administrator.send(f"{path}/rules/7/remove").status_code == 303
    assert administrator.send(f"{path}/activate").status_code == 409
    assert administrator.send(f"{path}/drop").status_code == 303
    assert administrator.get(path).status_code == 404
    assert administrator.get("/admin/routing/99999999999").status_code == 404


# Standards

CONDITIONS = ("类型", "代码", "名称", "立案条件", "时限", "结案条件", "责任部门类别")
REFUSE = ("事项", city.REFUSE, "暴露垃圾", "有垃圾即立案", "3小时", "清理干净", "sanitation")


def _send_standard(someone, rows, **fields):
    given = {"code": "cd-2026", "name_zh": "成都标准", "standard": "GB/T 47678.5-2026"} | fields
    return send(someone, "/admin/standards/import", table([CONDITIONS, *rows]), "标准.xlsx", **given)


def test_a_standard_is_looked_at_compared_taken_over_and_put_in_force(administrator, city_runtime):
    assert "In force" in administrator.get("/admin/standards").text
    path = looked_at(administrator, city_runtime, _send_standard(administrator, [REFUSE]))
    page = administrator.get(path).text
    assert "It would become cd-2026 version 1: 1 conditions" in page and "3 working hours" in page
    with city_runtime.transaction() as session:
        assert {one.code for one, _n in catalog.filing_standards(session)} == {"webgis-default"}
    administrator.send(f"{path}/take")
    do(city_runtime)
    done = administrator.get(path).text
    assert "cd-2026 version 1 is stored" in done
    made = _acts(city_runtime, "catalog.import")[0]
    assert made.after["conditions"] == 1 and made.who == "administrator1"
    with city_runtime.transaction() as session:
        stored = catalog.require_filing_standard(session, city.CITY, "cd-2026")
    shown = administrator.get(f"/admin/standards/one/{stored.id}").text
    assert "Put this version in force" in shown and "3 working hours" in shown
    assert administrator.send(f"/admin/standards/one/{stored.id}/activate").status_code == 303
    act = _acts(city_runtime, "catalog.activate")[0]
    assert (act.before["code"], act.after["code"]) == ("webgis-default", "cd-2026")
    again = looked_at(administrator, city_runtime, _send_standard(administrator, [REFUSE]))
    assert "says just that already" in administrator.get(again).text
    stricter = (*REFUSE[:4], "2小时", *REFUSE[5:])
    path = looked_at(administrator, city_runtime, _send_standard(administrator, [stricter]))
    assert "3 working hours → 2 working hours" in administrator.get(path).text
    administrator.send(f"{path}/take", activate="yes")
    do(city_runtime)
    with city_runtime.transaction() as session:
        active = catalog.active_filing_standard(session, city.CITY)
    assert (active.code, active.version) == ("cd-2026", 2)
    assert administrator.get(f"/admin/standards/one/{active.id}/export.xlsx").data[:2] == b"PK"


@pytest.mark.parametrize(("language", "said"), [("en", "no time limit"), ("zh-CN", "应为整数加单位")])
def test_a_table_with_faults_is_refused_by_row_and_column(reader, city_runtime, language, said):
    someone = reader("administrator1", language)
    rows = [REFUSE, ("事项", "99999", "", "", "soon", "", "mayor")]
    path = looked_at(someone, city_runtime, _send_standard(someone, rows))
    page = someone.get(path).text
    assert said in page and "立案条件" in page and someone.send(f"{path}/take").status_code == 303
    with city_runtime.transaction() as session:
        assert len(catalog.filing_standards(session)) == 1


@pytest.mark.parametrize("wrong", [{"code": "城"}, {"name_zh": ""}, {"standard": "GB 1"}])
def test_a_standard_needs_a_name_and_a_list(administrator, wrong):
    assert _send_standard(administrator, [REFUSE], **wrong).status_code == 422


def test_classes_are_searched(administrator):
    found = administrator.get("/admin/standards/classes?q=暴露垃圾&kind=matter").text
    assert city.REFUSE in found and "01001" not in found
    assert "Nothing of that kind" in administrator.get("/admin/standards/classes?q=zzz").text
    assert administrator.get("/admin/standards/one/4711").status_code == 404


# Calendar


def _next_working_day(runtime, after: int = 1) -> date:
    with runtime.transaction() as session:
        now = calendar.of_city(session, runtime.settings, fresh=True)
    day = datetime.now(runtime.settings.zone).date() + timedelta(days=after)
    while not now.is_working_day(day):
        day += timedelta(days=1)
    return day


IN_WORKING_TIME = """
    UPDATE city.case SET condition_id = (SELECT max(id) FROM city.filing_condition WHERE limit_unit = 'working_day')
    WHERE number = :number
"""


def test_a_day_off_shows_what_would_move_and_then_moves_it(administrator, city_runtime):
    life = Life(city_runtime, datetime.now(UTC))
    number = life.filed()
    with city_runtime.transaction() as session:
        session.execute(text(IN_WORKING_TIME), {"number": number})
    life.do("dispatcher1", number, "dispatch", department=WORKS)
    day = _next_working_day(city_runtime, after=0)
    assert day.isoformat() in administrator.get(f"/admin/calendar?year={day.year}").text
    assert f'value="{day.isoformat()}"' in administrator.get(f"/admin/calendar/day?day={day.isoformat()}").text
    off = {"day": day.isoformat(), "until": (day + timedelta(days=9)).isoformat(), "working": "no", "name_zh": "抢险"}
    path = looked_at(administrator, city_runtime, administrator.send("/admin/calendar/day", **off))
    page = administrator.get(path).text
    assert "data-moved>1<" in page and number in page and "Nothing has been changed yet" in page
    with city_runtime.transaction() as session:
        assert calendar.of_city(session, city_runtime.settings, fresh=True).is_working_day(day)
    administrator.send(f"{path}/take")
    do(city_runtime)
    with city_runtime.transaction() as session:
        assert not calendar.of_city(session, city_runtime.settings, fresh=True).is_working_day(day)
        session.execute(text("UPDATE city.outbox SET due_at = now()"))
    do(city_runtime)
    assert "1 moved" in administrator.get("/admin/calendar").text
    assert number in administrator.get("/admin/calendar/moves/1").text
    act = _acts(city_runtime, "calendar.days")[0]
    assert (act.before[day.isoformat()], act.after[day.isoformat()]) == (True, False)
    again = looked_at(administrator, city_runtime, administrator.send("/admin/calendar/day", **off))
    assert "says that already" in administrator.get(again).text


def test_a_file_of_days_is_refused_by_row_or_taken_over(administrator, reader, city_runtime):
    day = _next_working_day(city_runtime)
    faulty = table([("日期", "是否工作日"), ("someday", "是"), (day.isoformat(), "maybe")])
    path = looked_at(administrator, city_runtime, send(administrator, "/admin/calendar/import", faulty, "days.xlsx"))
    page = administrator.get(path).text
    assert "someday" in page and "maybe" in page
    good = table([("日期", "是否工作日", "名称"), (day.isoformat(), "否", "停工")])
    path = looked_at(administrator, city_runtime, send(administrator, "/admin/calendar/import", good, "days.xlsx"))
    assert day.isoformat() in administrator.get(path).text
    administrator.send(f"{path}/take")
    do(city_runtime)
    assert "停工" in reader("administrator1").get(f"/admin/calendar?year={day.year}").text
    assert _acts(city_runtime, "calendar.import")[0].after["file"] == "days.xlsx"
    assert administrator.get(f"/admin/calendar/template.xlsx?year={day.year}").data[:2] == b"PK"


def test_shifts_of_a_period_come_and_go(administrator, city_runtime):
    summer = {"since": "2027-07-01", "until": "2027-08-31", "shifts": "07:00-11:00,15:00-19:00"}
    for wrong in ({"since": "x"}, {"shifts": "9-5"}, {"until": "2027-01-01"}):
        answer = administrator.send("/admin/calendar/hours", **summer | wrong)
        path = answer.location and looked_at(administrator, city_runtime, answer)
        assert answer.status_code == 422 or "Try again" in administrator.get(path).text
    path = looked_at(administrator, city_runtime, administrator.send("/admin/calendar/hours", **summer))
    administrator.send(f"{path}/take")
    do(city_runtime)
    assert "07:00-11:00" in administrator.get("/admin/calendar/hours").text
    path = looked_at(administrator, city_runtime, administrator.send("/admin/calendar/hours", remove="2027-07-01"))
    administrator.send(f"{path}/take")
    do(city_runtime)
    assert "07:00-11:00" not in administrator.get("/admin/calendar/hours").text
    assert len(_acts(city_runtime, "calendar.hours")) == 2


@pytest.mark.parametrize(
    "wrong", [{"day": "soon"}, {"until": "2026-01-01"}, {"working": "perhaps"}, {"until": "2028-01-01"}]
)
def test_what_is_no_day_is_said(administrator, wrong):
    given = {"day": "2026-12-01", "until": "", "working": "no", "name_zh": "", "name_en": ""} | wrong
    assert administrator.send("/admin/calendar/day", **given).status_code == 422
