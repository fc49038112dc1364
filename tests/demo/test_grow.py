"""A grown city: believable in when, what and where, whole in its histories, and nothing of it when it was stopped."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import text

from tests.cases.life import Life
from webgis import cli
from webgis.cases import audit
from webgis.demo import filling, grow, hot_spots, patterns, templates, workload
from webgis.errors import Conflict, Invalid
from webgis.maps import rollups

CASES, CLASSES = 2_000, 5


@pytest.fixture(scope="module")
def grown(copied, county):
    """A runtime with one county of Shanghai and a past."""
    with copied(county) as runtime:
        indexes = _all(runtime, INDEXES)
        made = grow.grow(runtime, cases=CASES, cells=1, components_=1, classes=CLASSES)
        assert (made.counties, made.cases, made.open) == (1, CASES, CASES // 100)
        assert _all(runtime, INDEXES) == indexes, "what is dropped while tables are filled is made again"
        yield runtime


INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'city' ORDER BY 1"


def _all(runtime, statement, **values):
    with runtime.transaction() as session:
        return session.execute(text(statement), values).all()


def test_every_case_is_as_if_it_had_been_lived(grown):
    assert Life(grown).check() == CASES
    assert audit.verify(grown.engine, grown.settings).findings == ()
    ((many, last),) = _all(
        grown, "SELECT count(*), (SELECT sum(last) FROM city.case_counter) FROM city.case WHERE number > ''"
    )
    assert many == last == CASES


def test_the_queues_hold_the_open_cases_and_the_counts_all(grown):
    states = _all(grown, "SELECT id, state, due_at FROM city.case WHERE outcome IS NULL ORDER BY id")
    assert len(states) == CASES // 100
    assert states == _all(grown, "SELECT case_id, state, due_at FROM city.open_case ORDER BY case_id")
    with grown.engine.connect() as connection:
        assert rollups.check(connection) == []


def test_nothing_lies_in_the_future_and_everything_in_its_cell(grown):
    wrong = (
        "SELECT 1 FROM city.case_event WHERE at > now()",
        "SELECT 1 FROM city.case c JOIN city.cell k ON k.id = c.cell_id"
        " WHERE k.code <> c.cell_code OR NOT ST_Covers(k.geom, c.geom) OR lower(k.valid) > c.reported_at",
        "SELECT 1 FROM (SELECT at, lag(at) OVER (PARTITION BY case_id ORDER BY seq) AS before FROM city.case_event) e"
        " WHERE at < before",
    )
    assert [_all(grown, statement) for statement in wrong] == [[], [], []]


def test_roads_and_classes_have_their_shares(grown):
    few = dict(_all(grown, "SELECT class_code, count(*) FROM city.case GROUP BY 1"))
    assert len(few) == CLASSES
    assert max(few.values()) / CASES == pytest.approx(workload.zipf(CLASSES)[0], abs=0.1)
    ended = dict(_all(grown, "SELECT state, count(*) FROM city.case WHERE outcome IS NOT NULL GROUP BY 1"))
    assert ended["rejected"] / CASES == pytest.approx(patterns.ROADS["rejected"][0], abs=0.015)


def test_cases_that_are_there_are_left_alone(grown):
    with pytest.raises(Conflict) as refused:
        grow.grow(grown, cases=10, cells=1, components_=1)
    assert refused.value.code == "demo.has-cases"
    assert _all(grown, "SELECT count(*) FROM city.case") == [(CASES,)]


_STORED = """
SELECT (SELECT count(*) FROM city.case), (SELECT count(*) FROM city.case_event), (SELECT count(*) FROM city.photo),
       (SELECT sum(last) FROM city.case_counter),
       (SELECT string_agg(indexdef, ';' ORDER BY indexname) FROM pg_indexes WHERE schemaname = 'city')
