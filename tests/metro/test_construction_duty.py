"""Patrols of construction zones and what was missed; files of zones, in and out; what works do to traffic."""

import json
from datetime import date, datetime, timedelta

import pytest
import shapely
from click.testing import CliRunner

from tests import city
from tests.metro.test_construction import DAY, FIRST, GROUND, KNOWN, LAST, LAT, LON, moment, plan, works  # noqa: F401
from webgis.accounts import queries as people
from webgis.cases import shifts
from webgis.errors import Invalid
from webgis.metro import construction, construction_files, construction_patrols, construction_traffic
from webgis.metro.construction_commands import construction as group
from webgis.metro.construction_rules import Line


def done(session, day: date) -> int:
    return construction_patrols.duty(session, day, day)[0].done


def test_two_visits_an_hour_apart_are_two_and_what_is_missing_is_told(works):  # noqa: F811
    construction.keep(works, [plan()], at=KNOWN)
    person = people.actor(works, "inspector1").id
    for key, hour, minute in (("a", 8, 0), ("b", 8, 40), ("c", 15, 0), ("a", 8, 0)):
        at = moment(FIRST, hour, minute)
        construction_patrols.patrolled(works, "CZ1", person, at, key, None, now=moment(FIRST, 23))
    assert done(works, FIRST) == 2, "twenty to nine is still the visit of eight"
    assert len(construction_patrols.newest(works, "CZ1")) == 3, "and one key is one patrol"
    found = construction_patrols.missed(works, FIRST - DAY, FIRST + 2 * DAY)
    assert [(one.day, one.due, one.done) for one in found] == [(FIRST + 2 * DAY, 2, 0), (FIRST + DAY, 2, 0)]
    with pytest.raises(Invalid, match="moment of the last"):
        construction_patrols.patrolled(works, "CZ1", person, moment(FIRST), "d", None, now=moment(FIRST + 30 * DAY))


def test_who_is_there_all_day_has_not_missed_it(works):  # noqa: F811
    construction.keep(works, [plan()], at=KNOWN)
    person = people.actor(works, "inspector1").id
    for turn in range(9):
        at = moment(FIRST, 8) + timedelta(minutes=50 * turn)
        construction_patrols.patrolled(works, "CZ1", person, at, str(turn), None, now=moment(FIRST, 23))
    assert done(works, FIRST) == 5, "eight, twenty to ten, ...: an hour after the last that counts"
    assert construction_patrols.missed(works, FIRST, FIRST) == []


def test_what_was_due_on_a_day_is_as_it_was_known_at_its_end(works):  # noqa: F811
    construction.keep(works, [plan()], at=KNOWN)
    construction.keep(works, [plan(patrols=5)], at=moment(FIRST + DAY, 9))
    construction.withdraw(works, "CZ1", at=moment(FIRST + 3 * DAY, 9))
    rows = construction_patrols.duty(works, FIRST, FIRST + 4 * DAY)
    assert [(one.day, one.due) for one in rows] == [(FIRST + 2 * DAY, 5), (FIRST + DAY, 5), (FIRST, 2)]


def test_the_track_of_a_shift_is_a_patrol_once(works):  # noqa: F811
    construction.keep(works, [plan()], at=KNOWN)
    actor, began = people.actor(works, "inspector1"), moment(FIRST, 9)
    shifts.check_in(works, actor, "s1", began, at=began)
    inside = [shifts.Point(began + timedelta(minutes=turn), LON, LAT, 8.0) for turn in range(5)]
    vague = [shifts.Point(began + timedelta(hours=3), LON, LAT, 500.0)]
    beside = [shifts.Point(began + timedelta(hours=4), LON + 0.002, LAT, 8.0)]
    for batch in (inside, inside, vague, beside):
        shifts.add_track(works, actor, "s1", batch, at=began + timedelta(hours=5))
    assert done(works, FIRST) == 1
    assert construction_patrols.newest(works, "CZ1")[0].way == "track"


LINE = shapely.LineString([(LON, LAT), (LON + 0.001, LAT)])


def feed(session, day: date):
    return {(one.zone, one.kind): one for one in construction_traffic.feed(session, moment(day, 12))}


