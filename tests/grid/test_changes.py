"""Splitting and merging cells by hand."""

from datetime import UTC, datetime

import pytest
import shapely

from tests.grid import town
from tests.grid.town import EAST, WEST
from webgis.errors import Conflict, Invalid, NotFound
from webgis.grid import changes, fitting, queries

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
APRIL = datetime(2026, 4, 1, tzinfo=UTC)
MAY = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def cells(session):
    """The town, divided in March."""
    town.load(session)
    town.divide(session, at=MARCH)
    return session


def line(*points):
    return town.degrees(shapely.LineString(points))


def split(session, code, by, at=APRIL):
    return changes.split_cell(session, code, by, srid=town.SRID, at=at)


def merge(session, codes, at=APRIL):
    return changes.merge_cells(session, codes, srid=town.SRID, at=at)


def test_a_cell_is_split_along_a_line(cells):
    made = split(cells, WEST + "001", line((30, 190), (30, 310)))
    assert [cell.code for cell in made] == [WEST + "016", WEST + "017"]
    assert [cell.area_m2 for cell in made] == pytest.approx([3000, 7000], abs=1)
    assert fitting.check_cells(cells, WEST, srid=town.SRID) == []
    steps = queries.became(cells, queries.last_cell(cells, WEST + "001").id)
    assert [(step.code, step.reason, step.at) for step in steps] == [(c.code, "split", APRIL) for c in made]
    assert sum(step.share for step in steps) == pytest.approx(1, abs=1e-9)


def test_a_cell_that_was_just_located_is_split(cells):
    found = queries.cell_at(cells, *town.place(50, 250))
    assert len(split(cells, found.code, line((30, 190), (30, 310)))) == 2


def test_a_cell_is_split_along_the_outline_of_a_polygon(cells):
    yard = town.degrees(shapely.box(20, 220, 60, 260))
    made = split(cells, WEST + "001", yard)
    assert sorted(cell.area_m2 for cell in made) == pytest.approx([1600, 8400], abs=1)
    assert queries.cell_at(cells, *town.place(40, 240)).area_m2 == pytest.approx(1600, abs=1)


@pytest.mark.parametrize(
    ("by", "code"),
    [
        (line((30, 190), (30, 250)), "grid.not-cut"),
        (line((530, 190), (530, 310)), "grid.not-cut"),
        (line((0.005, 190), (0.005, 310)), "grid.crumb"),
    ],
    ids=["only half across", "beside it", "along its edge"],
)
def test_a_line_that_does_not_cut_is_refused(cells, by, code):
    with pytest.raises(Invalid) as refusal:
        split(cells, WEST + "001", by)
    assert refusal.value.code == code
    assert queries.cell_by_code(cells, WEST + "001")


def test_cells_are_merged(cells):
    made = merge(cells, [WEST + "002", WEST + "001"])
    assert made.code == WEST + "016"
    assert made.area_m2 == pytest.approx(20_000, abs=1)
    assert [(step.code, step.share) for step in queries.came_from(cells, made.id)] == [
        (WEST + "001", pytest.approx(1)),
        (WEST + "002", pytest.approx(1)),
    ]
    assert fitting.check_cells(cells, WEST, srid=town.SRID) == []


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ([WEST + "001"], "grid.not-mergeable"),
        ([WEST + "005", EAST + "001"], "grid.not-mergeable"),
        ([WEST + "001", WEST + "003"], "grid.not-adjacent"),
        ([WEST + "001", WEST + "007"], "grid.not-adjacent"),
    ],
    ids=["one", "of two communities", "apart", "only a corner in common"],
)
def test_cells_that_make_no_single_cell_are_not_merged(cells, codes, code):
    with pytest.raises(Invalid) as refusal:
        merge(cells, codes)
    assert refusal.value.code == code


def test_a_closed_cell_is_not_changed_again_and_its_successors_are_named(cells):
    merge(cells, [WEST + "001", WEST + "002"])
    with pytest.raises(Conflict) as refusal:
        split(cells, WEST + "001", line((30, 190), (30, 310)), at=MAY)
    assert refusal.value.facts["now"] == [WEST + "016"]


def test_a_cell_that_never_was_is_not_found(cells):
    with pytest.raises(NotFound):
        split(cells, WEST + "999", line((30, 190), (30, 310)))
