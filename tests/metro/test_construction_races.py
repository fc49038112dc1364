"""Several at once at one construction zone: no change is lost, versions follow one another, a patrol is noted once."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests.metro.test_construction import KNOWN, LAT, LON, moment, plan
from tests.metro.test_metro_races import together
from webgis.accounts import operations as accounts
from webgis.accounts import queries as people
from webgis.metro import construction, construction_patrols


@pytest.fixture
def ready(city_runtime):
    """The small city, with a zone and the departments that it names."""
    with city_runtime.transaction() as session:
        for code in ("builder", "metro"):
            accounts.add_department(session, code, code, None, kind="other")
        construction.keep(session, [plan()], at=KNOWN)
    return city_runtime


def changing(runtime, contractor: str, read: int | None):
    def change():
        with runtime.transaction() as session:
            construction.keep(session, [plan(contractor=contractor)], at=datetime.now(UTC), read=read)

    return change


def test_of_two_who_change_one_version_at_once_one_is_told_to_read_it_again(ready):
    found = together(*(changing(ready, name, 1) for name in ("甲", "乙", "丙")))
    assert sorted(found, key=str) == [None, "metro.zone-stale", "metro.zone-stale"]
    with ready.transaction() as session:
        assert [one.version for one in construction.versions(session, "CZ1")] == [2, 1]


def test_a_patrol_that_two_connections_send_at_once_is_one(ready):
    at = moment(KNOWN.date(), 9)
    with ready.transaction() as session:
        person = people.actor(session, "inspector1").id

    def send():
        with ready.transaction() as session:
            given = {"spot": construction_patrols.Spot(LON, LAT), "now": at + timedelta(minutes=1)}
            construction_patrols.patrolled(session, "CZ1", person, at, "phone-1", None, **given)

    assert together(*[send] * 4) == [None] * 4
    with ready.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM city.construction_patrol")) == 1
