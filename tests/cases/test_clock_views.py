"""Clocks and the working calendar over HTTP and by command: derivations, edits, files, and what a change moved."""

import json
from io import BytesIO

import openpyxl
import pytest
from click.testing import CliRunner
from sqlalchemy import text

from tests import city
from tests.cases import stories
from webgis import cli
from webgis.cases import recompute

DERIVED = "4 working hours from Fri 2026-11-20 16:30: 1.5 h on Friday, closed at the weekend, 2.5 h on Monday"


@pytest.fixture
def number(city_runtime) -> str:
    """A case dispatched on Friday at 16:30 with a limit of 4 working hours."""
    with city_runtime.transaction() as session:
        return stories.dispatched(session, city_runtime.settings, "2026-11-20 16:30")


@pytest.fixture
def webgis(city_runtime):
    """A function that runs `webgis clock ...`; its exit code and what it printed."""

    def run(*arguments) -> tuple[int, str]:
        done = CliRunner().invoke(cli.group, ["clock", *map(str, arguments)], obj=city_runtime)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            return 2, f"{done.output}{done.exception}"
        return done.exit_code, done.output

    return run


def put(client, path: str, fields: dict):
    return client.client.put(path, json=fields, headers=client.headers)


def test_a_case_says_why_it_is_due_when_it_is(api, number):
    told = api("works1").get(f"/api/v1/cases/{number}/clock").json
    assert told["status"] == "running" and told["deadline"] == "2026-11-23T10:30:00+08:00"
    assert [(one["entry"], one["limit"], one["unit"]) for one in told["ledger"]] == [("start", 4, "working_hour")]
    assert told["explanation_en"] == f"{DERIVED} -> Mon 2026-11-23 10:30"
    assert "周五 1.5 小时，周末不计，周一 2.5 小时 -> 周一 2026-11-23 10:30" in told["explanation_zh"]
    assert api("sanitation1").get(f"/api/v1/cases/{number}/clock").json["code"] == "cases.case-unknown"


def test_a_day_off_moves_the_deadline_and_the_report_names_the_case(api, number, city_runtime):
    administrator = api("administrator1")
    days = {"days": [{"day": "2026-11-23", "working": False, "name_zh": "防汛停工", "name_en": "flood"}]}
    changed = put(administrator, "/api/v1/calendar/days", days)
    assert changed.json["turned"] == ["2026-11-23"]
    with city_runtime.transaction() as session:
        recompute.recompute(session, city_runtime.settings)
    (done,) = administrator.get("/api/v1/calendar/recomputes").json["recomputes"]
    assert (done["checked"], done["moved"]) == (1, 1)
    (move,) = administrator.get(f"/api/v1/calendar/recomputes/{done['id']}").json["moves"]
    assert (move["number"], move["old_deadline_at"], move["new_deadline_at"]) == (
        number, "2026-11-23T10:30:00+08:00", "2026-11-24T10:30:00+08:00")  # fmt: skip
    assert "closed for flood" in api("works1").get(f"/api/v1/cases/{number}/clock").json["explanation_en"]
    year = administrator.get("/api/v1/calendar/days", year=2026)
    stored = {one["day"]: one for one in year.json["days"]}
    assert stored["2026-11-23"]["source"] == "edited" and len(stored) == 365
    headers = administrator.headers | {"If-None-Match": year.headers["ETag"]}
    cached = administrator.client.get("/api/v1/calendar/days?year=2026", headers=headers)
    assert cached.status_code == 304
    assert administrator.get("/api/v1/calendar/recomputes/4711").json["code"] == "cases.recompute-unknown"


def test_summer_hours_are_set_and_taken_away(api):
    administrator = api("administrator1")
    summer = {"since": "2026-05-01", "until": "2026-09-30", "shifts": "08:30-12:00,14:30-18:00"}
    assert put(administrator, "/api/v1/calendar/hours", {"periods": [summer]}).json["written"] == 1
    assert administrator.get("/api/v1/calendar/hours").json["periods"] == [summer]
    wrong = put(administrator, "/api/v1/calendar/hours", {"periods": [summer | {"shifts": "18:00-08:00"}]})
    assert wrong.json["code"] == "cases.bad-field" and wrong.json["field"] == "shifts"
    assert put(administrator, "/api/v1/calendar/hours", {"periods": []}).status_code == 200
    assert administrator.get("/api/v1/calendar/hours").json["periods"] == []


