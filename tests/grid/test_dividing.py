"""Dividing stored communities, and dividing them again with their history kept."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text

from tests.grid import town
from tests.grid.town import CITY, EAST, STREET, WEST
from webgis.errors import Conflict, Invalid, NotFound
from webgis.grid import areas, fitting, history, queries
from webgis.grid.dividing import free_numbers
from webgis.grid.models import Cell, CellLineage

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
APRIL = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def loaded(session):
    """The town's areas, not yet divided."""
    town.load(session)
    return session


def valid_codes(session, community):
    held = select(Cell.code).where(Cell.community_code == community, func.upper_inf(Cell.valid)).order_by(Cell.code)
    return list(session.scalars(held))


def test_every_community_of_an_area_is_divided(loaded):
    outcome = town.divide(loaded, at=MARCH)
    assert (outcome.communities, outcome.cells, outcome.closed) == (2, 30, 0)
    assert valid_codes(loaded, WEST) == [f"{WEST}{number:03d}" for number in range(1, 16)]
    cell = queries.cell_by_code(loaded, WEST + "001")
    assert (cell.origin, cell.nominal_m, cell.valid.lower, cell.valid.upper) == ("divided", 100.0, MARCH, None)
    assert cell.area_m2 == pytest.approx(10_000, abs=0.1)


def test_divided_cells_have_no_fault(loaded):
    town.divide(loaded)
    assert fitting.check_cells(loaded, CITY, srid=town.SRID) == []


def test_the_first_load_of_a_city_leaves_index_and_foreign_key_in_place(loaded, monkeypatch):
    monkeypatch.setattr(history, "MANY", 30)
    town.divide(loaded)
    assert loaded.scalar(text("SELECT indisvalid FROM pg_index WHERE indexrelid = 'city.ix_cell_geom'::regclass"))
    key = text("SELECT convalidated FROM pg_constraint WHERE conname = 'fk_cell_community_code'")
    assert loaded.scalar(key)
    assert queries.cell_at(loaded, *town.place(50, 250)).code == WEST + "001"


def test_a_first_load_waits_for_nobody_who_reads(runtime, monkeypatch):
    monkeypatch.setattr(history, "MANY", 30)
    with runtime.transaction() as session:
        town.load(session)
    with runtime.transaction() as reader, runtime.transaction() as session:
        assert queries.areas(reader)
        assert town.divide(session).cells == 30


