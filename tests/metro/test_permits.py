"""Permits: every step by whom it is for, checked against the zones, in force on their days and no longer."""

from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.metro.conftest import BUILDERS, METRO, NOW, square, wanted
from webgis.errors import Conflict, Forbidden, Invalid, NotFound
from webgis.metro import permit_applications, permit_files, permit_queries, permit_rules, permits
from webgis.metro.permit_rules import STATES, STEPS


def test_every_state_is_reached_and_every_one_that_has_not_ended_is_left():
    reached = {"applied"} | {step.to for step in STEPS}
    left = {state for step in STEPS for state in step.from_}
    assert reached == set(STATES) and left == set(STATES) - set(permit_rules.ENDED)


@pytest.mark.parametrize(("zone", "purpose"), [*product(("special", "control", "planned"), permit_rules.PURPOSES)])
def test_only_a_special_zone_excludes_and_only_what_is_for_no_listed_purpose(zone, purpose):
    excluded = permit_rules.allowed(zone, purpose) == "excluded"
    assert excluded == (zone == "special" and purpose == "other")


def test_an_application_says_which_zones_it_touches_and_whose_agreement_it_needs(metro):
    number = metro.apply()
    assert number == "MP202600001"
    with metro.runtime.transaction() as session:
        permit = permits.require(session, metro.actor("metro1"), number)
        assert (permit.state, permit.operator_code, permit.department_code) == ("applied", METRO, BUILDERS)
        (zone,) = permit.checked
        assert (zone["structure"], zone["kind"], zone["allows"]) == ("west", "control", "agreement")
        assert zone["away_m"] == pytest.approx(20, abs=0.2) and zone["m2"] == pytest.approx(100, abs=2)
        assert permit.cell_code.startswith("510104017001")


def test_outside_of_every_zone_nobody_needs_to_agree(metro):
    number = metro.apply(east=90)
    with metro.runtime.transaction() as session:
        assert permits.require(session, metro.actor("manager1"), number).checked == []
    assert metro.act("manager1", number, "grant", conditions="无") == "granted"


def test_a_permit_is_in_force_from_its_decision_on_its_days_and_no_longer(metro):
    number = metro.granted()
    zone = metro.runtime.settings.zone
    first = datetime(2026, 11, 3, tzinfo=zone)
    over = datetime(2026, 12, 1, tzinfo=zone)
    second = timedelta(seconds=1)
    assert metro.valid(30, first - second) == [] and metro.valid(30, first) == [number]
    assert metro.valid(30, over - second) == [number] and metro.valid(30, over) == []
    assert metro.valid(60, first) == []


def test_what_was_revoked_was_in_force_until_then(metro):
    number = metro.granted()
    revoked = NOW + timedelta(days=3)
    metro.act("metro1", number, "revoke", at=revoked, note="超出许可范围")
    assert metro.valid(30, revoked - timedelta(seconds=1)) == [number] and metro.valid(30, revoked) == []


def test_permits_whose_days_are_over_expire_by_themselves_and_once(metro):
    number, later = metro.granted(), metro.granted(ends=date(2026, 12, 31))
    after = datetime(2026, 12, 1, 1, tzinfo=UTC)
    for expected in (1, 0):
        with metro.runtime.transaction() as session:
            assert permits.expire(session, after) == expected
    with metro.runtime.transaction() as session:
        actor = metro.actor("manager1")
        states = [permits.require(session, actor, one).state for one in (number, later)]
        history = permit_queries.events(session, permits.require(session, actor, number).id)
    assert states == ["expired", "granted"]
    assert [(one.action, one.to_state, one.name) for one in history] == [
        ("apply", "applied", "builder1 岗"), ("grant", "granted", "metro1 岗"), ("expire", "expired", None),
    ]  # fmt: skip


def test_a_special_zone_excludes_the_work_whoever_decides(metro):
    number = metro.apply(east=8)
    for login in ("metro1", "manager1"):
        with pytest.raises(Conflict) as refused:
            metro.act(login, number, "grant", conditions="无")
        assert (refused.value.code, refused.value.facts["structures"]) == ("metro.excluded", ["west"])
    assert metro.act("metro1", metro.apply(east=8, purpose="sanitation"), "grant", conditions="夜间") == "granted"