def test_a_year_goes_as_a_workbook_and_comes_back_changed(api):
    administrator = api("administrator1")
    out = administrator.get("/api/v1/calendar/template.xlsx", year=2027, headings="en")
    book = openpyxl.load_workbook(BytesIO(out.data))
    sheet = book.active
    assert sheet.max_row == 366 and [cell.value for cell in sheet[1]][:3] == ["day", "weekday", "working"]
    row = next(row for row in sheet.iter_rows(min_row=2) if row[0].value == "2027-03-01")
    row[2].value = "no"
    file = BytesIO()
    book.save(file)
    file.seek(0)
    done = administrator.client.post("/api/v1/calendar/import", data={"file": (file, "2027.xlsx")},
                                     headers=administrator.headers)  # fmt: skip
    assert done.json["turned"] == [{"day": "2027-03-01", "working": False}] and done.json["rows"] == 365
    nothing = administrator.client.post("/api/v1/calendar/import", data={}, headers=administrator.headers)
    assert nothing.json["code"] == "cases.bad-field"


@pytest.mark.parametrize("login", ["manager1", "dispatcher1", "inspector1", "works1"])
def test_the_calendar_is_read_by_all_and_changed_by_administrators(api, login):
    client = api(login)
    assert client.get("/api/v1/calendar/days").status_code == 200
    refused = put(client, "/api/v1/calendar/days", {"days": [{"day": "2026-11-23", "working": False}]})
    assert refused.json["code"] == "accounts.not-your-role"


def test_who_is_limited_to_an_area_does_not_change_the_citys_calendar(api, city_runtime):
    with city_runtime.transaction() as session:
        session.execute(text("UPDATE city.person SET area_code = :area"), {"area": city.EAST})
    refused = put(api("administrator1"), "/api/v1/calendar/hours", {"periods": []})
    assert refused.json["code"] == "accounts.not-your-area"


def test_the_commands_explain_show_and_change(webgis, number, tmp_path):
    assert f"{DERIVED} -> Mon 2026-11-23 10:30" in webgis("explain", number, "--lang", "en")[1]
    assert json.loads(webgis("explain", number, "--json")[1])["status"] == "running"
    assert webgis("explain", "5" * 19)[0] == 2
    assert "make-up" in webgis("calendar", "show", "--year", "2026")[1]
    assert "turned: 2026-11-23" in webgis("calendar", "set", "2026-11-23", "off", "--name", "防汛停工")[1]
    assert "nothing was changed" in webgis("calendar", "set", "2026-11-23", "off", "--name", "防汛停工")[1]
    assert "1 moved" in webgis("recompute")[1]
    (done,) = json.loads(webgis("moves", "--json")[1])
    (move,) = json.loads(webgis("moves", done["id"], "--json")[1])
    assert move["number"] == number and "10:30" in webgis("moves", done["id"])[1]
    assert "1 written" in webgis("calendar", "hours", "09:00-17:00", "--since", "2026-12-01")[1]
    assert "from 2026-12-01 to further notice: 09:00-17:00" in webgis("calendar", "show")[1]
    assert webgis("calendar", "hours", "--since", "2026-12-01", "--remove")[0] == 0
    assert "365 days written" in webgis("calendar", "export", tmp_path / "2027.xlsx", "--year", "2027")[1]
    assert "365 written, 0 days turned" in webgis("calendar", "import", tmp_path / "2027.xlsx")[1]
    assert "365 written" in webgis("calendar", "seed", "--year", "2029")[1]


def test_every_fault_of_a_calendar_file_is_printed(webgis, tmp_path):
    file = tmp_path / "days.csv"
    file.write_text("day,working\n2026-13-01,yes\n2026-12-01,perhaps\n")
    code, said = webgis("calendar", "import", file)
    assert code == 2 and "2026-13-01" in said and "perhaps" in said


def test_a_queue_of_open_cases_is_read_by_time_left_through_an_index(city_runtime, number):
    with city_runtime.transaction() as session:
        for way in ("seqscan", "bitmapscan"):  # a table of one row is read otherwise
            session.execute(text(f"SET LOCAL enable_{way} = off"))
        plan = "\n".join(session.scalars(text(
            "EXPLAIN SELECT case_id FROM city.open_case WHERE department_code = '510104-works'"
            " ORDER BY due_at, case_id LIMIT 50"
        )))  # fmt: skip
    assert "ix_open_case_department_code" in plan and "Sort" not in plan
