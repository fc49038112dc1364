"""What the database itself promises about areas and cells, for any writer, and the functions of schema fn."""

from datetime import UTC, datetime, timedelta

import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.grid import town
from tests.grid.town import EAST, WEST
from webgis.grid import changes

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
APRIL = datetime(2026, 4, 1, tzinfo=UTC)
MAY = datetime(2026, 5, 1, tzinfo=UTC)
EXCLUSION = "23P01"
CHECK = "23514"


@pytest.fixture
def cells(session):
    """The town, divided in March."""
    town.load(session)
    town.divide(session, at=MARCH)
    return session


def insert(session, code, since, until=None, square=(0, 0, 100, 100), community=None):
    session.execute(
        text(
            "INSERT INTO city.cell (code, community_code, geom, area_m2, valid, origin) VALUES (:code, :community,"
            " ST_GeomFromText(:shape, 4490), 10000, tstzrange(:since, :until), 'surveyed')"
        ),
        {
            "code": code,
            "community": community or code[:12],
            "shape": town.square(*square).wkt,
            "since": since,
            "until": until,
        },
    )


def cell_at(session, east, north, at=None):
    lon, lat = town.place(east, north)
    return session.scalar(
        text("SELECT (fn.cell_at(ST_SetSRID(ST_Point(:lon, :lat), 4490), coalesce(:at, now()))).code"),
        {"lon": lon, "lat": lat, "at": at},
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [((MARCH, None), (APRIL, None)), ((MARCH, MAY), (APRIL, None)), ((APRIL, None), (MARCH, MAY)),
     ((MARCH, MAY), (APRIL, MAY))],
    ids=["both valid", "past then valid", "valid then past", "both past"],
)  # fmt: skip
def test_two_cells_with_one_code_at_one_time_are_refused(session, first, second):
    town.load(session)
    insert(session, WEST + "001", *first)
    with pytest.raises(IntegrityError) as refusal:
        insert(session, WEST + "001", *second)
    assert refusal.value.orig.pgcode == EXCLUSION


def test_lengthening_a_past_cell_into_a_valid_one_is_refused(session):
    town.load(session)
    insert(session, WEST + "001", MARCH, APRIL)
    insert(session, WEST + "001", APRIL)
    with pytest.raises(IntegrityError) as refusal:
        session.execute(text("UPDATE city.cell SET valid = tstzrange(:a, :b) WHERE NOT upper_inf(valid)"),
                        {"a": MARCH, "b": MAY})  # fmt: skip
    assert refusal.value.orig.pgcode == EXCLUSION


def test_a_code_may_be_borne_again_once_its_cell_is_closed(session):
    town.load(session)
    insert(session, WEST + "001", MARCH, APRIL)
    insert(session, WEST + "001", APRIL)
    assert session.scalar(text("SELECT count(*) FROM city.cell")) == 2


@pytest.mark.parametrize("code", [WEST + "00", WEST + "000", WEST + "0a1", WEST + "0001"])
def test_a_cell_with_a_malformed_code_is_refused(session, code):
    town.load(session)
    with pytest.raises(IntegrityError) as refusal:
        insert(session, code, MARCH)
    assert refusal.value.orig.pgcode == CHECK


def test_a_cell_of_another_community_than_its_code_says_is_refused(session):
    town.load(session)
    with pytest.raises(IntegrityError) as refusal:
        insert(session, WEST + "001", MARCH, community=EAST)
    assert refusal.value.orig.pgcode == CHECK


@pytest.mark.parametrize(
    ("code", "level", "parent"),
    [
        ("51010", "city", None),
        ("510105", "county", "5102"),
        ("510105", "community", None),
        ("510104018", "subdistrict", None),
    ],
)
def test_an_area_with_a_wrong_code_or_parent_is_refused(session, code, level, parent):
    town.load(session)
    with pytest.raises(IntegrityError) as refusal:
        session.execute(
            text(
                "INSERT INTO city.area (code, level, parent_code, name_zh, geom, area_m2)"
                " VALUES (:code, :level, :parent, '某地', ST_Multi(ST_MakeEnvelope(104, 30, 104.1, 30.1, 4490)), 1)"
            ),
            {"code": code, "level": level, "parent": parent},
        )
    assert refusal.value.orig.pgcode == CHECK


def test_cells_are_numbered_from_the_north_west(cells):
    assert cell_at(cells, 50, 250) == WEST + "001"
    assert cell_at(cells, 150, 250) == WEST + "002"
    assert cell_at(cells, 50, 150) == WEST + "006"
    assert cell_at(cells, 450, 50) == WEST + "015"
    assert cell_at(cells, 550, 250) == EAST + "001"


