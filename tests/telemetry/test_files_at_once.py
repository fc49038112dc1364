"""Sensors of a table are registered many at once; it is as if they came one by one."""

import csv
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import text

from tests import city
from tests.telemetry.conftest import NOW, drain
from webgis.errors import WebgisError
from webgis.telemetry import files, operations
from webgis.telemetry.operations import NewDatastream, NewStation

COLUMNS = (
    *(
        "station",
        "name_zh",
        "name_en",
        "place",
        "lon",
        "lat",
        "department",
        "code",
        "quantity",
        "unit",
        "least",
        "most",
    ),
    "interval_s",
)
KEPT = {
    "stations": """
        SELECT code, name_zh, name_en, place, ST_AsEWKT(geom), cell_code, department_code, illustrative, active
        FROM city.station ORDER BY id
    """,
    "streams": """
        SELECT d.code, s.code, d.quantity, d.unit, d.least, d.most, d.interval_s, d.active, d.last_at, d.last_value
        FROM city.datastream d JOIN city.station s ON s.id = d.station_id ORDER BY d.id
    """,
    "log": """
        SELECT who, action, subject, before::text, after::text FROM city.admin_event
        WHERE action ~ '^sensors' ORDER BY id
    """,
}
GOOD = {
    **dict(zip(COLUMNS, ("F-1", "站", "", "下穿通道", *map(str, city.IN_EAST), "510104-works", "F-1-0"), strict=False)),
    **{"quantity": "积水深度", "unit": "", "least": "", "most": "5", "interval_s": "60"},
}
WRONG = (
    *({"code": "a b"}, {"code": "new"}, {"code": "W-1-depth", "quantity": "rain"}, {"station": "a/b"}, {"name_zh": ""}),
    *(
        {"name_zh": "名" * 101},
        {"name_en": "n" * 101},
        {"place": "Nowhere!"},
        {"department": "nobody"},
        {"lon": "east"},
    ),
    *({"lon": GOOD["lat"], "lat": GOOD["lon"]}, {"lat": "91"}, {"quantity": "Dust!"}, {"quantity": "odour"}),
    *({"unit": "u" * 21}, {"least": "5", "most": "5"}, {"least": "nan"}, {"most": "many"}, {"interval_s": "often"}),
    *({"interval_s": "0"}, {"interval_s": "86401"}, {"lon": str(city.OUTSIDE[0])}, {"station": "W-1", "lon": "103"}),
    {"code": "", "lon": "103", "department": "nobody"},
)


def made_up(chance: random.Random) -> list[tuple[NewStation, NewDatastream]]:
    """Sensors of new stations and of the one that is there; what is given of a station may change from row to row."""
    found = []
    for number in range(60):
        code = chance.choice(("W-1", *(f"F-{one}" for one in range(12))))
        lon, lat = chance.choice((city.IN_EAST, city.IN_WEST, city.OUTSIDE))
        station = NewStation(
            code,
            chance.choice(("站", " 站 ", f"站{number}")),
            chance.choice(("underpass", "well", "own_kind")),
            lon,
            lat,
            chance.choice((None, None, "", "Station")),
            chance.choice((None, None, "", "510104-works")),
            chance.choice((None, True, False)),
            chance.choice((None, None, True, False)),
            outside=True,
        )
        quantity = chance.choice(("rain", "depth", "odour"))
        limits = chance.choice(((None, None), (0, 7), (-1.5, 7.25))) if quantity != "odour" else (0, 5)
        unit = "OU" if quantity == "odour" else None
        stream = NewDatastream(f"F-{chance.randint(0, 39)}", code, quantity, chance.choice((60, 300)), unit, *limits)
        found.append((station, replace(stream, active=chance.choice((None, None, True, False)))))
    return found


def kept(session) -> dict[str, list]:
    return {name: [tuple(row) for row in session.execute(text(asked))] for name, asked in KEPT.items()}


def test_many_at_once_become_what_they_would_one_by_one(city_runtime, sensors):
    chance = random.Random(20261123)
    some = [made_up(chance), made_up(chance)]
    some += [some[1], [some[0][0]] * 3]
    stand = []
    for at_once in (1, 7, 500):
        with city_runtime.transaction() as session:
            steps = []
            for given in some:
                for done in range(0, len(given), at_once):
                    operations.register_all(session, given[done : done + at_once], None)
                steps.append(kept(session))
            stand.append(steps)
            session.rollback()
    assert stand[0] == stand[1] == stand[2]
    assert {act for _who, act, *_rest in stand[0][-1]["log"]} == {"sensors.add", "sensors.change"}
    assert len(stand[0][0]["log"]) < len(stand[0][1]["log"])


