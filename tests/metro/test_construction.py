"""A case reported the day before a construction zone begins, on its first and last day, the day after, and when the
zone was edited later: always what was true and known at the report."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests import city
from webgis.accounts import operations as accounts
from webgis.accounts import queries as people
from webgis.cases import handling, intake, queries, zones
from webgis.catalog import queries as catalog
from webgis.errors import Invalid, NotFound
from webgis.evaluation import works as evaluation
from webgis.metro import construction
from webgis.metro.construction_rules import Line, Phase, Plan, checked, holding

ZONE = ZoneInfo("Asia/Shanghai")
LON, LAT = city.IN_WEST
GROUND = shapely.box(LON - 0.0005, LAT - 0.0005, LON + 0.0005, LAT + 0.0005)
FIRST, LAST = date(2026, 6, 10), date(2026, 9, 20)
DUST, REFUSE = "08004", "06010"
KNOWN = datetime(2026, 5, 1, 12, tzinfo=ZONE)


def plan(code: str = "CZ1", **changes) -> Plan:
    given = {
        "name_zh": "示例站施工管控区",
        "project": "示例线",
        "contractor": "示例施工单位",
        "first_day": FIRST,
        "last_day": LAST,
        "ground": GROUND,
        "department": "builder",
        "metro_department": "metro",
        "phases": (
            Phase("hoarding", FIRST, date(2026, 6, 30)),
            Phase("excavation", date(2026, 7, 1), LAST),
        ),
    }
    return Plan(code=code, **(given | changes))


@pytest.fixture
def works(city_runtime):
    """A session on the small city with a contractor's and a metro company's department."""
    with city_runtime.transaction() as session:
        accounts.add_department(session, "builder", "施工单位", "Builder", kind="other")
        accounts.add_department(session, "metro", "地铁公司", "Metro company", kind="other")
        accounts.add_person(session, "metro1", "地铁联络员", "department", city.PASSWORD, department="metro")
        yield session


def moment(day: date, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=ZONE)


def reported(session, at: datetime, class_code: str = DUST, place: tuple[float, float] = city.IN_WEST):
    actor = people.actor(session, "acceptor1")
    given = intake.Report(*place, "matter", class_code, "扬尘", acknowledged=True)
    return intake.report(session, session.info["settings"], actor, given, at=at)


DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("at", "inside"),
    [
        (moment(FIRST - DAY, 12), None),
        (moment(FIRST) - SECOND, None),
        (moment(FIRST), "hoarding"),
        (moment(FIRST, 23, 59, 59), "hoarding"),
        (moment(date(2026, 6, 30), 23, 59, 59), "hoarding"),
        (moment(date(2026, 7, 1)), "excavation"),
        (moment(LAST), "excavation"),
        (moment(LAST, 23, 59, 59), "excavation"),
        (moment(LAST + DAY), None),
        (moment(LAST + DAY, 12), None),
    ],
    ids=str,
)
def test_a_case_has_the_zone_from_the_first_moment_of_its_first_day_to_the_last_of_its_last(works, at, inside):
    construction.keep(works, [plan()], at=KNOWN)
    line = reported(works, at)
    if inside is None:
        assert line.zones is None
        return
    told = {name: line.zones[name] for name in ("code", "version", "phase", "contractor", "department")}
    assert told == {
        "code": "CZ1", "version": 1, "phase": inside, "contractor": "示例施工单位", "department": "builder",
    }  # fmt: skip
    assert queries.events(works, line.id)[0].facts["zones"]["version"] == 1, "and the chained history tells it"


def test_what_is_edited_later_leaves_the_case_as_it_was_and_holds_for_the_next(works):
    construction.keep(works, [plan()], at=KNOWN)
    before = reported(works, moment(date(2026, 8, 1), 9))
    elsewhere = shapely.box(LON + 0.001, LAT, LON + 0.002, LAT + 0.001)
    edited = moment(date(2026, 8, 5), 9)
    construction.keep(works, [plan(ground=elsewhere, contractor="另一施工单位")], at=edited)
    construction.keep(works, [plan(last_day=date(2026, 7, 15), phases=())], at=edited + DAY)

    assert queries.require_case(works, people.actor(works, "manager1"), before.number).zones["version"] == 1
    assert before.zones["contractor"] == "示例施工单位"
    assert reported(works, edited - SECOND).zones["version"] == 1, "one that came in just before the edit"
    assert reported(works, edited).zones is None, "and one at its moment: the ground is another"
    assert reported(works, edited, place=(LON + 0.0015, LAT + 0.0005)).zones["version"] == 2
    assert reported(works, edited + DAY).zones is None, "and the works were shortened to before"
    assert reported(works, moment(date(2026, 7, 10), 9)).zones["version"] == 1, "a report of then, by what was known"


def test_a_zone_that_is_recorded_late_is_not_put_on_cases_of_before(works):
    late = moment(date(2026, 6, 20), 8)
    before = reported(works, moment(date(2026, 6, 15), 8))
    construction.keep(works, [plan()], at=late)
    assert queries.require_case(works, people.actor(works, "manager1"), before.number).zones is None
    assert zones.keep_past(works) == 0
    assert reported(works, late).zones["code"] == "CZ1"


def test_cases_read_from_files_get_the_zones_of_their_report_in_one_statement(works):
    construction.keep(works, [plan()], at=KNOWN)
    inside, outside = reported(works, moment(FIRST)), reported(works, moment(FIRST - DAY))
    works.execute(text("DELETE FROM city.case_zone"))
    assert zones.keep_past(works) == 1
    assert zones.keep_past(works) == 0, "twice does no harm"
    assert [one.case_id for one in works.execute(text("SELECT case_id FROM city.case_zone"))] == [inside.id]
    assert inside.id != outside.id


def test_of_two_zones_the_smaller_holds(works):
    wide = plan("CZ0", ground=GROUND.buffer(0.001, join_style="mitre"))
    construction.keep(works, [wide, plan()], at=KNOWN)
    assert reported(works, moment(FIRST)).zones["code"] == "CZ1"
    assert reported(works, moment(FIRST), place=(LON + 0.001, LAT)).zones["code"] == "CZ0"


def test_a_case_that_turns_out_to_lie_elsewhere_gets_the_zones_of_there_at_its_report(works):
    construction.keep(works, [plan()], at=KNOWN)
    line = reported(works, moment(LAST), place=city.IN_EAST)
    settings, acceptor = works.info["settings"], people.actor(works, "acceptor1")
    assert line.zones is None
    given = {"lon": LON, "lat": LAT, "crs": "cgcs2000"}
    moved = handling.act(works, settings, acceptor, line.number, "relocate", given, at=moment(LAST + DAY, 9))
    assert moved.zones["phase"] == "excavation", "the works were over when it was moved, but not when it was reported"
    back = {"lon": city.IN_EAST[0], "lat": city.IN_EAST[1], "crs": "cgcs2000"}
    moved = handling.act(works, settings, acceptor, line.number, "relocate", back, at=moment(LAST + DAY, 10))
    assert moved.zones is None


def dispatched(session, line, at: datetime, place: int = 0):
    settings = session.info["settings"]
    condition = catalog.conditions_of(session, "matter", line.class_code, city.CITY)[place]
    acceptor, dispatcher = people.actor(session, "acceptor1"), people.actor(session, "dispatcher1")
    handling.act(session, settings, acceptor, line.number, "file", {"condition": condition.id}, at=at)
    return handling.act(session, settings, dispatcher, line.number, "dispatch", {"department": "auto"}, at=at)


def test_works_go_to_the_contractor_with_the_metro_company_told_and_other_classes_by_the_rules(works):
    works.execute(
        text(
            "INSERT INTO city.notice_address (person_id, channel, address, sealed_with, language)"
            " SELECT id, 'email', 'm', 'k', 'zh'"
            " FROM city.person WHERE login = 'metro1'"
        )
    )
    construction.keep(works, [plan()], at=KNOWN)
    at = moment(FIRST, 9)
    dust = dispatched(works, reported(works, at), at)
    assert dust.department_code == "builder"
    facts = queries.events(works, dust.id)[-1].facts
    assert facts["why"]["rule"] == "construction-zone" and facts["operator_told"] == "metro"
    told = works.execute(text("SELECT args FROM city.outbox WHERE args ->> 'event' = 'works'")).scalars().all()
    assert [one["facts"]["zone"] for one in told] == ["示例站施工管控区"]
    refuse = dispatched(works, reported(works, at, REFUSE), at)
    assert refuse.department_code == "510104-sanitation"
    assert [one.number for one in zones.told_operator(works, "CZ1", ["metro"], 5)] == [dust.number]
    assert zones.told_operator(works, "CZ1", ["builder"], 5) == []
    after = moment(LAST + DAY, 9)
    with pytest.raises(Invalid, match="no rule names a department"):
        dispatched(works, reported(works, after), after)


def test_of_the_works_are_the_cases_that_count_for_the_contractor_as_in_the_score_card(works):
    construction.keep(works, [plan()], at=KNOWN)
    at = moment(FIRST, 9)
    acceptor = people.actor(works, "acceptor1")
    mistaken = reported(works, at)
    reported(works, at)
    reported(works, at, REFUSE)
    handling.act(works, works.info["settings"], acceptor, mistaken.number, "reject", {"reason": "invalid"}, at=at)
    counts = zones.counts(works, "CZ1", queries.sight(people.actor(works, "manager1")))
    assert (counts.reported, counts.open, counts.works) == (3, 2, 1)
    ((score,),) = [evaluation.scores(works, at - DAY, at + DAY, now=at)]
    assert score.counts.reported == counts.works


def test_severity_and_clock_follow_the_rule_and_the_protection_zone(works):
    construction.keep(works, [plan()], at=KNOWN)
    at = moment(FIRST, 9)
    plain = dispatched(works, reported(works, at), at)
    assert plain.zones["severity"] == "ordinary"
    assert plain.ledger[0]["limit"] == 2 and plain.ledger[0]["unit"] == "working_hour", "of the filing condition"
    works.execute(
        text(
            "UPDATE city.zone_rule SET severity = 'urgent', limit_value = 1, limit_unit = 'urgent_hour'"
            " WHERE class_code = '08' AND protection = '' AND phase = ''"
        )
    )
    quick = dispatched(works, reported(works, at), at)
    assert quick.zones["severity"] == "urgent"
    assert quick.deadline_at == at + timedelta(hours=1)
    assert queries.events(works, quick.id)[-1].facts["zone_rule"]["unit"] == "urgent_hour"


def test_recording_what_is_known_already_is_nothing_new_and_every_version_stays(works):
    assert construction.keep(works, [plan()], at=KNOWN).added == ("CZ1",)
    assert construction.keep(works, [plan()], at=KNOWN + DAY).unchanged == ("CZ1",)
    line = Line("closure", shapely.LineString([(LON, LAT), (LON + 0.001, LAT)]), "半幅封闭")
    assert construction.keep(works, [plan(lines=(line,), width_left_m=3.5)], at=KNOWN + 2 * DAY).changed == ("CZ1",)
    assert [one.version for one in construction.versions(works, "CZ1")] == [2, 1]
    assert construction.plan_of(works, "CZ1") == checked(plan(lines=(line,), width_left_m=3.5))
    assert construction.version_of(works, "CZ1", KNOWN + DAY).version == 1
    construction.withdraw(works, "CZ1", at=KNOWN + 3 * DAY)
    with pytest.raises(NotFound):
        construction.require(works, "CZ1")
    assert reported(works, moment(FIRST)).zones is None
    assert construction.keep(works, [plan()], at=KNOWN + 4 * DAY).added == ("CZ1",)
    assert construction.version_of(works, "CZ1").version == 3


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE city.construction_zone SET contractor = 'x'",
        "UPDATE city.construction_zone SET recorded = tstzrange(now(), NULL) WHERE upper_inf(recorded)",
        "UPDATE city.construction_zone SET recorded = 'empty' WHERE upper_inf(recorded)",
        "UPDATE city.construction_zone SET recorded = tstzrange(lower(recorded), NULL) WHERE NOT upper_inf(recorded)",
        "UPDATE city.construction_zone SET recorded = tstzrange(lower(recorded), now()), road = 'x'"
        " WHERE upper_inf(recorded)",
        "DELETE FROM city.construction_zone",
        "TRUNCATE city.construction_zone CASCADE",
        "UPDATE city.construction_phase SET kind = 'backfill'",
        "DELETE FROM city.construction_phase",
        "TRUNCATE city.construction_phase",
        "UPDATE city.construction_line SET words = 'x'",
        "DELETE FROM city.construction_line",
        "TRUNCATE city.construction_line",
    ],
)
def test_the_database_refuses_to_alter_what_was_known(works, change):
    line = Line("closure", shapely.LineString([(LON, LAT), (LON + 0.001, LAT)]))
    construction.keep(works, [plan(lines=(line,))], at=KNOWN)
    construction.keep(works, [plan(lines=(line,), road="示例路")], at=KNOWN + DAY)
    with pytest.raises(DBAPIError, match="never changed"):
        works.execute(text(change))


CROSSED = shapely.Polygon([(104.0, 30.6), (104.1, 30.7), (104.1, 30.6), (104.0, 30.7)])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"contractor": " "}, "contractor"),
        ({"last_day": FIRST - DAY, "phases": ()}, "last_day"),
        ({"ground": shapely.Point(LON, LAT)}, "ground"),
        ({"ground": CROSSED}, "ground"),
        ({"ground": shapely.box(LON, LAT, LON + 0.03, LAT + 0.03)}, "ground"),
        ({"ground": shapely.box(-170, -80, 170, 80)}, "ground"),
        ({"ground": shapely.box(116.3, 39.9, 116.301, 39.901)}, "ground"),
        ({"phases": (Phase("hoarding", FIRST - DAY, FIRST),)}, "phases"),
        ({"phases": (Phase("hoarding", FIRST, FIRST), Phase("hoarding", FIRST, FIRST))}, "phases"),
        ({"phases": (Phase("digging", FIRST, FIRST),)}, "phases"),
        ({"width_left_m": -1}, "width_left_m"),
        ({"points": ("no such stream",)}, "points"),
        ({"patrols": 99}, "patrols"),
        ({"department": "nobody"}, "department"),
        ({"code": "a/b"}, "code"),
        ({"code": "new"}, "code"),
        ({"code": "contractors"}, "code"),
        ({"code": "一号"}, "code"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_plan_that_cannot_be_names_its_field_and_changes_nothing(works, changes, field):
    with pytest.raises(Invalid) as refused:
        construction.keep(works, [plan("CZ9"), replace(plan(), **changes)], at=KNOWN)
    assert refused.value.facts["field"] == field
    assert construction.listed(works, moment(FIRST)) == []


def test_a_version_is_not_recorded_before_the_last(works):
    construction.keep(works, [plan()], at=KNOWN)
    with pytest.raises(Invalid, match="after the zone was last changed"):
        construction.keep(works, [plan(contractor="另")], at=KNOWN - DAY)


def test_of_phases_at_once_the_one_that_began_last_holds():
    phases = [
        Phase("structure", date(2026, 7, 1), date(2026, 8, 1)),
        Phase("hoarding", date(2026, 6, 1), date(2026, 9, 1)),
        Phase("utilities", date(2026, 6, 1), date(2026, 6, 20)),
    ]
    days = (date(2026, 5, 31), date(2026, 6, 1), date(2026, 6, 21), date(2026, 7, 1), date(2026, 8, 2))
    assert [holding(phases, day) for day in days] == [None, "utilities", "hoarding", "structure", "hoarding"]
