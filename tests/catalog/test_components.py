"""The register of components: lines, changes with their history, what is near, and what cases do to it."""

import json
from datetime import UTC, date, datetime

import numpy as np
import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, InternalError

from tests import city
from webgis.catalog import components
from webgis.errors import Invalid
from webgis.geo import SRID

NOON = datetime(2026, 11, 20, 4, tzinfo=UTC)
"""Noon in the city."""

LAMP, COVER = "01037", "01003"
UNIT = "12510104MB0000001X"


@pytest.fixture
def session(city_runtime):
    """A session on the small city with a register of its own; nothing is committed."""
    with city_runtime.sessions() as made:
        yield made


def put(session, number: int, lon: float, lat: float, class_code: str = LAMP, **more) -> str:
    """Register a component with one plain statement; returns its code."""
    code = f"{city.COUNTY}{class_code}{number:06d}"
    values = {"code": code, "class_code": class_code, "name": "x", "lon": lon, "lat": lat, "state": "intact",
              "maintainer_code": UNIT} | more  # fmt: skip
    session.execute(
        text(
            "INSERT INTO city.component (code, standard, class_code, name, maintainer_code, cell_code, state, geom)"
            " SELECT :code, 'GB/T 47678.5-2026', :class_code, :name, :maintainer_code, (fn.cell_at(p)).code, :state, p"
            " FROM ST_SetSRID(ST_Point(:lon, :lat), 4490) p"
        ),
        values,
    )
    session.execute(
        text(
            "INSERT INTO city.component_event (component_code, version, at, action, state, changes)"
            " VALUES (:code, 1, :at, 'registered', :state, '{}')"
        ),
        values | {"at": NOON},
    )
    return code


def history(session, code: str) -> list:
    return session.execute(
        text(
            "SELECT version, action, state, changes, reason FROM city.component_event WHERE component_code = :code"
            " ORDER BY version"
        ),
        {"code": code},
    ).all()


def test_a_component_is_found_by_its_code_with_its_class_maintainer_and_place(session):
    found = components.require(session, put(session, 1, *city.IN_WEST))
    assert (found.class_code, found.class_zh, found.class_en) == (LAMP, "路灯", "street light")
    assert (found.maintainer_code, found.owner_code, found.state) == (UNIT, None, "intact")
    assert (found.lon, found.lat) == city.IN_WEST
    assert found.cell_code.startswith(city.WEST)


@pytest.mark.parametrize("code", ["51010401037000001", "", "x", "'; --"])
def test_an_unknown_component_is_refused_with_what_would_be_accepted(session, code):
    with pytest.raises(Invalid) as refused:
        components.require(session, code)
    assert refused.value.code == "catalog.component-unknown"
    assert refused.value.facts["field"] == "component" and refused.value.facts["got"] == code


def test_near_gives_the_nearest_in_metres_and_says_which_stand_in_the_cell_of_the_place(session):
    rng = np.random.default_rng(7)
    places = np.column_stack([rng.uniform(104.0601, 104.0699, 300), rng.uniform(30.6551, 30.6599, 300)])
    codes = [put(session, n, *map(float, place), class_code=(LAMP, COVER)[n % 2]) for n, place in enumerate(places, 1)]
    here = session.scalar(text("SELECT (fn.cell_at(ST_SetSRID(ST_Point(:x, :y), 4490))).code"), _xy(city.IN_WEST))
    for class_code in (None, LAMP):
        found = components.near(session, *city.IN_WEST, class_code, limit=7)
        asked = "SELECT code, ST_Distance(geom::geography, ST_SetSRID(ST_Point(:x, :y), 4490)::geography) AS m"
        asked += " FROM city.component WHERE CAST(:c AS text) IS NULL OR class_code = :c ORDER BY m LIMIT 7"
        naive = session.execute(text(asked), _xy(city.IN_WEST) | {"c": class_code}).all()
        assert [(one.component.code, one.distance_m) for one in found] == [tuple(row) for row in naive]
        assert {one.component.code for one in found} <= set(codes)
        assert [one.in_cell for one in found] == [one.component.cell_code == here for one in found]


def test_near_looks_no_further_than_it_was_told_and_leaves_out_what_was_removed(session):
    lon, lat = city.IN_WEST
    close = put(session, 1, lon + 0.0002, lat)
    put(session, 2, lon + 0.0021, lat)
    put(session, 3, lon, lat, state="removed")
    assert [one.component.code for one in components.near(session, lon, lat)] == [close]
    assert len(components.near(session, lon, lat, within_m=500)) == 2
    assert components.near(session, lon, lat, COVER) == []
    assert components.near(session, *city.OUTSIDE, within_m=100) == []


def test_near_measures_to_the_edge_of_a_polygon_and_to_the_line_itself(session):
    lon, lat = city.IN_WEST
    pond, wall = put(session, 1, lon, lat, "04013"), put(session, 2, lon, lat, "02017")
    for code, shape in (
        (pond, shapely.box(lon + 0.001, lat, lon + 0.002, lat + 0.001)),
        (wall, shapely.LineString([(lon - 0.001, lat - 0.001), (lon - 0.001, lat + 0.001)])),
    ):
        change(session, code, geom=shapely.to_wkb(shapely.set_srid(shape, SRID), hex=True, include_srid=True))
    found = {one.component.code: one for one in components.near(session, lon, lat)}
    assert [round(found[code].distance_m) for code in (pond, wall)] == [96, 96]
    assert (found[wall].component.lon, found[wall].component.lat) == pytest.approx((lon - 0.001, lat))