@pytest.mark.parametrize(
    ("login", "action", "more", "refusal"),
    [
        ("builder1", "grant", {"conditions": "无"}, "metro.not-your-permit"),
        ("dispatcher1", "grant", {"conditions": "无"}, "metro.not-your-permit"),  # the line has an operator
        ("metro1", "withdraw", {}, "metro.not-your-permit"),
        ("sanitation1", "grant", {"conditions": "无"}, "metro.permit-unknown"),
        ("acceptor1", "grant", {"conditions": "无"}, "accounts.not-your-role"),
        ("inspector1", "withdraw", {}, "accounts.not-your-role"),
        ("metro1", "grant", {}, "metro.field-missing"),
        ("metro1", "refuse", {"note": "  "}, "metro.field-missing"),
        ("metro1", "revoke", {"note": "错"}, "metro.not-now"),
        ("builder1", "finish", {}, "metro.not-now"),
        ("metro1", "expire", {}, "metro.not-your-permit"),
        ("metro1", "bless", {}, "metro.action-unknown"),
        ("metro1", "return", {"note": "长" * 2001}, "metro.bad-field"),
    ],
)
def test_a_step_that_is_not_ones_own_or_not_now_changes_nothing(metro, login, action, more, refusal, asked):
    number = metro.apply()
    with pytest.raises((Forbidden, NotFound, Invalid, Conflict)) as refused:
        metro.act(login, number, action, **more)
    assert refused.value.code == refusal
    assert asked("SELECT count(*) FROM city.metro_permit_event") == 1
    assert asked("SELECT state FROM city.metro_permit") == "applied"


def test_an_application_may_be_returned_and_come_again(metro):
    number = metro.apply()
    assert metro.act("metro1", number, "return", note="缺平面图") == "returned"
    assert metro.act("builder1", number, "resubmit") == "applied"
    assert metro.act("metro1", number, "grant", conditions="监测") == "granted"
    assert metro.act("builder1", number, "finish") == "finished"


def test_a_returned_application_is_handed_in_again_as_it_is_asked_for_then(metro):
    number = metro.apply(east=8)
    metro.act("metro1", number, "return", note="须避让特别保护区")
    actor = metro.actor("builder1")
    with metro.runtime.transaction() as session:
        permits.apply_again(session, actor, number, wanted(east=25, contractor="某施工单位"), NOW)
    assert metro.act("metro1", number, "grant", conditions="监测") == "granted"
    assert metro.valid(25, NOW + timedelta(days=3)) == [number] and metro.valid(8, NOW + timedelta(days=3)) == []
    with metro.runtime.transaction() as session:
        permit = permits.require(session, actor, number)
        history = [(row.action, row.note) for row in permit_queries.events(session, permit.id)]
        assert [zone["kind"] for zone in permit.checked] == ["control"]
    assert history[1:4] == [("return", "须避让特别保护区"), ("amend", "contractor ground"), ("resubmit", None)]


@pytest.mark.parametrize(
    ("login", "returned", "refusal"),
    [
        ("builder1", False, "metro.not-now"),
        ("metro1", True, "metro.not-your-permit"),
        ("sanitation1", True, "metro.permit-unknown"),
        ("inspector1", True, "accounts.not-your-role"),
    ],
)
def test_only_the_applicant_changes_an_application_and_only_a_returned_one(metro, login, returned, refusal, asked):
    number = metro.apply()
    if returned:
        metro.act("metro1", number, "return", note="缺平面图")
    actor = metro.actor(login)
    with pytest.raises((Forbidden, NotFound, Conflict)) as refused, metro.runtime.transaction() as session:
        permits.apply_again(session, actor, number, wanted(project="另一工程"), NOW)
    assert refused.value.code == refusal and asked("SELECT project FROM city.metro_permit") == "基坑工程"


def test_an_application_whose_days_are_over_is_not_granted(metro):
    number = metro.apply()
    over = datetime(2026, 12, 1, tzinfo=metro.runtime.settings.zone)
    with pytest.raises(Conflict) as refused:
        metro.act("metro1", number, "grant", conditions="监测", at=over)
    assert refused.value.code == "metro.days-over"
    assert metro.act("metro1", number, "grant", conditions="监测", at=over - timedelta(seconds=1)) == "granted"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("project", " "),
        ("applicant", "甲" * 201),
        ("work", "dancing"),
        ("purpose", ""),
        ("ends", date(2026, 11, 1)),
        ("ends", date(2036, 11, 1)),
        ("ground", shapely.Point(104, 30)),
        ("ground", shapely.Polygon()),
        ("ground", shapely.Polygon([(104, 30), (104.001, 30.001), (104.001, 30), (104, 30.001)])),
        ("ground", shapely.box(104, 30, 104.2, 30.2)),
        ("ground", shapely.box(410000, 3393000, 410010, 3393010)),
        ("ground", shapely.Point(104, 30).buffer(0.001, quad_segs=1300)),
        ("starts", date(9999, 1, 1)),
        ("starts", date(1, 1, 1)),
        ("ends", date(9999, 12, 31)),
    ],
)
def test_an_application_that_cannot_be_names_the_field_and_stores_nothing(metro, field, value, asked):
    with pytest.raises(Invalid) as refused:
        metro.apply(**{field: value})
    assert (refused.value.code, refused.value.facts["field"]) == ("metro.bad-field", field)
    assert asked("SELECT count(*) FROM city.metro_permit") == 0


def test_what_a_ground_covers_is_reckoned_at_its_latitude():
    assert permit_applications.ground(shapely.box(104, 30.6, 104.022, 30.621)) is not None  # 4.91 km2
    with pytest.raises(Invalid):
        permit_applications.ground(shapely.box(104, 30.6, 104.022, 30.622))  # 5.15 km2


