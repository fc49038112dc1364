"""Cases of a month as GeoParquet: what is in the files, and what is refused."""

import json
from datetime import UTC, datetime

import pytest
from pyarrow import parquet
from shapely import from_wkb

from tests import city
from webgis.accounts import queries as accounts
from webgis.cases import evidence, intake
from webgis.errors import Invalid
from webgis.exchange import case_months

LAST_OF_MARCH = datetime(2026, 3, 31, 15, 59, tzinfo=UTC)
"""One minute to midnight in Chengdu."""

APRIL = datetime(2026, 3, 31, 16, 0, tzinfo=UTC)


@pytest.fixture
def reported(city_runtime):
    """Two cases of March and one of April; their numbers."""
    settings = city_runtime.settings
    given = intake.Report(*city.IN_WEST, "matter", city.REFUSE, "=路口暴露垃圾", acknowledged=True)
    stored = evidence.store(settings, [city.photo()])
    with city_runtime.transaction() as session:
        actor = accounts.actor(session, "inspector1")
        moments = (LAST_OF_MARCH, datetime(2026, 3, 1, tzinfo=UTC), APRIL)
        return [intake.report(session, settings, actor, given, stored, at=at).number for at in moments]


def test_a_month_is_that_of_the_city_and_places_are_geoparquet(city_runtime, reported, tmp_path):
    with city_runtime.engine.connect() as connection:
        cases, events = case_months.export(connection, city_runtime.settings, "2026-03", tmp_path)
    assert (cases.rows, events.rows) == (2, 2)
    table = parquet.read_table(cases.path)
    assert set(table["number"].to_pylist()) == set(reported[:2])
    place = from_wkb(table["geom"][0].as_py())
    assert (place.x, place.y) == pytest.approx(city.IN_WEST, abs=1e-6)
    about = json.loads(table.schema.metadata[b"geo"])
    assert about["columns"]["geom"]["crs"]["id"] == {"authority": "EPSG", "code": 4490}
    assert LAST_OF_MARCH in table["reported_at"].to_pylist()
    assert set(parquet.read_table(events.path)["case_id"].to_pylist()) == set(table["id"].to_pylist())
    assert not list(tmp_path.glob(".*"))


def test_an_empty_month_has_its_columns(city_runtime, tmp_path):
    with city_runtime.engine.connect() as connection:
        cases, _events = case_months.export(connection, city_runtime.settings, "2020-02", tmp_path)
    assert cases.rows == 0
    assert "number" in parquet.read_table(cases.path).column_names


@pytest.mark.parametrize("month", ["2026", "2026-13", "March", "2026-3-1", "0000-01"])
def test_what_is_no_month_is_refused(shared, tmp_path, month):
    with shared.engine.connect() as connection, pytest.raises(Invalid) as refused:
        case_months.export(connection, shared.settings, month, tmp_path)
    assert refused.value.facts["field"] == "month"
    assert not list(tmp_path.iterdir())
