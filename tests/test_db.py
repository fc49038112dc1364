"""The schema: models equal migrations, functions are made anew, and a database that would lie is refused."""

import pytest
from alembic import command
from sqlalchemy import create_engine, make_url, text

from webgis import db
from webgis.errors import Conflict, Unavailable


def test_models_and_migrations_agree(shared):
    with shared.engine.connect() as connection:
        command.check(db.alembic_config(connection))


def test_an_upgrade_of_an_upgraded_database_applies_nothing_and_makes_functions_anew(runtime):
    with runtime.transaction() as session:
        session.execute(text("CREATE FUNCTION fn.left_over() RETURNS int LANGUAGE sql AS 'SELECT 1'"))
    assert db.upgrade(runtime.engine) == []
    with runtime.transaction() as session:
        assert session.scalar(text("SELECT to_regproc('fn.left_over')")) is None
        assert session.scalar(text("SELECT to_regproc('fn.cell_at')")) is not None


def test_functions_are_not_dropped_from_under_a_table(runtime):
    with runtime.transaction() as session:
        session.execute(text("CREATE FUNCTION fn.one() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1'"))
        session.execute(text("CREATE TABLE city.clings (a int, b int GENERATED ALWAYS AS (fn.one()) STORED)"))
    with pytest.raises(Conflict, match="clings"):
        db.upgrade(runtime.engine)


def test_a_good_database_passes_the_check(shared):
    db.check(shared.engine)


def test_a_locale_that_blinds_pg_trgm_to_chinese_is_refused(servers):
    admin = create_engine(servers.database_url, isolation_level="AUTOCOMMIT")
    url = make_url(servers.database_url).set(database="webgis_test_blind")
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS webgis_test_blind"))
        connection.execute(text("CREATE DATABASE webgis_test_blind TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"))
        blind = create_engine(url)
        try:
            with pytest.raises(Unavailable, match="C.UTF-8"):
                db.check(blind)
        finally:
            blind.dispose()
            connection.execute(text("DROP DATABASE webgis_test_blind"))
    admin.dispose()


def test_a_database_out_of_reach_is_said_in_one_line():
    away = create_engine("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
    with pytest.raises(Unavailable, match="does not answer"):
        db.check(away)


def test_a_connection_that_the_server_closed_while_idle_is_replaced_unseen(runtime, monkeypatch):
    monkeypatch.setattr(db, "IDLE_SECONDS", 0.0)
    with runtime.transaction() as session:
        first = session.scalar(text("SELECT pg_backend_pid()"))
    other = create_engine(runtime.engine.url, isolation_level="AUTOCOMMIT")
    with other.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": first})
    other.dispose()
    with runtime.transaction() as session:
        assert session.scalar(text("SELECT pg_backend_pid()")) != first
