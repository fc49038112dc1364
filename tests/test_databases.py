"""A slate is clean for each test, whatever the one before did to it."""

import pytest
from sqlalchemy import text

from tests.cases.life import Life
from webgis import jobs
from webgis.limits import city_mark

EVERYTHING = """
SELECT table_name, query_to_xml(format(
    'SELECT md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM city.%I t', table_name), true, true, '')::text
FROM information_schema.tables WHERE table_schema = 'city' AND table_type = 'BASE TABLE'
"""
NUMBERS = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'city' ORDER BY 1"


def contents(runtime) -> tuple:
    """All rows, as digests, and all sequences."""
    with runtime.engine.connect() as connection:
        return dict(connection.execute(text(EVERYTHING)).all()), connection.execute(text(NUMBERS)).all()


def commit(runtime, *statements: str) -> None:
    with runtime.engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@pytest.fixture
def first(slates, city_template):
    """A slate of the city that was used and came back, and what it held when it was new."""
    with slates.borrow(city_template) as slate:
        return slate, contents(slate.runtime)


def stays(slates, city_template, first) -> bool:
    """Whether the next test gets the same slate; it is as new in either case."""
    with slates.borrow(city_template) as again:
        assert contents(again.runtime) == first[1]
        assert list(again.settings.var_dir.iterdir()) == []
        return again is first[0]


def test_rows_numbers_files_and_keys_of_a_test_are_gone(slates, city_template, first):
    with slates.borrow(city_template) as slate:
        Life(slate.runtime).filed()
        commit(
            slate.runtime,
            "UPDATE city.person SET name = 'other' WHERE login = 'manager1'",
            "SET LOCAL session_replication_role = replica",
            "DELETE FROM city.department",
        )
        redis = jobs.connect(slate.settings)
        redis.set(f"webgis:{city_mark(slate.settings)}:something", 1)
        assert contents(slate.runtime)[0] != first[1][0]
        assert any(slate.settings.var_dir.iterdir())
    assert stays(slates, city_template, first)
    assert not redis.keys(f"*{city_mark(slate.settings)}*")


def test_what_a_test_set_on_a_connection_is_gone(slates, city_template, first):
    with slates.borrow(city_template) as slate, slate.runtime.engine.connect() as connection:
        connection.execute(text("SET statement_timeout = 12345"))
        connection.execute(text("SELECT pg_advisory_lock(7)"))
        connection.commit()
    with slates.borrow(city_template) as slate, slate.runtime.engine.connect() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "0"
        assert connection.scalar(text("SHOW plan_cache_mode")) == "force_generic_plan"
        assert connection.scalar(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7")) == 0
    assert stays(slates, city_template, first)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE city.left_over (x int)",
        "DROP FUNCTION fn.cell_at(geometry, timestamptz) CASCADE",
        "CREATE FUNCTION fn.left_over() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE city.person ALTER COLUMN name SET DEFAULT 'nobody'",
        "ALTER TABLE city.case_request DROP CONSTRAINT ck_case_request_until",
        "ALTER TABLE city.case_event DISABLE TRIGGER ALL",
        "CREATE ROLE left_over; GRANT SELECT ON city.person TO left_over; DROP OWNED BY left_over; DROP ROLE left_over",
    ],
)
def test_who_alters_what_is_defined_spoils_the_slate(slates, city_template, first, statement):
    with slates.borrow(city_template) as slate:
        commit(slate.runtime, *statement.split("; "))
    assert not stays(slates, city_template, first)


def test_a_connection_that_is_kept_open_spoils_the_slate(slates, city_template, first):
    with slates.borrow(city_template) as slate:
        kept = slate.runtime.engine.connect()
        kept.execute(text("UPDATE city.person SET name = 'other'"))
    kept.invalidate()
    assert not stays(slates, city_template, first)
