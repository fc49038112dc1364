"""Surveyed cells: every fault is found and said, and nothing is loaded unless it is accepted by name."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import shapely
from sqlalchemy import func, select, text

from tests.grid import town
from tests.grid.town import EAST, WEST
from webgis.errors import Conflict, Invalid
from webgis.grid import fitting, queries, survey
from webgis.grid.models import Cell

SHANGHAI = ZoneInfo("Asia/Shanghai")
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
APRIL = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def loaded(session):
    """The town's areas, without cells."""
    town.load(session)
    return session


def halves(middle=250.0):
    """West in two cells, by code: parted so many metres from its western end."""
    return {WEST + "001": town.square(0, 0, middle, 300), WEST + "002": town.square(middle, 0, 500, 300)}


def bring(session, cells, columns=None, **options):
    layer = town.layer(list(cells), list(cells.values()), **(columns or {}))
    return survey.import_cells(session, layer, srid=town.SRID, zone=SHANGHAI, **options)


def faults(outcome):
    return [(fault.kind, fault.row) for fault in outcome.faults]


def count(session):
    return session.scalar(select(func.count()).select_from(Cell))


def test_cells_without_a_fault_are_stored_with_the_standards_fields(loaded):
    columns = {
        "面积": [75_000, 75_010.0],
        "初始时间": ["2024-05-01", "20240501"],
        "终止时间": [None, "9999-12-31"],
        "备注": ["沿河", None],
    }
    outcome = bring(loaded, halves(), columns)
    assert (outcome.loaded, outcome.cells, outcome.faults) == (True, 2, [])
    cell = queries.cell_by_code(loaded, WEST + "001")
    assert (cell.origin, cell.remark, cell.nominal_m) == ("surveyed", "沿河", None)
    assert cell.valid.lower == datetime(2024, 4, 30, 16, tzinfo=UTC)
    assert cell.valid.upper is None
    assert cell.area_m2 == pytest.approx(75_000, abs=0.1)


def test_a_past_cell_of_the_file_is_history(loaded):
    cells = halves() | {WEST + "003": town.square(0, 0, 500, 300)}
    columns = {"valid_from": ["2024-05-01"] * 2 + ["2020-01-01"], "valid_to": [None, None, "2024-05-01"]}
    assert bring(loaded, cells, columns).faults == []
    place = town.place(50, 50)
    assert queries.cell_at(loaded, *place).code == WEST + "001"
    assert queries.cell_at(loaded, *place, datetime(2022, 1, 1, tzinfo=UTC)).code == WEST + "003"


def test_every_kind_of_fault_is_found_with_its_row(loaded):
    cells = [
        (WEST + "001", town.square(0, 0, 100, 300)),
        (WEST + "02", town.square(100, 0, 200, 300)),
        (WEST + "001", town.square(200, 0, 300, 300)),
        ("510104017099001", town.square(2000, 0, 2100, 300)),
        (WEST + "005", None),
        (WEST + "006", shapely.multipolygons([town.square(300, 0, 320, 300), town.square(340, 0, 360, 300)])),
        (WEST + "007", town.degrees(shapely.Polygon([(400, 0), (450, 300), (450, 0), (400, 300)]))),
        (EAST + "001", town.square(450, 0, 700, 300)),
        (EAST + "002", town.square(690, 0, 990, 300)),
        (EAST + "003", town.square(350, 100, 400, 200)),
        (EAST + "004", town.square(995, 0, 1000, 300)),
    ]
    codes, shapes = zip(*cells, strict=True)
    columns = {"area_m2": [None] * 7 + [75_000, 90_000, 5_000, 9_999], "start_date": [None] * 10 + ["soon"]}
    layer = town.layer(codes, shapes, **columns)
    outcome = survey.import_cells(loaded, layer, srid=town.SRID, zone=SHANGHAI)
    assert not outcome.loaded
    assert count(loaded) == 0
    assert {
        ("code-form", 2),
        ("duplicate", 3),
        ("unknown-community", 4),
        ("empty-geometry", 5),
        ("multipart", 6),
        ("invalid-geometry", 7),
        ("outside", 8),
        ("overlap", 8),
        ("wrong-parent", 10),
        ("area-mismatch", 11),
        ("time", 11),
        ("gap", None),
    } <= set(faults(outcome))
    by_kind = {fault.kind: fault for fault in outcome.faults}
    assert by_kind["wrong-parent"].other == WEST
    assert by_kind["overlap"].other == EAST + "002"
    assert by_kind["overlap"].m2 == pytest.approx(3000, rel=1e-3)
    assert set(outcome.refused) == {kind for kind, _ in faults(outcome)}


