"""How construction zones do: the score card and the effect study on real rows; a planted effect, and none."""

from datetime import date, datetime, timedelta

import numpy as np
import pytest
import shapely
from sqlalchemy import text

from tests import city
from tests.metro.test_construction import ZONE, plan
from webgis.accounts import operations as accounts
from webgis.evaluation import works
from webgis.metro import construction

FIRST = date(2026, 3, 2)
BEGAN = datetime(2026, 3, 2, tzinfo=ZONE)
NOW = BEGAN + timedelta(weeks=30)

_PUT = text(
    """
    INSERT INTO city.case (number, kind, standard, class_code, description, geom, crs, cell_id, cell_code, source,
                           state, outcome, closed_at, reported_at, changed_at, head, department_code, deadline_at,
                           resolved_at, rework_count)
    SELECT '510104' || to_char(n.at, 'YYYYMMDD') || lpad(n.place::text, 5, '0'), 'matter', 'GB/T 47678.5-2026',
           :class, '例', ST_PointOnSurface(c.geom), 'cgcs2000', c.id, c.code, 'inspector',
           CASE WHEN n.place % 10 = 0 THEN 'filed' ELSE 'closed' END,
           CASE WHEN n.place % 10 > 0 THEN 'closed' END, CASE WHEN n.place % 10 > 0 THEN n.at END, n.at, n.at, '',
           '510104-works', n.at + interval '1 hour',
           CASE WHEN n.place % 10 > 0 THEN n.at + CASE WHEN n.place % 5 = 1 THEN interval '2 hours'
                                                       ELSE interval '30 minutes' END END,
           (n.place % 10 = 2)::integer
    FROM unnest(CAST(:codes AS text[]), CAST(:ats AS timestamptz[])) WITH ORDINALITY AS n (code, at, place)
    JOIN city.cell c ON c.code = n.code AND upper_inf(c.valid)
    """
)


@pytest.fixture
def town(city_runtime):
    """The small city with a zone in its western corner, which began 30 weeks ago, and ten communities far from it."""
    with city_runtime.transaction() as session:
        for turn in range(10):
            west, south = 104.08 + 0.005 * turn, 30.655
            city.add_community(
                session, f"{city.SUBDISTRICT}{101 + turn}", shapely.box(west, south, west + 0.005, 30.66)
            )
        accounts.add_department(session, "builder", "施工单位", "Builder", kind="other")
        accounts.add_department(session, "metro", "地铁公司", "Metro", kind="other")
        west, south = 104.0600, 30.6550
        ground = shapely.box(west, south, west + 0.0012, south + 0.0010)
        phases = (
            construction.rules.Phase("hoarding", FIRST, FIRST + timedelta(weeks=10, days=-1)),
            construction.rules.Phase("excavation", FIRST + timedelta(weeks=10), FIRST + timedelta(weeks=40)),
        )
        works_plan = plan(ground=ground, first_day=FIRST, last_day=FIRST + timedelta(weeks=50), phases=phases)
        construction.keep(session, [works_plan], at=BEGAN - timedelta(days=9))
        yield session


def put(session, planted: float, seed: int = 5, class_code: str = city.REFUSE) -> None:
    """Cases of 134 weeks in all cells, `planted` times as many in the zone since its excavation."""
    random = np.random.default_rng(seed)
    cells = session.execute(
        text(
            "SELECT c.code, ST_Intersects(c.geom, z.geom) AS inside FROM city.cell c, city.construction_zone z"
            " WHERE upper_inf(c.valid) AND z.code = 'CZ1' ORDER BY c.code"
        )
    ).all()
    codes, ats = [], []
    for week in range(134):
        since = BEGAN + timedelta(weeks=week - 104)
        means = np.array([0.8 * (planted if one.inside and week >= 114 else 1.0) for one in cells])
        for one, count in zip(cells, random.poisson(means), strict=True):
            codes += [one.code] * count
            ats += [since + timedelta(hours=int(hour)) for hour in random.integers(0, 168, count)]
    session.execute(_PUT, {"codes": codes, "ats": ats, "class": class_code})


def told(session) -> dict:
    found = works.effects(session, construction.require(session, "CZ1"), now=NOW)
    return {(one.part, one.phase): one.effect for one in found}


def test_a_planted_effect_is_found_where_and_when_it_was_and_nowhere_else(town):
    put(town, 2.5)
    found = told(town)
    assert found["inside", "excavation"].claim == "more"
    assert found["inside", "excavation"].low < 2.5 < found["inside", "excavation"].high
    assert found["inside", "hoarding"].claim == "none"
    assert {one.claim for (part, _phase), one in found.items() if part == "ring"} == {"too-little"}, (
        "too few such patches"
    )
    assert found["inside", None].weeks == 30 and found["inside", "hoarding"].weeks == 10


def test_without_an_effect_nothing_is_claimed(town):
    put(town, 1.0)
    assert {one.claim for (part, _phase), one in told(town).items() if part == "inside"} == {"none"}