def test_a_way_round_that_meets_a_closure_is_in_conflict_and_a_road_for_fire_engines_closed_as_well(works, tmp_path):  # noqa: F811
    across = shapely.LineString([(LON + 0.0005, LAT - 0.001), (LON + 0.0005, LAT + 0.001)])
    elsewhere = shapely.box(LON + 0.002, LAT, LON + 0.003, LAT + 0.001)
    construction.keep(
        works,
        [
            plan(lines=(Line("closure", LINE, "全封闭"), Line("diversion", across))),
            plan("CZ2", ground=elsewhere, lines=(Line("diversion", across), Line("narrowed", across))),
        ],
        at=KNOWN,
    )
    found = feed(works, FIRST)
    assert [one["with"] for one in found["CZ2", "diversion"].conflicts] == ["CZ1"]
    assert found["CZ1", "diversion"].conflicts == [], "works are not in conflict with themselves"
    assert found["CZ2", "narrowed"].conflicts == [], "what only crosses leaves room"
    route = tmp_path / "routes.geojson"
    features = [
        {
            "type": "Feature",
            "properties": {"code": "R1", "name": "消防通道"},
            "geometry": shapely.geometry.mapping(LINE),
        }
    ]  # fmt: skip
    route.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    assert construction_traffic.replace_routes(works, route, None) == 1
    (conflict,) = feed(works, FIRST)["CZ1", "closure"].conflicts
    assert (conflict["with"], conflict["kind"]) == ("R1", "emergency-route") and conflict["metres"] > 90
    assert feed(works, LAST + DAY) == {} and feed(works, FIRST - DAY) == {}


@pytest.mark.parametrize("ending", [".geojson", ".gpkg"])
def test_what_was_written_is_read_back_as_it_was(works, tmp_path, ending):  # noqa: F811
    whole = plan(
        lines=(Line("closure", LINE, "全封闭", FIRST, FIRST + DAY),),
        width_left_m=3.5,
        name_en="Example",
        road="示例路",
        illustrative=True,
    )
    construction.keep(works, [whole, plan("CZ2", phases=(), last_day=None)], at=KNOWN)
    file = tmp_path / f"zones{ending}"
    assert construction_files.write(works, file, at=moment(FIRST)) == 2
    found = construction_files.read(file)
    assert found.faults == []
    kept = construction.keep(works, found.plans, at=KNOWN + DAY)
    assert kept.unchanged == ("CZ1", "CZ2") or set(kept.changed) <= {"CZ1", "CZ2"}
    after = construction.plan_of(works, "CZ1")
    assert after.lines[0].words == "全封闭" and after.phases == whole.phases and after.width_left_m == 3.5
    assert shapely.hausdorff_distance(after.ground, shapely.MultiPolygon([GROUND])) < 1e-8


def test_the_command_line_looks_first_and_names_every_fault(city_runtime, tmp_path):
    def run(*given: str):
        return CliRunner().invoke(group, [*map(str, given)], obj=city_runtime, catch_exceptions=False)

    zone = {"code": "A", "name": "甲站", "project": "一号线", "contractor": "施工单位", "first_day": "2026-06-10"}
    features = [
        {"type": "Feature", "properties": zone | {"phases": "围挡 2026-06-10..2026-06-30"},
         "geometry": shapely.geometry.mapping(GROUND)},
        {"type": "Feature", "properties": zone | {"code": "B", "contractor": None},
         "geometry": shapely.geometry.mapping(GROUND)},
        {"type": "Feature", "properties": zone | {"code": "C", "first_day": "2026-13-01"},
         "geometry": shapely.geometry.mapping(LINE.buffer(0.001))},
    ]  # fmt: skip
    file = tmp_path / "zones.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    with pytest.raises(Invalid) as refused:
        run("import", file)
    assert [(one.row, one.column) for one in refused.value.facts["faults"]] == [(2, "contractor"), (3, "first_day")]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features[:1]}), encoding="utf-8")
    assert "1 zones would be new" in run("import", file, "--check").output
    assert "甲站" not in run("list").output
    assert "1 zones are new" in run("import", file).output
    assert "Hoarding" in run("list", "--on", "2026-06-12").output
    today = datetime.now(city_runtime.settings.zone).date()
    assert "A " in run("missed", "--since", today, "--until", today).output
    assert "Nothing" in run("missed", "--since", "2026-06-10", "--until", "2026-06-11").output, "nobody knew of it"
    assert "1 zones in" in run("export", tmp_path / "out.gpkg").output


def test_a_zone_of_a_moment_is_known_to_who_asks_as_of_then(works):  # noqa: F811
    construction.keep(works, [plan()], at=KNOWN)
    assert [one.phase for one in construction.listed(works, moment(FIRST))] == ["hoarding"]
    assert construction.listed(works, moment(FIRST), known=KNOWN - DAY) == []
    (one,) = construction.listed(works, datetime(2026, 5, 2, tzinfo=KNOWN.tzinfo))
    assert one.ahead and not one.there and one.phase is None
    west = (city.IN_EAST[0], LAT, city.IN_EAST[0] + 0.001, LAT + 0.001)
    assert construction.listed(works, moment(FIRST), box=west) == []
