"""People by cell: how they count on some ground, held against numbers by hand, and how they come in as a table."""

from datetime import UTC, date, datetime

import pytest
from geoalchemy2.shape import from_shape
from shapely import MultiPolygon, box
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import Range

from tests import city
from tests.hazards.makers import given
from webgis.accounts import queries as accounts
from webgis.api import checked
from webgis.errors import Invalid
from webgis.geo import SRID
from webgis.grid import cell_people
from webgis.grid.models import Area, Cell
from webgis.hazards import grading, impact, source_queries, sources
from webgis.hazards.source_wire import NewSource

ROW = "510104017003"
"""A community of 100 people: four cells of a thousandth of a degree each, side by side."""

CODES = [f"{ROW}00{number}" for number in (1, 2, 3, 4)]
NOON = datetime(2026, 11, 20, 4, tzinfo=UTC)
TODAY = date(2026, 11, 20)


@pytest.fixture
def session(city_runtime):
    with city_runtime.sessions() as made:
        row = MultiPolygon([box(104.1, 30.655, 104.104, 30.656)])
        made.add(
            Area(
                code=ROW, level="community", parent_code=city.SUBDISTRICT, name_zh="四格", geom=from_shape(row, SRID),
                area_m2=42_450, population=100,
            )
        )  # fmt: skip
        made.flush()
        for number, code in enumerate(CODES):
            put_cell(made, code, number)
        yield made


def put_cell(session, code: str, number: int, since=city.SINCE) -> None:
    shape = box(104.1 + number / 1000, 30.655, 104.1 + (number + 1) / 1000, 30.656)
    session.add(
        Cell(
            code=code, community_code=ROW, geom=from_shape(shape, SRID), area_m2=10_600, valid=Range(since, None),
            origin="surveyed",
        )
    )  # fmt: skip
    session.flush()


def table(tmp_path, *rows, header="code,people"):
    path = tmp_path / "people.csv"
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    return path


def load(session, tmp_path, *people):
    """Let the first cells of the row have so many people."""
    rows = [f"{code},{count}" for code, count in zip(CODES, people, strict=False)]
    return cell_people.import_people(session, table(tmp_path, *rows), today=TODAY)


def on_half(session, first: int, last: int):
    """What is told of the southern half of the cells `first` to `last`, counted from 1."""
    ground = box(104.1 + (first - 1) / 1000, 30.655, 104.1 + last / 1000, 30.6555)
    asked = text("SELECT * FROM fn.people_on(ST_GeomFromText(:wkt, 4490))")
    (row,) = session.execute(asked, {"wkt": ground.wkt}).all()
    return row


@pytest.mark.parametrize(
    "people, on_1_2, on_2_3",
    [
        ([], 25, 25),  # 100 people on four cells, half of two
        ([10, 31], 20.5, 30.25),  # 10/2 + 31/2; 31/2 + (100 - 41) on two cells, half of one
        ([10, 131], 70.5, 65.5),  # more than the community is said to have: nobody is left for the rest
        ([10, 31, 0, 7], 20.5, 15.5),  # every cell has a figure: the 100 of the community count no more
    ],
)
def test_cells_count_by_the_part_inside_and_the_rest_of_the_community_is_spread(
    session, tmp_path, people, on_1_2, on_2_3
):
    if people:
        assert load(session, tmp_path, *people).loaded
    assert on_half(session, 1, 2).people == pytest.approx(on_1_2)
    assert on_half(session, 2, 3).people == pytest.approx(on_2_3)
    assert on_half(session, 2, 3).known == pytest.approx(1)


def test_without_a_figure_of_the_community_only_the_ground_of_counted_cells_is_known(session, tmp_path):
    session.execute(text("UPDATE city.area SET population = NULL"))
    assert (on_half(session, 2, 3).people, on_half(session, 2, 3).known) == (None, 0)
    load(session, tmp_path, 10, 31)
    told = on_half(session, 2, 3)
    assert (told.people, told.known, told.cells) == (pytest.approx(15.5), pytest.approx(0.5), 1)


def test_a_cell_that_was_made_anew_has_no_figure_until_it_is_counted(session, tmp_path):
    load(session, tmp_path, 10, 31)
    session.execute(
        text("UPDATE city.cell SET valid = tstzrange(lower(valid), :at) WHERE code = :code"),
        {"at": NOON, "code": CODES[1]},
    )
    put_cell(session, CODES[1], 1, NOON)
    assert on_half(session, 1, 2).people == pytest.approx(10 / 2 + (100 - 10) / 3 / 2)


