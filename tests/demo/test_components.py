"""Made-up components: each in its cell, spread as in a city, the same for the same seed, and no end to the numbers."""

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from tests import city
from webgis.accounts import operations as accounts
from webgis.catalog import component_queries
from webgis.catalog import components as register
from webgis.catalog.component_queries import Filters
from webgis.cli import group
from webgis.demo import components
from webgis.errors import Invalid, NotFound

COUNT = 2_000


def _made(runtime, seed: int, count: int = COUNT, areas: tuple[str, ...] = (city.CITY,)) -> None:
    with runtime.transaction() as session:
        assert components.generate(session, areas, count, seed) == count


def _ask(runtime, statement: str):
    with runtime.transaction() as session:
        return session.execute(text(statement)).all()


def test_each_stands_in_the_cell_it_names_with_its_line_of_history(city_runtime):
    _made(city_runtime, 1)
    wrong = "SELECT count(*) FROM city.component WHERE cell_code <> (fn.cell_at(fn.component_place(geom))).code"
    assert _ask(city_runtime, wrong) == [(0,)]
    assert _ask(city_runtime, "SELECT count(*) FROM city.component_event WHERE version = 1") == [(COUNT,)]
    assert len(_ask(city_runtime, "SELECT DISTINCT class_code FROM city.component")) > 15
    shapes = _ask(city_runtime, "SELECT DISTINCT GeometryType(geom) FROM city.component ORDER BY 1")
    assert shapes == [("LINESTRING",), ("POINT",), ("POLYGON",)]
    assert _ask(city_runtime, "SELECT DISTINCT source FROM city.component") == [("演示生成",)]


def test_the_same_seed_gives_the_same_and_numbers_go_on(city_runtime):
    _made(city_runtime, 5, 300)
    _made(city_runtime, 5, 300)
    rows = _ask(
        city_runtime,
        "SELECT ST_AsText(geom, 9), class_code, count(*), count(DISTINCT code) FROM city.component GROUP BY 1, 2",
    )
    assert {tuple(row[2:]) for row in rows} == {(2, 2)}
    gaps = "SELECT left(code, 11) FROM city.component GROUP BY 1 HAVING max(right(code, 6)::int) <> count(*)"
    assert _ask(city_runtime, gaps) == []


def test_no_search_reads_the_register_from_end_to_end(city_runtime):
    _made(city_runtime, 3, 20_000)
    scans = text("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'component'")
    with city_runtime.transaction() as session:
        (one,) = component_queries.listed(session, Filters(classes=("01037",)), limit=1).rows
        before = session.scalar(scans)
        register.find(session, one.code)
        register.near(session, one.lon, one.lat)
        register.near(session, one.lon, one.lat, "01037")
        for filters in (
            Filters(cell=one.cell_code),
            Filters(area=one.cell_code[:12], classes=("03001",)),
            Filters(states=("lost",)),
            Filters(q=one.code[:12]),
            Filters(q="路灯"),
        ):
            assert component_queries.listed(session, filters).rows
        assert session.scalar(scans) == before


def test_an_area_alone_is_filled_and_its_departments_are_the_maintainers(city_runtime):
    with city_runtime.transaction() as session:
        accounts.add_department(session, "510104-landscaping", "园林所", kind="landscaping", area=city.COUNTY)
    _made(city_runtime, 2, 500, (city.EAST,))
    assert _ask(city_runtime, "SELECT DISTINCT community_code FROM city.component") == [(city.EAST,)]
    named = _ask(
        city_runtime,
        "SELECT DISTINCT c.maintainer_name FROM city.component c JOIN city.department d"
        " ON d.credit_code = c.maintainer_code WHERE c.class_code = '04002'",
    )
    assert named == [("园林所",)]


def test_areas_without_cells_and_codes_that_are_none_are_refused(city_runtime):
    with city_runtime.transaction() as session, pytest.raises(NotFound) as refused:
        components.generate(session, ["3101"], 10)
    assert refused.value.code == "demo.no-cells"
    with city_runtime.transaction() as session, pytest.raises(Invalid):
        components.generate(session, ["51' OR '1'='1"], 10)


def test_the_command_generates(city_runtime):
    done = CliRunner().invoke(group, ["components", "generate", "--count", "50", "--area", city.WEST], obj=city_runtime)
    assert done.exit_code == 0 and "50 components made" in done.output