def test_a_gap_is_measured_and_placed(loaded):
    cells = halves()
    cells[WEST + "002"] = town.square(260, 0, 500, 300)
    outcome = bring(loaded, cells)
    assert [(fault.kind, fault.code) for fault in outcome.faults] == [("gap", WEST)]
    gap = outcome.faults[0]
    assert gap.m2 == pytest.approx(3000, rel=1e-3)
    assert shapely.covers(town.square(250, 0, 260, 300), shapely.Point(gap.lon, gap.lat))


def test_a_hole_between_cells_that_overlap_by_as_much_is_still_found(loaded):
    cells = {
        WEST + "001": town.square(0, 0, 200, 300),
        WEST + "002": town.square(190, 0, 300, 300),
        WEST + "003": town.square(310, 0, 500, 300),
    }
    assert [kind for kind, _ in faults(bring(loaded, cells))] == ["gap", "overlap"]


def test_accepted_kinds_are_loaded_and_still_reported(loaded):
    outcome = bring(loaded, {WEST + "001": town.square(0, 0, 250, 300)}, accepted={"gap"})
    assert (outcome.loaded, outcome.cells) == (True, 1)
    assert [fault.kind for fault in outcome.faults] == ["gap"]


def test_rows_that_cannot_be_stored_are_left_out_when_accepted(loaded):
    cells = halves() | {WEST + "03": town.square(0, 0, 10, 10)}
    outcome = bring(loaded, cells, accepted={"code-form"})
    assert (outcome.loaded, outcome.cells, outcome.left_out) == (True, 2, 1)


def test_accepting_an_unknown_kind_is_refused_with_those_there_are(loaded):
    with pytest.raises(Invalid) as refusal:
        bring(loaded, halves(), accepted={"gaps"})
    assert "gap" in refusal.value.facts["accepted"]


def test_cells_over_valid_ones_are_refused_unless_again(loaded):
    town.divide(loaded, WEST, at=MARCH)
    fresh = {WEST + "101": town.square(0, 0, 250, 300), WEST + "102": town.square(250, 0, 500, 300)}
    with pytest.raises(Conflict) as refusal:
        bring(loaded, fresh)
    assert refusal.value.code == "grid.divided"
    outcome = bring(loaded, fresh, {"initial_time": ["2020-01-01"] * 2}, again=True, at=APRIL)
    assert (outcome.cells, outcome.closed) == (2, 15)
    assert queries.cell_by_code(loaded, WEST + "101").valid.lower == APRIL
    assert [share.code for share in queries.cells_now(loaded, WEST + "001")] == [WEST + "101"]


def test_a_changed_cell_under_its_old_code_is_a_fault(loaded):
    bring(loaded, halves(), at=MARCH)
    outcome = bring(loaded, halves(300), again=True, at=APRIL)
    assert faults(outcome) == [("reused-code", 1), ("reused-code", 2)]


def test_cells_that_did_not_change_stay_as_they_are(loaded):
    bring(loaded, halves(), at=MARCH)
    outcome = bring(loaded, halves(), again=True, at=APRIL)
    assert (outcome.cells, outcome.closed, outcome.unchanged) == (0, 0, 2)
    assert queries.cell_by_code(loaded, WEST + "001").valid.lower == MARCH


def test_a_cell_that_would_begin_in_the_future_is_a_fault(loaded):
    outcome = bring(loaded, halves(), {"初始时间": ["2999-01-01", None]})
    assert faults(outcome) == [("gap", None), ("time", 1)]


def test_codes_kept_as_numbers_are_read(loaded):
    layer = town.layer([int(code) for code in halves()], list(halves().values()))
    assert survey.import_cells(loaded, layer, srid=town.SRID, zone=SHANGHAI).loaded


def test_the_check_of_what_is_stored_finds_what_an_insert_broke(loaded):
    town.divide(loaded, at=MARCH)
    loaded.execute(
        text("UPDATE city.cell SET geom = ST_GeomFromText(:shape, 4490) WHERE code = :code"),
        {"shape": town.square(20, 200, 110, 300).wkt, "code": WEST + "001"},
    )
    kinds = {(fault.kind, fault.code) for fault in fitting.check_cells(loaded, WEST, srid=town.SRID)}
    assert kinds == {("overlap", WEST + "001"), ("gap", WEST)}


def test_the_check_finds_a_community_without_cells(loaded):
    town.divide(loaded, WEST)
    faults = fitting.check_cells(loaded, "5101", srid=town.SRID)
    assert [(fault.kind, fault.code) for fault in faults] == [("gap", EAST)]


def test_the_check_finds_numbers_out_of_order(loaded):
    town.divide(loaded, WEST)
    loaded.execute(
        text("UPDATE city.cell SET code = :new WHERE code = :old"), {"old": WEST + "002", "new": WEST + "998"}
    )
    kinds = [fault.kind for fault in fitting.check_cells(loaded, WEST, srid=town.SRID)]
    assert kinds == ["order"]
