"""Shifts as they are worked: check-in, track, check-out, what is kept of it and for how long."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests import city
from tests.cases.stories import at
from webgis.accounts import queries as accounts
from webgis.cases import retention, shifts
from webgis.errors import Invalid, NotFound
from webgis.grid import beats
from webgis.grid import queries as grid

MORNING = at("2026-11-20 08:00")
NOON = at("2026-11-20 12:00")


@pytest.fixture
def town(city_runtime):
    """A session in the small city, in which nothing is committed."""
    with city_runtime.sessions() as session:
        yield session


def actor(session, login="inspector1"):
    return accounts.actor(session, login)


def point(minutes: float, place=city.IN_WEST, accuracy=8.0) -> shifts.Point:
    return shifts.point(MORNING + timedelta(minutes=minutes), *place, "wgs84", accuracy)


def seconds(session) -> dict[str, int]:
    """Seconds of patrol by cell."""
    rows = session.execute(
        text("SELECT c.code, p.seconds FROM city.patrol_time p JOIN city.cell c ON c.id = p.cell_id")
    )
    return dict(rows.all())


def cell(session, place) -> str:
    return grid.cell_at(session, *place).code


def test_a_check_in_that_comes_twice_is_one_shift_and_a_check_out_ends_it_once(town):
    who = actor(town)
    first = shifts.check_in(town, who, "one", MORNING, at=MORNING)
    assert shifts.check_in(town, who, "one", MORNING, at=NOON).id == first.id
    assert shifts.current(town, who).began_at == MORNING
    ended = shifts.check_out(town, who, "one", NOON, at=NOON)
    assert (ended.ended_at, ended.ended_by) == (NOON, "person")
    later = NOON + timedelta(hours=1)
    assert shifts.check_out(town, who, "one", later, at=later).ended_at == NOON
    assert shifts.current(town, who) is None


def test_who_checks_in_again_ends_the_shift_before_where_it_was_last_heard_of(town):
    who = actor(town)
    shifts.check_in(town, who, "one", MORNING, at=MORNING)
    shifts.add_track(town, who, "one", [point(30)], at=MORNING + timedelta(minutes=31))
    shifts.check_in(town, who, "two", NOON, at=NOON)
    ended = town.execute(text("SELECT ended_at, ended_by FROM city.shift WHERE key = 'one'")).one()
    assert tuple(ended) == (MORNING + timedelta(minutes=30), "engine")
    assert shifts.current(town, who).key == "two"


def test_a_batch_that_comes_twice_adds_nothing_and_time_goes_to_the_cell_where_it_was_spent(town):
    who = actor(town)
    shifts.check_in(town, who, "one", MORNING, at=MORNING)
    batch = [point(0), point(2), point(4, city.IN_EAST)]
    assert shifts.add_track(town, who, "one", batch, at=NOON) == 3
    assert shifts.add_track(town, who, "one", batch, at=NOON) == 0
    west, east = cell(town, city.IN_WEST), cell(town, city.IN_EAST)
    assert seconds(town) == {west: 240}
    assert shifts.add_track(town, who, "one", [point(5, city.IN_EAST)], at=NOON) == 1
    assert seconds(town) == {west: 240, east: 60}


def test_a_gap_counts_ten_minutes_and_a_vague_position_says_nothing_of_a_cell(town):
    who = actor(town)
    shifts.check_in(town, who, "one", MORNING, at=MORNING)
    vague = point(121, accuracy=300.0)
    shifts.add_track(town, who, "one", [point(0), point(120), vague, point(125, city.OUTSIDE)], at=NOON)
    assert seconds(town) == {cell(town, city.IN_WEST): 660}
    told = shifts.track(town, shifts.current(town, who).id)
    assert [row.cell for row in told] == [cell(town, city.IN_WEST)] * 2 + [None, None]


def test_points_from_before_the_shift_and_after_its_end_are_left_out(town):
    who = actor(town)
    shifts.check_in(town, who, "one", MORNING, at=MORNING)
    shifts.check_out(town, who, "one", MORNING + timedelta(minutes=10), at=NOON)
    assert shifts.add_track(town, who, "one", [point(-5), point(5), point(15)], at=NOON) == 1


def test_nobody_adds_to_the_shift_of_another(town):
    shifts.check_in(town, actor(town), "one", MORNING, at=MORNING)
    with pytest.raises(NotFound, match="check in first"):
        shifts.add_track(town, actor(town, "inspector2"), "one", [point(1)], at=NOON)
    mine = shifts.current(town, actor(town)).id
    with pytest.raises(NotFound):
        shifts.track(town, mine, person=actor(town, "inspector2").id)


@pytest.mark.parametrize("began", [MORNING - timedelta(days=8), MORNING + timedelta(minutes=6)])
def test_a_check_in_of_last_month_or_of_the_future_is_refused(town, began):
    with pytest.raises(Invalid) as refused:
        shifts.check_in(town, actor(town), "one", began, at=MORNING)
    assert refused.value.facts["field"] == "at"
    assert shifts.current(town, actor(town)) is None


def test_tracks_are_erased_in_time_and_forgotten_shifts_end_while_hours_by_cell_remain(town, city_settings):
    who = actor(town)
    shifts.check_in(town, who, "one", MORNING, at=MORNING)
    shifts.add_track(town, who, "one", [point(0), point(3)], at=NOON)
    assert shifts.tidy(town, MORNING + timedelta(hours=15)) == 0
    assert shifts.current(town, who) is not None
    later = MORNING + timedelta(days=city_settings.track_days, minutes=1)
    assert shifts.tidy(town, later) == 1 and retention.remove(town, city_settings, later)["tracks"] == 1
    assert shifts.current(town, who) is None
    assert seconds(town) == {cell(town, city.IN_WEST): 180}


def test_a_beat_tells_which_of_its_cells_were_visited_today(town):
    who, west = actor(town), cell(town, city.IN_WEST)
    cells = town.scalars(text("SELECT code FROM city.cell ORDER BY code")).all()
    plan = beats.Plan("B1", "一号网格", None, tuple(cells), (beats.Shift((5,), MORNING.time(), NOON.time(), who.id),))
    beats.lay_out(town, [plan], at=MORNING)
    shifts.check_in(town, who, "one", MORNING, at=MORNING)
    shifts.add_track(town, who, "one", [point(1)], at=NOON)
    mine = shifts.beats_of(town, who, NOON, MORNING, city.IN_EAST)
    assert [(one.code, one.cells, one.visited, one.metres) for one in mine] == [("B1", len(cells), 1, 0)]
    told = {one.code: one.visited_at for one in shifts.cells_of(town, mine[0].beat_id, MORNING)}
    assert {code for code, when in told.items() if when} == {west} and len(told) == len(cells)
    assert shifts.beats_of(town, actor(town, "inspector2"), NOON, MORNING) == []


def test_the_phone_checks_in_sends_its_track_and_checks_out_over_http(api):
    who, now = api("inspector1"), datetime.now(UTC)
    begun = who.post("/api/v1/shifts/check-in", {"key": "one"})
    assert begun.status_code == 200 and begun.json["ended_at"] is None
    points = [
        {
            "at": (now + timedelta(seconds=n)).isoformat(),
            "lon": city.IN_WEST[0],
            "lat": city.IN_WEST[1],
            "accuracy_m": 9,
        }
        for n in (1, 2)
    ]
    assert who.post("/api/v1/shifts/track", {"key": "one", "points": points}).json == {"added": 2}
    assert who.post("/api/v1/shifts/check-out", {"key": "one"}).json["ended_by"] == "person"
    mine = who.get("/api/v1/shifts").json["shifts"]
    assert [(one["login"], one["points"], one["cells"]) for one in mine] == [("inspector1", 2, 1)]
    track = api("manager1").get(f"/api/v1/shifts/{mine[0]['id']}/track").json["features"]
    assert [one["geometry"]["coordinates"] for one in track] == [list(city.IN_WEST)] * 2


def test_others_than_inspectors_have_no_shift_and_inspectors_see_only_their_own(api):
    assert api("acceptor1").post("/api/v1/shifts/check-in", {"key": "one"}).status_code == 403
    assert api("sanitation1").get("/api/v1/shifts").status_code == 403
    api("inspector1").post("/api/v1/shifts/check-in", {"key": "one"})
    assert api("inspector2").get("/api/v1/shifts").json["shifts"] == []
    shift = api("manager1").get("/api/v1/shifts").json["shifts"][0]["id"]
    assert api("inspector2").get(f"/api/v1/shifts/{shift}/track").status_code == 404


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"key": ""}, "key"), ({"at": "2026-11-20 08:00"}, "at"), ({"at": "2000-01-01T08:00+08:00"}, "at")],
)
def test_a_check_in_that_cannot_be_used_names_its_field(api, changed, field):
    answer = api("inspector1").post("/api/v1/shifts/check-in", {"key": "one"} | changed)
    assert (answer.status_code, answer.json["field"]) == (422, field)