def test_each_row_of_many_says_in_the_log_what_it_changed_itself(city_runtime, sensors):
    lon, lat = city.IN_WEST
    west = NewStation("W-1", "西下穿", "underpass", lon, lat, "West underpass")
    depth, rain = NewDatastream("W-1-depth", "W-1", "depth", 60), NewDatastream("W-1-rain", "W-1", "rain", 300)
    renamed = replace(west, name_zh="新名")
    given = [(renamed, depth), (renamed, rain), (west, replace(rain, interval_s=60)), (west, replace(rain, code="R"))]
    with city_runtime.transaction() as session:
        operations.register_all(session, given, None)
        log = text("SELECT action, subject, before, after FROM city.admin_event WHERE action ~ '^sensors' ORDER BY id")
        told = [
            (action, subject, {name: after[name] for name in after if before and before[name] != after[name]})
            for action, subject, before, after in session.execute(log)
        ]
    assert told == [
        ("sensors.change", "W-1-depth", {"name_zh": "新名"}),
        ("sensors.change", "W-1-rain", {"name_zh": "西下穿", "interval_s": 60}),
        ("sensors.add", "R", {}),
    ]


def test_many_that_change_wait_for_the_writer_of_readings_holding_none_that_it_may_want(city_runtime, sensors):
    station = NewStation("W-1", "西下穿", "underpass", *city.IN_WEST)
    streams = [NewDatastream("W-1-depth", "W-1", "depth", 5), NewDatastream("W-1-rain", "W-1", "rain", 5)]
    heard = text("UPDATE city.datastream SET heard_at = now() WHERE code = :code")
    waits = text(
        "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
        " WHERE NOT l.granted AND a.datname = current_database())"
    )

    def register() -> None:
        with city_runtime.transaction() as session:
            operations.register_all(session, [(station, stream) for stream in streams], None)

    with ThreadPoolExecutor(1) as threads:
        with city_runtime.transaction() as session:
            session.execute(heard, {"code": "W-1-rain"})
            done = threads.submit(register)
            while not session.scalar(waits):
                assert not done.done()
            session.execute(heard, {"code": "W-1-depth"})
        done.result()
    with city_runtime.transaction() as session:
        rows = session.execute(text("SELECT interval_s, heard_at IS NOT NULL FROM city.datastream")).all()
    assert rows == [(5, True), (5, True)]


def test_of_many_the_first_that_cannot_be_is_the_refusal(city_runtime, sensors):
    station, stream = NewStation("F", "站", "well", *city.IN_EAST), NewDatastream("F-1", "F", "rain", 60)
    wrong = [(station, stream), (replace(station, place="?"), stream), (station, replace(stream, interval_s=0))]
    with city_runtime.transaction() as session, pytest.raises(WebgisError) as refused:
        operations.register_all(session, wrong, None)
    assert refused.value.facts["field"] == "place"


def write(path, rows) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def test_every_fault_of_a_table_is_that_of_its_row_alone(city_runtime, sensors, tell, tmp_path):
    tell(("W-1-depth", NOW, 0.1))
    drain(city_runtime)
    wrong = [GOOD | {"station": f"F-{number}", "code": f"F-{number}-0"} | one for number, one in enumerate(WRONG)]
    path, alone = tmp_path / "sensors.csv", []
    with city_runtime.transaction() as session:
        for number, row in enumerate(wrong, 2):
            write(path, [row])
            (fault,) = files.read(session, path, "cgcs2000").faults
            alone.append(replace(fault, row=number))
        write(path, wrong)
        assert list(files.read(session, path, "cgcs2000").faults) == alone
        chance = random.Random(7)
        mixed = [row for one in zip(wrong, good(len(wrong)), strict=True) for row in chance.sample(one, 2)]
        write(path, mixed)
        found = files.read(session, path, "cgcs2000").faults
    assert [replace(one, row=2 + turn) for turn, one in enumerate(found)] == alone
    assert [mixed[one.row - 2] for one in found] == wrong


def good(count: int) -> list[dict[str, str]]:
    return [GOOD | {"station": f"G-{number}", "code": f"G-{number}-0"} for number in range(count)]


def test_the_nearest_cell_is_told_of_twenty_places(city_runtime, tmp_path):
    path = tmp_path / "sensors.csv"
    far = [row | {"lon": f"{103 + number / 1000}"} for number, row in enumerate(good(21))]
    write(path, [*far, far[0] | {"code": "G-0-1"}])
    with city_runtime.transaction() as session:
        faults = files.read(session, path, "cgcs2000").faults
    told = ["m away" in fault.problem for fault in faults]
    assert told == [True] * 20 + [False, True]