"""


@pytest.mark.parametrize("where", ["patterns", "cases", "queues"])
def test_whatever_stops_it_leaves_the_city_as_it_was(grown, where):
    before = _all(grown, _STORED)

    def stop(what: str, _done: int, _total: int) -> None:
        if what == where:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        filling.fill(grown, 100, classes=1, progress=stop)
    assert _all(grown, _STORED) == before


def test_it_tells_how_many_cases_are_driven_from_the_first_on(grown):
    told = []
    patterns.make(grown, 1, lambda *done: told.append(done))
    of = len(patterns.ROADS)
    assert told == [(done, of) for done in range(of + 1)]


def test_events_left_between_the_two_commits_are_cleared_away(grown):
    with grown.transaction() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(
            text(
                "INSERT INTO city.case_event (case_id, seq, at, action, to_state, role, given, hash)"
                " SELECT max(id) + 1, 1, now(), 'report', 'reported', 'engine', '{}', '' FROM city.case"
            )
        )
    filling.fill(grown, 10, open_cases=0, classes=1)
    assert audit.verify(grown.engine, grown.settings).findings == ()


def test_the_command_adds_cases_beside_others_when_told(grown, monkeypatch):
    monkeypatch.setattr(grow, "CLASSES", 2)  # the roads of each class are driven
    ((before,),) = _all(grown, "SELECT count(*) FROM city.case")
    options = ["demo", "grow", "--cases", "20", "--cells", "1", "--components", "1", "--json"]
    refused = CliRunner().invoke(cli.group, options, obj=grown)
    assert refused.exit_code != 0
    done = CliRunner().invoke(cli.group, [*options, "--beside-cases"], obj=grown)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["cases"] == 20
    assert _all(grown, "SELECT count(*) FROM city.case") == [(before + 20,)]


def test_a_city_that_is_not_the_demos_gets_no_past(city_runtime):
    with pytest.raises(Conflict) as refused:
        grow.grow(city_runtime, cases=10, cells=1, components_=1)
    assert refused.value.code == "demo.other-city"


def test_more_cells_than_the_counties_give_are_refused(runtime):
    with pytest.raises(Invalid) as refused:
        grow.grow(runtime, cells=2_000_000)
    assert refused.value.code == "demo.too-many-cells"
    assert 1_400_000 < refused.value.facts["accepted"][1] < 1_700_000


def test_days_and_hours_are_those_of_the_figures():
    rng = np.random.default_rng(1)
    last = np.datetime64("2026-11-21")
    days = workload.days(rng, last, 700, 100_000)
    assert days.min() == 1 and days.max() == 700
    weekday = ((last + 1 - days).astype("datetime64[D]").astype(int) + 3) % 7
    wanted = np.array(workload.WEEKDAYS) / sum(workload.WEEKDAYS)
    assert np.bincount(weekday) / 100_000 == pytest.approx(wanted, abs=0.01)
    hours = np.bincount(workload.hours(rng, 100_000).astype(int)) / 100_000
    assert hours == pytest.approx(np.array(workload.HOURS) / sum(workload.HOURS), abs=0.005)


def test_durations_are_those_of_the_figures_as_far_as_the_cases_are_old():
    rng = np.random.default_rng(1)
    old = workload.durations(rng, np.full(100_000, 70_000.0))
    for share, hours in workload.DURATIONS[4:-2:3]:
        assert (old <= hours).mean() == pytest.approx(share, abs=0.01)
    young = workload.durations(rng, np.full(1_000, 5.0))
    assert young.max() <= 5.0


PLACES = np.stack(np.meshgrid(np.arange(100), np.arange(100)), axis=-1).reshape(-1, 2) / 1000 + (104.0, 30.6)


def test_hot_spots_come_wander_and_go():
    found = hot_spots.spots(np.random.default_rng(3), PLACES, np.ones(len(PLACES)), 36, 6)
    there = found.strength > 0
    assert found.strength.sum(axis=1) == pytest.approx(np.ones(36))
    assert there.sum(axis=1).mean() == pytest.approx(hot_spots.SPOTS, rel=0.25)
    assert not (there[0] & there[-1]).any()
    assert (np.diff(there.astype(int), axis=0) == 1).sum(axis=0).max() == 1, "one that has gone does not come back"
    moved = np.diff(found.place, axis=0) * hot_spots.DEGREE_KM
    assert moved.std() == pytest.approx(hot_spots.WANDER_KM, rel=0.05)


def test_a_quarter_of_the_cases_is_crowded_in_hot_spots_and_most_of_these_have_its_class():
    month = np.sort(np.random.default_rng(1).integers(0, 24, 60_000))
    place, kind = hot_spots.settle(np.random.default_rng(3), PLACES, PLACES.mean(axis=0), month, 6)
    hot = kind >= 0
    assert hot.mean() == pytest.approx(hot_spots.SHARE * hot_spots.OWN_CLASS, abs=0.02)
    some = np.flatnonzero(hot & (month == 5))
    others = np.flatnonzero(~hot & (month == 5))[: len(some)]
    blocks = [len(set(map(tuple, np.floor(PLACES[place[rows]] * 300).tolist()))) for rows in (some, others)]
    assert blocks[0] < 0.75 * blocks[1]


def test_a_template_gives_the_bytes_back_that_it_was_cut_from():
    marks = {"number": b"5101", "cell": b"510104", "words": templates.worded("字")}
    raw = b"%d 510104 x 5101\x00" + templates.worded("字") + b"510104"
    form, take = templates.template(raw, marks)
    values = [b""] * len(templates.GAPS)
    for gap, mark in marks.items():
        values[templates.GAPS.index(gap)] = mark
    assert form.count(b"%b") == 4 and form % take(values) == raw


@pytest.mark.parametrize(
    ("degrees", "text_"), [(104.0, "104.0000001"), (104.12345678, "104.1234568"), (30.5, "30.50000001")]
)
def test_angles_of_a_city_have_as_many_digits(degrees, text_):
    assert templates.degrees(degrees) == text_