def test_a_shared_edge_and_a_shared_corner_belong_to_the_lowest_code(cells):
    corner = shapely.from_wkb(
        bytes(cells.scalar(text("SELECT ST_AsBinary(geom) FROM city.cell WHERE code = :code"), {"code": WEST + "007"}))
    )
    for lon, lat in shapely.get_coordinates(corner).tolist():
        holders = cells.scalars(
            text("SELECT code FROM city.cell WHERE ST_Covers(geom, ST_SetSRID(ST_Point(:lon, :lat), 4490)) ORDER BY 1"),
            {"lon": lon, "lat": lat},
        ).all()
        found = cells.scalar(
            text("SELECT (fn.cell_at(ST_SetSRID(ST_Point(:lon, :lat), 4490))).code"), {"lon": lon, "lat": lat}
        )
        assert len(holders) == 4
        assert found == holders[0]


def test_a_point_on_a_hairline_between_cells_falls_to_the_nearest(session):
    town.load(session)
    insert(session, WEST + "001", MARCH, square=(0, 200, 99.9999, 300))
    insert(session, WEST + "002", MARCH, square=(100.0002, 200, 200, 300))
    assert cell_at(session, 99.99995, 250) == WEST + "001"
    assert cell_at(session, 100.00015, 250) == WEST + "002"


def test_a_point_further_out_than_rounding_is_in_no_cell(cells):
    assert cell_at(cells, -0.005, 150) is None
    assert cell_at(cells, 500, 5000) is None


def test_the_cell_of_a_moment_before_the_grid_is_none(cells):
    assert cell_at(cells, 50, 250, MARCH - timedelta(seconds=1)) is None
    assert cell_at(cells, 50, 250, MARCH) == WEST + "001"


def test_cell_at_can_go_by_the_index(cells):
    cells.execute(text("SET LOCAL enable_seqscan = off"))
    scans = text("SELECT pg_stat_get_xact_numscans('city.ix_cell_geom'::regclass)")
    before = cells.scalar(scans)
    assert cell_at(cells, 50, 250)
    assert cells.scalar(scans) > before


def nearest(session, east, north):
    lon, lat = town.place(east, north)
    return session.execute(
        text(
            "SELECT c.code, n.metres FROM fn.nearest_cell(ST_SetSRID(ST_Point(:lon, :lat), 4490)) n"
            " LEFT JOIN city.cell c ON c.id = n.cell_id"
        ),
        {"lon": lon, "lat": lat},
    ).one()


def test_the_nearest_cell_is_the_nearest_in_metres_and_not_in_degrees(session):
    town.load(session)
    insert(session, WEST + "001", MARCH, square=(1000, -50, 1100, 50))
    insert(session, WEST + "002", MARCH, square=(-50, 1100, 50, 1200))
    code, metres = nearest(session, 0, 0)
    assert code == WEST + "001"
    assert metres == pytest.approx(1000, abs=1)


def test_the_nearest_cell_of_an_empty_grid_is_none(session):
    assert nearest(session, 0, 0) == (None, None)


def test_what_became_of_a_cell_is_followed_through_all_generations(cells):
    halves = changes.split_cell(cells, WEST + "001", cut(50), srid=town.SRID, at=APRIL)
    merged = changes.merge_cells(cells, [halves[1].code, WEST + "002"], srid=town.SRID, at=MAY)
    now = cells.execute(text("SELECT code, share FROM fn.cells_now(:code)"), {"code": WEST + "001"}).all()
    assert dict(now) == pytest.approx({halves[0].code: 0.5, merged.code: 0.5}, abs=1e-4)
    old = cells.scalar(text("SELECT id FROM city.cell WHERE code = :code"), {"code": WEST + "001"})
    in_april = cells.scalars(text("SELECT code FROM fn.cell_successors(:id, :at)"), {"id": old, "at": APRIL}).all()
    assert set(in_april) == {half.code for half in halves}
    before = cells.execute(
        text("SELECT code, share FROM fn.cell_predecessors(:id, :at)"), {"id": merged.id, "at": MARCH}
    ).all()
    assert dict(before) == pytest.approx({WEST + "001": 0.5, WEST + "002": 1.0}, abs=1e-4)


def cut(east):
    """A line from south to north across the town's upper row, so many metres from its western end."""
    return town.degrees(shapely.LineString([(east, 190), (east, 310)]))


def test_a_cell_that_never_changed_is_its_own_answer(cells):
    now = cells.execute(text("SELECT code, share FROM fn.cells_now(:code)"), {"code": WEST + "003"}).all()
    assert now == [(WEST + "003", 1.0)]
    assert cells.execute(text("SELECT code FROM fn.cells_now('999999999999999')")).all() == []