def test_who_is_limited_to_an_area_neither_applies_nor_sees_beyond_it(metro):
    with metro.runtime.transaction() as session:
        session.execute(text("UPDATE city.person SET area_code = '510104017002' WHERE login = 'dispatcher1'"))
    with pytest.raises(Forbidden):
        metro.apply("dispatcher1")
    number = metro.apply("dispatcher2")
    with metro.runtime.transaction() as session:
        assert permit_queries.listed(session, metro.actor("dispatcher1")) == []
        assert permit_queries.counts(session, metro.actor("sanitation1")) == {}
        assert [row.number for row in permit_queries.listed(session, metro.actor("metro1"))] == [number]
        assert permit_queries.counts(session, metro.actor("inspector1")) == {"applied": 1}


def test_the_history_of_a_permit_is_never_altered(metro):
    metro.apply()
    with pytest.raises(DBAPIError), metro.runtime.transaction() as session:
        session.execute(text("UPDATE city.metro_permit_event SET note = 'other'"))


PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n"


def add(metro, login, number, name, data):
    actor = metro.actor(login)
    with metro.runtime.transaction() as session:
        return permit_files.add(session, actor, number, name, data, NOW)


def test_plan_files_are_kept_by_what_they_are(metro):
    number = metro.apply()
    first = add(metro, "builder1", number, "../../平面图.exe", PDF)
    assert add(metro, "metro1", number, "again.pdf", PDF) == first + 1
    with metro.runtime.transaction() as session:
        kept = permit_files.require(session, metro.actor("metro1"), number, first)
        assert (kept.name, kept.media_type) == ("平面图.pdf", "application/pdf")
        assert permit_files.path(metro.runtime.settings, kept.sha256).read_bytes() == PDF
        with pytest.raises(NotFound):
            permit_files.require(session, metro.actor("sanitation1"), number, first)


@pytest.mark.parametrize("data", [b"", b"MZ\x90", b"<svg onload=alert(1)>", b"%PDF-" + bytes(20 << 20)])
def test_what_is_no_plan_file_is_refused(metro, data, asked):
    number = metro.apply()
    with pytest.raises(Invalid) as refused:
        add(metro, "builder1", number, "plan.pdf", data)
    assert refused.value.code == "metro.bad-field"
    assert asked("SELECT count(*) FROM city.metro_permit_file") == 0


def test_a_plan_is_a_line_of_the_history(metro):
    number = metro.apply()
    add(metro, "builder1", number, "平面图.pdf", PDF)
    with metro.runtime.transaction() as session:
        permit = permits.require(session, metro.actor("manager1"), number)
        (*_, last) = permit_queries.events(session, permit.id)
    assert (last.action, last.note, last.name) == ("plan", "平面图.pdf", "builder1 岗")


def test_an_ended_permit_takes_no_files(metro):
    number = metro.apply()
    metro.act("builder1", number, "withdraw")
    with pytest.raises(Conflict):
        add(metro, "builder1", number, "plan.pdf", PDF)


def test_works_are_monitored_by_datastreams_that_are_registered(metro):
    number = metro.granted()
    actor = metro.actor("builder1")
    with metro.runtime.transaction() as session:
        session.execute(text(STREAM), {"place": wanted().ground.centroid.wkt})
        permits.monitor(session, actor, number, ["S1-settlement"], NOW)
        (stream,) = permit_queries.monitored(session, permits.require(session, actor, number).id)
        assert (stream.code, stream.station, stream.unit) == ("S1-settlement", "S1", "mm")
    with pytest.raises(Invalid), metro.runtime.transaction() as session:
        permits.monitor(session, actor, number, ["none"], NOW)
    with metro.runtime.transaction() as session:
        assert len(permit_queries.monitored(session, permits.require(session, actor, number).id)) == 1


STREAM = """
WITH s AS (INSERT INTO city.station (code, name_zh, place, geom) VALUES
           ('S1', '沉降点', 'metro', ST_GeomFromText(:place, 4490)) RETURNING id)
INSERT INTO city.datastream (code, station_id, quantity, unit, least, most, interval_s)
SELECT 'S1-settlement', s.id, 'settlement', 'mm', -100, 100, 3600 FROM s
"""


def test_no_permit_holds_where_none_was_granted(metro):
    metro.apply()
    assert metro.valid(30, NOW + timedelta(days=2)) == []
    number = metro.granted()
    assert metro.valid(30, NOW + timedelta(days=2)) == [number]


def test_without_the_zone_of_the_city_no_day_of_a_permit_is_told(metro):
    metro.granted()
    lon, lat = square(30, 0).centroid.coords[0]
    with pytest.raises(DBAPIError, match="time zone"), metro.runtime.transaction() as session:
        session.execute(text("SET LOCAL webgis.zone = ''"))
        permit_queries.valid_at(session, lon, lat, NOW + timedelta(days=2))