def test_a_bad_class_is_refused_before_anything_is_asked(session):
    with pytest.raises(Invalid) as refused:
        components.near(session, *city.IN_WEST, "1037; --")
    assert refused.value.code == "catalog.bad-component-field" and refused.value.facts["field"] == "class"


def test_a_case_makes_an_intact_component_damaged_and_its_end_makes_it_intact_with_a_line_of_history_each(session):
    code = put(session, 1, *city.IN_WEST)
    assert components.case_opened(session, code, at=NOON, number="5101042026112000001")
    assert not components.case_opened(session, code, at=NOON, number="5101042026112000002")
    assert components.require(session, code).state == "damaged"
    assert components.case_closed(session, code, at=NOON)
    assert components.require(session, code).state == "intact"
    assert [tuple(line)[:3] for line in history(session, code)] == [
        (1, "registered", "intact"),
        (2, "case_opened", "damaged"),
        (3, "case_closed", "intact"),
    ]
    assert history(session, code)[1].changes == {"state": ["intact", "damaged"]}
    assert history(session, code)[1].reason == "5101042026112000001"
    day = session.scalar(text("SELECT changed_on FROM city.component WHERE code = :c"), {"c": code})
    assert day == date(2026, 11, 20)


def test_a_case_that_came_to_nothing_repairs_only_what_a_case_had_damaged(session):
    surveyed, reported = put(session, 1, *city.IN_WEST, state="damaged"), put(session, 2, *city.IN_WEST)
    for code in (surveyed, reported):
        components.case_opened(session, code, at=NOON)
    assert not components.case_closed(session, surveyed, at=NOON, repaired=False)
    assert components.case_closed(session, reported, at=NOON, repaired=False)
    assert components.case_closed(session, surveyed, at=NOON)
    change(session, reported, state="lost")
    assert not components.case_closed(session, reported, at=NOON, repaired=False)


@pytest.mark.parametrize("state", ["abandoned", "removed"])
def test_a_case_moves_no_component_that_is_given_up(session, state):
    code = put(session, 1, *city.IN_WEST, state=state)
    assert not components.case_opened(session, code, at=NOON)
    assert not components.case_closed(session, code, at=NOON)
    assert components.require(session, code).state == state and len(history(session, code)) == 1


def test_a_case_on_an_unknown_component_moves_nothing(session):
    assert not components.case_opened(session, "51010401037000009", at=NOON)
    assert not components.case_closed(session, "51010401037000009", at=NOON)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE city.component SET remark = 'silent'",
        "UPDATE city.component SET remark = 'silent', version = version + 2",
        "UPDATE city.component SET code = '51010401037000777', version = version + 1",
        "DELETE FROM city.component",
        "TRUNCATE city.component CASCADE",
        "UPDATE city.component_event SET changes = '{}'",
        "DELETE FROM city.component_event",
        "TRUNCATE city.component_event CASCADE",
    ],
)
def test_nobody_changes_a_component_or_its_history_in_silence(session, statement):
    put(session, 1, *city.IN_WEST)
    session.commit()
    with pytest.raises((IntegrityError, InternalError), match="history is added to"):
        session.execute(text(statement))


def test_a_new_version_without_its_line_of_history_is_refused_at_the_commit(session):
    put(session, 1, *city.IN_WEST)
    session.commit()
    session.execute(text("UPDATE city.component SET remark = 'silent', version = version + 1"))
    with pytest.raises(IntegrityError, match="fk_component_version"):
        session.commit()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("code", "'5101040103700001'"),
        ("code", "'51010401037000000'"),
        ("code", "'51010401003000001'"),
        ("geom", "'SRID=4490;MULTIPOINT(104 30, 105 30)'"),
        ("geom", "'SRID=4490;POINT EMPTY'"),
        ("state", "'broken'"),
        ("accuracy_class", "'D'"),
        ("maintainer_code", "'12510104mb0000001x'"),
        ("name", "repeat('名', 31)"),
        ("cell_code", "'51010401700100'"),
        ("class_code", "'09999'"),
    ],
)
def test_the_database_refuses_what_the_standard_does_not_allow(session, column, value):
    values = {"code": "'51010401037000001'", "standard": "'GB/T 47678.5-2026'", "class_code": "'01037'",
              "name": "'x'", "cell_code": "'510104017001001'", "geom": "'SRID=4490;POINT(104 30)'"}  # fmt: skip
    values[column] = value
    with pytest.raises(IntegrityError):
        session.execute(text(f"INSERT INTO city.component ({', '.join(values)}) VALUES ({', '.join(values.values())})"))
        session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))


def _xy(place: tuple[float, float]) -> dict[str, float]:
    return dict(zip("xy", place, strict=True))


def change(session, code: str, **changes) -> None:
    session.execute(
        text("SELECT fn.change_component(:code, CAST(:changes AS jsonb), CAST(:event AS jsonb))"),
        {
            "code": code,
            "changes": json.dumps(changes),
            "event": json.dumps({"at": NOON.isoformat(), "action": "edited"}),
        },
    )