@pytest.mark.parametrize(("first_day", "claim"), [(NOW.date(), "more"), (FIRST, "too-little")])
def test_only_works_of_the_weeks_compared_take_places_from_those_compared_with(town, first_day, claim):
    put(town, 2.5)
    everywhere = shapely.box(104.08, 30.655, 104.13, 30.66)
    other = plan("CZ2", ground=everywhere, first_day=first_day, last_day=first_day + timedelta(weeks=9), phases=())
    construction.keep(town, [other], at=BEGAN - timedelta(days=8))
    assert told(town)["inside", "excavation"].claim == claim


def test_works_of_three_years_are_compared_with_the_years_before_them(town):
    put(town, 2.5)
    now = BEGAN + timedelta(weeks=30)
    began = FIRST - timedelta(weeks=120)
    construction.keep(town, [plan("LONG", first_day=began, last_day=None, phases=())], at=BEGAN - timedelta(weeks=121))
    span = works.span_of(town, construction.require(town, "LONG"), now)
    assert (span.start, span.weeks - span.start) == (52 * 4, 150)


def test_without_any_case_every_question_is_answered_with_too_little(town):
    assert {one.claim for one in told(town).values()} == {"too-little"}


def test_a_zone_in_one_cell_and_one_beside_the_grid_are_studied_too(town):
    cell = town.scalar(text("SELECT ST_AsBinary(geom) FROM city.cell WHERE upper_inf(valid) ORDER BY code LIMIT 1"))
    inside = shapely.from_wkb(bytes(cell)).buffer(-1e-4)
    beside = shapely.box(104.0595, 30.6560, 104.06001, 30.6561)
    span = {"first_day": FIRST, "last_day": FIRST + timedelta(weeks=50), "phases": ()}
    for code, ground in (("ONE", inside), ("EDGE", beside)):
        construction.keep(town, [plan(code, ground=ground, **span)], at=BEGAN - timedelta(days=9))
    put(town, 1.0)
    cells = {}
    for code in ("ONE", "EDGE"):
        found = works.effects(town, construction.require(town, code), now=NOW)
        (within,) = (one.effect for one in found if one.part == "inside")
        assert within.claim == "none"
        cells[code] = within.cells
    assert cells["ONE"] == 1 <= cells["EDGE"]


def test_cells_that_were_cut_anew_meanwhile_are_left_out(town):
    zone = construction.require(town, "CZ1")
    before = {one.code for one in works.cells_near(town, zone, BEGAN)}
    anew = min(before)
    town.execute(
        text(
            "INSERT INTO city.cell_lineage (from_cell, to_cell, share, reason, at)"
            " SELECT o.id, c.id, 1, 'split', :at FROM city.cell c, city.cell o WHERE c.code = :anew AND o.code = :old"
        ),
        {"anew": anew, "old": max(before), "at": BEGAN + timedelta(days=1)},
    )
    assert {one.code for one in works.cells_near(town, zone, BEGAN)} == before - {anew}
    assert {one.code for one in works.cells_near(town, zone, NOW)} == before


def test_how_near_a_cell_is_is_measured_in_the_system_of_the_city(town):
    zone = construction.require(town, "CZ1")
    before = {one.code for one in works.cells_near(town, zone, BEGAN)}
    city.measure_elsewhere(town)
    assert {one.code for one in works.cells_near(town, zone, BEGAN)} < before


def test_before_a_week_is_over_nothing_is_asked(town):
    assert works.effects(town, construction.require(town, "CZ1"), now=BEGAN + timedelta(days=6)) == []


def test_the_score_card_counts_the_cases_of_works_alone(town):
    put_works = [f"{city.WEST}001"] * 20
    ats = [BEGAN + timedelta(days=turn) for turn in range(20)]
    town.execute(_PUT, {"codes": put_works, "ats": ats, "class": "08004"})
    town.execute(
        text(
            "INSERT INTO city.case_zone (case_id, zone_id) SELECT c.id, z.id FROM city.case c, city.construction_zone z"
        )
    )
    (score,) = works.scores(town, BEGAN, NOW, now=NOW)
    assert (score.counts.reported, score.counts.closed, score.counts.open, score.counts.overdue) == (20, 18, 2, 2)
    assert score.counts.on_time == 14, "a fifth was late"
    assert score.on_time == pytest.approx(14 / 20) and score.rework == pytest.approx(2 / 20)
    assert score.points == round(60 * 14 / 20 + 20 * 18 / 20 + 20) and score.placed
    assert works.scores(town, BEGAN, NOW, now=NOW, code="another") == []
    for outcome, place in (("void", 1), ("merged", 2), ("rejected", 3)):
        last = {"outcome": outcome, "ending": f"{place:05}"}
        town.execute(text("UPDATE city.case SET outcome = :outcome WHERE number LIKE '%' || :ending"), last)
    (score,) = works.scores(town, BEGAN, NOW, now=NOW)
    assert (score.counts.reported, score.counts.closed) == (17, 15), "what was no case of theirs does not count"
    town.execute(text("UPDATE city.case SET class_code = :class"), {"class": city.REFUSE})
    assert works.scores(town, BEGAN, NOW, now=NOW) == []