def test_progress_is_told(loaded):
    told = []
    town.divide(loaded, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (2, 2)


def test_dividing_what_is_divided_is_refused(loaded):
    town.divide(loaded, WEST)
    with pytest.raises(Conflict) as refusal:
        town.divide(loaded, STREET)
    assert refusal.value.code == "grid.divided"
    assert refusal.value.facts["cells"] == 15


def test_dividing_again_the_same_changes_nothing(loaded):
    town.divide(loaded, at=MARCH)
    outcome = town.divide(loaded, again=True, at=APRIL)
    assert (outcome.cells, outcome.closed, outcome.unchanged) == (0, 0, [WEST, EAST])


def test_dividing_again_closes_the_old_and_numbers_on(loaded):
    town.divide(loaded, at=MARCH)
    outcome = town.divide(loaded, WEST, again=True, size_m=150, at=APRIL)
    assert outcome.closed == 15
    codes = valid_codes(loaded, WEST)
    assert codes[0] == WEST + "016"
    assert queries.cell_by_code(loaded, WEST + "001") is None
    assert queries.cell_by_code(loaded, WEST + "001", MARCH).valid.upper == APRIL
    shares = loaded.execute(
        select(func.sum(CellLineage.share)).group_by(CellLineage.from_cell)
    ).scalars().all()  # fmt: skip
    assert len(shares) == 15
    assert shares == pytest.approx([1.0] * 15, abs=1e-6)
    assert valid_codes(loaded, EAST)[0] == EAST + "001"


def test_a_place_has_its_old_cell_before_and_its_new_one_after(loaded):
    town.divide(loaded, at=MARCH)
    town.divide(loaded, again=True, size_m=150, at=APRIL)
    place = town.place(50, 250)
    assert queries.cell_at(loaded, *place, APRIL - timedelta(seconds=1)).code == WEST + "001"
    now = queries.cell_at(loaded, *place, APRIL)
    assert now.code == queries.cell_at(loaded, *place).code != WEST + "001"
    assert now.code in {share.code for share in queries.cells_now(loaded, WEST + "001")}


def test_a_change_at_the_moment_the_cells_began_is_refused(loaded):
    town.divide(loaded, at=MARCH)
    with pytest.raises(Conflict) as refusal:
        town.divide(loaded, again=True, size_m=150, at=MARCH)
    assert refusal.value.code == "grid.same-moment"


@pytest.mark.parametrize(
    ("at", "code"), [(datetime(2099, 1, 1, tzinfo=UTC), "grid.future"), (datetime(2026, 1, 1), "grid.no-zone")]
)
def test_a_moment_to_come_or_without_a_zone_is_refused(loaded, at, code):
    with pytest.raises(Invalid) as refusal:
        town.divide(loaded, at=at)
    assert refusal.value.code == code


def test_a_community_of_too_many_cells_gets_larger_ones_and_says_so(session):
    town.load(session)
    outcome = town.divide(session, WEST, size_m=12)
    assert [community.code for community, _ in outcome.enlarged] == [WEST]
    assert outcome.cells <= 999
    assert queries.cell_by_code(session, WEST + "001").nominal_m > 12


def test_running_out_of_codes_is_refused_unless_they_may_be_reused(loaded):
    town.divide(loaded, WEST, size_m=15, at=MARCH)
    with pytest.raises(Conflict) as refusal:
        town.divide(loaded, WEST, size_m=16, again=True, at=APRIL)
    assert refusal.value.code == "grid.codes-exhausted"
    assert refusal.value.facts["communities"] == [WEST]
    outcome = town.divide(loaded, WEST, size_m=16, again=True, reuse_codes=True, at=APRIL)
    assert len(outcome.reused) > 0
    assert len(set(valid_codes(loaded, WEST))) == outcome.cells


def test_an_unknown_area_and_one_without_communities_are_refused(loaded):
    with pytest.raises(NotFound):
        town.divide(loaded, "510199")
    areas.import_areas(loaded, town.layer(["5106"], [town.square(1000, 0, 2000, 300)], name=["德阳市"]), srid=town.SRID)
    with pytest.raises(Invalid) as refusal:
        town.divide(loaded, "5106")
    assert refusal.value.code == "grid.no-communities"


def test_each_city_is_cut_in_its_own_projected_system(loaded):
    far = town.square(1000, 0, 2000, 300)
    codes = ["5106", "510603", "510603001", "510603001001"]
    areas.import_areas(loaded, town.layer(codes, [far] * 4, name=codes), srid=town.SRID, city_srid=32648)
    town.divide(loaded, "5106")
    cell = queries.cell_at(loaded, *town.place(1500, 150))
    assert cell.community_code == "510603001001"
    assert cell.area_m2 == pytest.approx(10_000, rel=0.2)
    assert fitting.check_cells(loaded, "5106", srid=town.SRID) == []


@pytest.mark.parametrize(
    ("used", "count", "reuse", "numbers"),
    [
        ([], 3, False, [1, 2, 3]),
        ([1, 2, 3], 2, False, [4, 5]),
        ([1, 998], 2, False, [2, 3]),
        (list(range(2, 1000)), 2, False, None),
        (list(range(999, 1, -1)), 3, True, [1, 998, 999]),
        (list(range(1, 1000)), 1000, True, None),
    ],
    ids=["first", "on from the highest", "else what is free", "too few", "the longest closed", "never more than 999"],
)
def test_numbers_for_new_cells(used, count, reuse, numbers):
    assert free_numbers(used, count, reuse) == numbers
