"""Two administrators at once: what one was shown is what is done, in the name of who said so."""

import pytest
from shapely import box
from sqlalchemy import select

from tests import city
from tests.pages.conftest import Reader
from tests.pages.sending import areas_file, do, looked_at, send, table
from webgis.accounts import operations as accounts
from webgis.accounts.models import AdminEvent
from webgis.catalog import queries as catalog
from webgis.grid import queries

NORTH = {"510104017003": box(104.060, 30.660, 104.065, 30.665)}
CONDITIONS = ("类型", "代码", "名称", "立案条件", "时限", "结案条件", "责任部门类别")
REFUSE = ("事项", city.REFUSE, "暴露垃圾", "有垃圾即立案", "{}小时", "清理干净", "sanitation")


@pytest.fixture
def both(city_app, city_runtime) -> list[Reader]:
    with city_runtime.transaction() as session:
        accounts.add_person(session, "administrator2", "administrator2 岗", "administrator", city.PASSWORD)
    return [Reader(city_app, login, "en") for login in ("administrator1", "administrator2")]


def standard(hours: int) -> bytes:
    return table([CONDITIONS, [cell.format(hours) for cell in REFUSE]])


def looked_at_standard(someone: Reader, runtime, hours: int) -> str:
    given = {"code": "cd", "name_zh": "成都标准", "standard": "GB/T 47678.5-2026"}
    return looked_at(someone, runtime, send(someone, "/admin/standards/import", standard(hours), "s.xlsx", **given))


def looked_at_areas(someone: Reader, runtime, folder) -> str:
    return looked_at(someone, runtime, send(someone, "/admin/areas/import", areas_file(folder, NORTH), kind="areas"))


def take(someone: Reader, runtime, path: str, **fields) -> str:
    """What the page of a work says after it was taken over."""
    assert someone.send(f"{path}/take", **fields).status_code == 303
    do(runtime)
    return someone.get(path).text


def test_what_was_looked_at_by_one_and_taken_over_by_another_is_the_act_of_the_other(both, city_runtime, tmp_path):
    path = looked_at_areas(both[0], city_runtime, tmp_path)
    assert "1 areas added" in take(both[1], city_runtime, path)
    with city_runtime.transaction() as session:
        act = session.scalars(select(AdminEvent).filter_by(action="areas.import")).one()
    assert act.who == "administrator2"


def test_of_two_standards_looked_at_the_later_does_not_undo_the_earlier_unseen(both, city_runtime):
    paths = [looked_at_standard(one, city_runtime, hours) for one, hours in zip(both, (2, 3), strict=True)]
    assert "is stored" in take(both[0], city_runtime, paths[0], activate="yes")
    assert "changed since this was looked at" in take(both[1], city_runtime, paths[1], activate="yes")
    with city_runtime.transaction() as session:
        active = catalog.active_filing_standard(session, city.CITY)
        assert (active.code, active.version) == ("cd", 1) and len(catalog.filing_standards(session)) == 2


def test_a_division_that_was_looked_at_before_areas_came_in_is_looked_at_anew(both, city_runtime, tmp_path):
    asked = both[0].send("/admin/areas/divide", ground=city.SUBDISTRICT, size_m="200")
    division = looked_at(both[0], city_runtime, asked)
    take(both[1], city_runtime, looked_at_areas(both[1], city_runtime, tmp_path))
    with city_runtime.transaction() as session:
        before = queries.counts(session)
    assert "changed since this was looked at" in take(both[0], city_runtime, division)
    with city_runtime.transaction() as session:
        assert queries.counts(session) == before


def test_of_two_changes_of_the_calendar_the_second_is_looked_at_anew(both, city_runtime):
    paths = [
        looked_at(one, city_runtime, one.send("/admin/calendar/day", day=day, working="no"))
        for one, day in zip(both, ("2027-03-01", "2027-03-02"), strict=True)
    ]
    assert all(one.send(f"{path}/take").status_code == 303 for one, path in zip(both, paths, strict=True))
    do(city_runtime)
    said = ["changed since this was looked at" in both[0].get(path).text for path in paths]
    assert sorted(said) == [False, True]


def test_who_is_administrator_no_more_when_the_job_comes_is_refused(both, city_runtime, tmp_path):
    path = looked_at_areas(both[1], city_runtime, tmp_path)
    assert both[1].send(f"{path}/take").status_code == 303
    with city_runtime.transaction() as session:
        accounts.change_person(session, "administrator2", {"role": "manager"})
    do(city_runtime)
    page = both[0].get(path).text
    assert "areas added" not in page and "role" in page, page
    with city_runtime.transaction() as session:
        assert queries.counts(session)["community"] == 2
