"""In the demo city a case finds its department and its inspectors by itself, by day and by night."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests.demo.conftest import HUANGPU
from webgis.accounts import queries as accounts
from webgis.cases import handling, intake, queries, routing, routing_sets
from webgis.catalog import queries as catalog
from webgis.demo import beats
from webgis.grid import beats as grid_beats

MONDAY = datetime(2026, 11, 16, 2, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def demo(copied, county):
    """A runtime with one loaded county of Shanghai, without cases."""
    with copied(county) as runtime:
        yield runtime


def test_every_cell_is_in_one_beat_and_someone_is_on_duty_there_all_week(demo):
    with demo.transaction() as session:
        found = grid_beats.coverage(session)
        communities = session.scalar(text("SELECT count(*) FROM city.area WHERE level = 'community'"))
        assert (list(found.left_out), found.twice, found.gone, found.unmanned) == ([], {}, {}, {})
        for hour in (0, 12):
            on_duty = grid_beats.on_duty(session, MONDAY + timedelta(hours=hour))
            assert len(on_duty) == communities > 10 and len({row.login for row in on_duty}) == 2


def test_a_second_load_lays_out_nothing_and_makes_no_rules(demo):
    with demo.transaction() as session:
        assert beats.lay_out(session, [HUANGPU], datetime.now(UTC)) == 0
        assert beats.make_rules(session, "3101", datetime.now(UTC)) == 0
        assert len(routing_sets.rules_of(session, routing_sets.active(session).version)) == len(beats.RULES)


def test_a_city_whose_middle_is_known_has_a_rule_for_the_streets_around_it(demo):
    with demo.sessions() as session:
        session.execute(text("TRUNCATE city.routing_set CASCADE"))
        session.execute(text(
            "INSERT INTO city.area (code, level, name_zh, geom, area_m2)"
            " SELECT '5101', level, name_zh, geom, area_m2 FROM city.area WHERE code = '3101'"
        ))  # fmt: skip
        session.execute(text(
            "INSERT INTO city.department (code, name_zh, kind)"
            " SELECT '5101' || substr(code, 5), name_zh, kind FROM city.department WHERE code ~ '^3101-'"
        ))  # fmt: skip
        assert beats.make_rules(session, "5101", MONDAY) == len(beats.RULES) + 1
        middle = {"kind": "matter", "class_code": "09009", "cell_code": "510104017001001", "at": MONDAY}
        chosen = routing.choose(session, **middle, lon=104.0633, lat=30.6598)
        assert chosen.department == "5101-public-security" and "多边形内" in chosen.why["text_zh"]
        assert routing.choose(session, **middle, lon=104.0833, lat=30.6598).department is None


@pytest.mark.parametrize("hour", [0, 12], ids=["by day", "by night"])
def test_confirmation_dispatch_and_verification_need_nobody_named(demo, hour):
    at = datetime.now(UTC).replace(minute=0) - timedelta(days=2) + timedelta(hours=hour)

    def act(login: str, action: str, **given):
        nonlocal at
        at += timedelta(minutes=1)
        return handling.act(session, demo.settings, accounts.actor(session, login), number, action, given, at=at)

    with demo.sessions() as session:
        lon, lat = session.execute(text(
            "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geom) AS p FROM city.cell ORDER BY code LIMIT 1) c"
        )).one()  # fmt: skip
        given = intake.Report(lon, lat, "matter", "06010", "暴露垃圾", crs="cgcs2000", source="hotline")
        acceptor = accounts.actor(session, "acceptor1")
        number = intake.report(session, demo.settings, acceptor, given, at=at).number
        inspector = act("acceptor1", "request_confirmation").inspector_login
        act(inspector, "confirm", result="not_found", note="未见", lon=lon, lat=lat, crs="cgcs2000")
        case = queries.require_case(session, acceptor, number)
        offered = catalog.offered(session, case.kind, case.class_code, case.cell_code)
        session.execute(text("UPDATE city.case SET confirmation = 'found' WHERE number = :number"), {"number": number})
        act("acceptor1", "file", condition=offered[0].id)
        department = act("dispatcher1", "dispatch", department="auto").department_code
        assert department == "310101-sanitation"
        act(department, "receive")
        act(department, "resolve", note="已清理")
        assert act("acceptor1", "request_verification").inspector_login in ("inspector1", "inspector2", "inspector3",
                                                                              "inspector4")  # fmt: skip
