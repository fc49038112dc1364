"""Zones are worked out anew only where something is another; what is stored is as if all had been."""

import random
from dataclasses import replace
from datetime import timedelta

import shapely
from sqlalchemy import text

from tests.metro.test_zoning import NOW, degrees, given, outline, put
from webgis.metro import queries, structures, zoning
from webgis.metro.distances import shipped

_STANDS = text(
    "SELECT structure_code, kind, metres, approximate, built_on, ST_AsBinary(geom) AS geom, ST_AsBinary(held) AS held"
    " FROM city.metro_zone WHERE valid @> CAST(:at AS timestamptz) ORDER BY 1, 2"
)
_IDS = text("SELECT id FROM city.metro_zone WHERE upper_inf(valid) ORDER BY id")


def made_up(chance: random.Random, code: str):
    """A station or a stretch of tunnel among others, some of them close."""
    east, north = chance.uniform(0, 1500), chance.uniform(0, 1500)
    if chance.random() < 0.5:
        return given(code, geom=outline(east, north, east + 60, north + 20))
    way = shapely.LineString(
        [degrees(east, north), degrees(east + chance.uniform(50, 400), north + chance.uniform(0, 300))]
    )
    return given(code, "tunnel", way, surveyed=False)


def stands(session, at) -> list[tuple]:
    return [
        (*row[:5], *(shapely.from_wkb(bytes(one)) for one in row[5:])) for row in session.execute(_STANDS, {"at": at})
    ]


def assert_as_if_all_were_worked_out(session, at) -> None:
    before = stands(session, at)
    session.execute(text("DELETE FROM city.metro_zone"))
    zoning.recompute(session, at)
    after = stands(session, at)
    assert [row[:5] for row in before] == [row[:5] for row in after]
    for one, other in zip(before, after, strict=True):
        assert shapely.equals_exact(one[5], other[5], zoning.SAME_DEG), one[:2]
        assert shapely.area(shapely.symmetric_difference(one[6], other[6])) < 1e-14, one[:2]


def test_after_any_changes_zones_are_as_if_all_had_been_worked_out(session):
    chance, at = random.Random(20261123), NOW
    there = {f"s{number:02d}": made_up(chance, f"s{number:02d}") for number in range(30)}
    put(session, *there.values())
    for turn in range(6):
        at += timedelta(hours=1)
        for code in chance.sample(sorted(there), 2):
            there[code] = made_up(chance, code)
        new = f"n{turn}"
        there[new] = made_up(chance, new)
        outcome = put(session, *there.values(), at=at)
        assert (outcome.added, outcome.changed) == (1, 2)
        gone = chance.choice(sorted(there))
        del there[gone]
        at += timedelta(hours=1)
        structures.end(session, gone, at)
    assert_as_if_all_were_worked_out(session, at)


def test_the_same_structures_again_are_not_worked_out_and_nothing_is_written(session):
    chance = random.Random(7)
    there = [made_up(chance, f"s{number}") for number in range(10)]
    put(session, *there)
    session.execute(text("UPDATE city.metro_zone SET geom = ST_Translate(geom, 1, 0) WHERE structure_code = 's3'"))
    before = stands(session, NOW), list(session.scalars(_IDS))
    outcome = put(session, *there, at=NOW + timedelta(days=1))
    assert outcome.unchanged == 10 and outcome.zones.counts()["opened"] == 0
    assert (stands(session, NOW), list(session.scalars(_IDS))) == before


def test_zones_without_a_mark_are_worked_out_once_and_stay_when_they_are_the_same(session):
    """As those are that were stored before marks were."""
    put(session, given(), given("other", geom=outline(100, 15, 300, 40)))
    marks = text("SELECT built_on FROM city.metro_zone ORDER BY id")
    before, ids = list(session.scalars(marks)), list(session.scalars(_IDS))
    session.execute(text("UPDATE city.metro_zone SET built_on = NULL"))
    outcome = put(session, given(), given("other", geom=outline(100, 15, 300, 40)), at=NOW + timedelta(days=1))
    assert outcome.zones.counts() == {"opened": 0, "closed": 0, "unchanged": 4}
    assert (list(session.scalars(marks)), list(session.scalars(_IDS))) == (before, ids)


def test_a_row_of_the_table_changes_its_zones_alone(session):
    tunnel = given("tunnel", "tunnel", outline(600, 0, 900, 6))
    put(session, given(), tunnel)
    before = set(session.scalars(_IDS))
    other = [
        replace(row, metres=7.0) if (row.structure_kind, row.zone_kind) == ("tunnel", "special") else row
        for row in queries.distances(session) or shipped()
    ]
    changed = zoning.set_distances(session, other, NOW + timedelta(hours=1))
    assert changed.differences() == [{"structure": "tunnel", "kind": "special", "before": 5.0, "after": 7.0}]
    assert len(before & set(session.scalars(_IDS))) == 3
    assert_as_if_all_were_worked_out(session, NOW + timedelta(hours=1))


def test_another_projected_system_of_the_city_moves_every_zone(session):
    put(session, given())
    box = shapely.to_wkt(shapely.box(104, 30.6, 104.2, 30.8))
    session.execute(
        text(
            "INSERT INTO city.area (code, level, name_zh, geom, area_m2, projected_srid)"
            " VALUES ('5101', 'city', '成都市', ST_Multi(ST_GeomFromText(:box, 4490)), 1, 32648)"
        ),
        {"box": box},
    )
    outcome = put(session, given(), at=NOW + timedelta(days=1))
    assert outcome.unchanged == 1 and outcome.zones.counts() == {"opened": 2, "closed": 2, "unchanged": 0}