def test_a_grade_follows_from_the_cells_and_its_history_says_why(session, tmp_path):
    """All cells round the source are counted: nobody lives there but 37 people of a cell that lies wholly within."""
    by = accounts.actor(session, "administrator1")
    sources.add(session, by, checked(NewSource, given(people=7)), at=NOON)
    cells = session.execute(
        text(
            "SELECT c.code, ST_Disjoint(h.geom, c.geom)"
            " AND ST_Covers(fn.ground_within(h.geom, 400, 4544), c.geom) AS near"
            " FROM city.cell c CROSS JOIN city.hazard_source h WHERE NOT starts_with(c.code, :row) ORDER BY c.code"
        ),
        {"row": ROW},
    ).all()
    lived = next(cell.code for cell in cells if cell.near)
    session.execute(
        text(
            "UPDATE city.area SET geom = ST_Multi(ST_MakeEnvelope(CASE code WHEN :west THEN 104.045 ELSE 104.065 END,"
            " 30.6375, CASE code WHEN :west THEN 104.065 ELSE 104.085 END, 30.6775, 4490)) WHERE code IN (:west, :east)"
        ),
        {"west": city.WEST, "east": city.EAST},
    )
    rows = [f"{cell.code},{37 if cell.code == lived else 0}" for cell in cells]
    outcome = cell_people.import_people(session, table(tmp_path, *rows), today=TODAY)
    assert (outcome.loaded, outcome.added, outcome.updated) == (True, len(cells), 0)
    assert session.scalar(text("SELECT count(*) FROM city.outbox WHERE task = 'hazards.regrade'")) == 1
    grading.regrade_all(session, at=NOON)
    row = source_queries.require(session, by, "CD-001")
    grade, before = source_queries.grades(session, row.id)
    assert (before.people, before.people_from) == (7, "entered")
    assert (grade.people, grade.people_from, grade.alpha, grade.why) == (37, "population", 1.2, ["population"])
    parts = source_queries.units(session, row.id)[0].parts
    assert {part["area"]: part["people"] for part in parts} == {
        code: 37 if lived.startswith(code) else 0 for code in (city.WEST, city.EAST)
    }
    assert impact.impact(session, by, "CD-001", 500, at=NOON).people == 37


def test_a_file_again_changes_only_what_is_another(session, tmp_path):
    def people(*rows):
        path = table(tmp_path, *rows, header="网格编码,人口,统计日期,资料来源")
        return cell_people.import_people(session, path, today=TODAY, source="普查")

    done = people(f"{CODES[0]},10,2025-11-01,", f"{CODES[1]},31,,街道")
    assert (done.loaded, done.cells, done.added, done.updated) == (True, 2, 2, 0)
    done = people(f"{CODES[0]},10,2025年11月1日,", f"{CODES[1]},32,2026/3/1,街道")
    assert (done.added, done.updated) == (0, 1)
    kept = session.execute(text("SELECT people, as_of, source FROM city.cell_people ORDER BY people")).all()
    assert kept == [(10, date(2025, 11, 1), "普查"), (32, date(2026, 3, 1), "街道")]
    assert session.scalar(text("SELECT count(*) FROM city.outbox WHERE task = 'hazards.regrade'")) == 2


@pytest.mark.parametrize(
    "row, kind, field",
    [
        ("510104017003009,7,", "unknown-cell", "code"),
        ("51010401700300,7,", "code-form", "code"),
        (f"{CODES[0]},7,", "duplicate", "code"),
        (f"{CODES[1]},-7,", "people-form", "people"),
        (f"{CODES[1]},many,", "people-form", "people"),
        (f"{CODES[1]},7.5,", "people-form", "people"),
        (f"{CODES[1]},NaN,", "people-form", "people"),
        (f"{CODES[1]},,", "people-form", "people"),
        (f"{CODES[1]},1000001,", "people-form", "people"),
        (f"{CODES[1]},7,2026-11-21", "day-form", "as_of"),
        (f"{CODES[1]},7,yesterday", "day-form", "as_of"),
    ],
)
def test_a_fault_names_row_and_field_and_nothing_is_stored(session, tmp_path, row, kind, field):
    path = table(tmp_path, f"{CODES[0]},5,2025-11-01", row, header="code,people,as_of")
    outcome = cell_people.import_people(session, path, today=TODAY)
    (fault,) = outcome.faults
    assert (fault.kind, fault.row, fault.message.split(":")[0]) == (kind, 3, field)
    assert not outcome.loaded
    assert session.scalar(text("SELECT count(*) FROM city.cell_people")) == 0


def test_a_table_without_people_is_refused(session, tmp_path):
    with pytest.raises(Invalid) as refused:
        cell_people.import_people(session, table(tmp_path, f"{CODES[0]},5", header="code,height"), today=TODAY)
    assert (refused.value.code, refused.value.facts["field"]) == ("grid.field-unknown", "people")
