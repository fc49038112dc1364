"""Sources of a file are put many at once; it is as if they came one by one."""

import csv
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from tests import city
from webgis.errors import Invalid
from webgis.exchange import hazard_files
from webgis.hazards import persons
from webgis.telemetry import operations
from webgis.telemetry.operations import NewDatastream, NewStation

NOON, LATER = datetime(2026, 11, 22, 4, tzinfo=UTC), datetime(2026, 11, 23, 4, tzinfo=UTC)
WHOLE = (
    *("code", "kind", "name_zh", "name_en", "holder", "credit_code", "lon", "lat", "radius_m", "wkt", "department"),
    *("people", "remark", "stations", "unit", "unit_kind", "stock", "quantity", "measure", "cas", "row", "classes"),
    *("checked", "chief", "chief_phone", "duty_phone"),
)
STOCKS = (
    {"stock": "液氯", "quantity": "30", "cas": "7782-50-5"},
    {"stock": "液氨", "quantity": "1e1", "cas": "7664-41-7"},
    {"stock": "汽油", "quantity": "12.50", "cas": "86290-81-5"},
    {"stock": "某易燃液体", "quantity": "2000", "classes": "W5.3"},
)
WRONG = (
    *({"code": ""}, {"code": "new"}, {"kind": "none"}, {"department": "none"}, {"lon": "104.2"}, {"lon": "104.3"}),
    *({"radius_m": ""}, {"credit_code": "12345"}, {"people": "many"}, {"people": ""}, {"stations": "none XC-1"}),
    *({"quantity": "30000"}, {"cas": "7782-50-6"}, {"classes": "W99", "cas": ""}, {"chief_phone": "1"}),
    *(
        {"remark": "[1]"},
        {"name_zh": "名" * 101},
        {"wkt": "POLYGON((104.061 30.656,104.062 30.657,104.062 30.656,104.061 30.657,104.061 30.656))"},
    ),
)
KEPT = {
    "sources": """
        SELECT h.code, h.kind, h.name_zh, h.name_en, h.holder, h.credit_code, md5(ST_AsEWKB(h.geom)), h.cell_id,
               h.area_code, h.department_code, h.people_entered, h.remark, h.source, h.illustrative, h.active,
               h.version, h.major, h.level, h.unsettled, h.made_at, h.changed_at
        FROM city.hazard_source h ORDER BY h.code
    """,
    "stocks": """
        SELECT h.code, u.name, u.kind, u.place, u.active, k.place, k.name, k.quantity_t, k.cas, k.row_number, k.classes,
               k.checked
        FROM city.hazard_source h JOIN city.hazard_unit u ON u.source_id = h.id
        LEFT JOIN city.hazard_stock k ON k.unit_id = u.id ORDER BY h.code, u.name, k.place
    """,
    "grades": """
        SELECT h.code, u.name, g.at, g.why, g.s, g.major, g.r, g.alpha, g.people, g.people_from, g.parts, g.level,
               g.lines, g.built_on, g.person_id
        FROM city.hazard_source h JOIN city.hazard_unit u ON u.source_id = h.id
        JOIN city.hazard_grade g ON g.unit_id = u.id ORDER BY h.code, u.name, g.id
    """,
    "stations": """
        SELECT h.code, s.code FROM city.hazard_source_station w JOIN city.hazard_source h ON h.id = w.source_id
        JOIN city.station s ON s.id = w.station_id ORDER BY 1, 2
    """,
    "log": "SELECT who, action, subject, before, after FROM city.admin_event WHERE action ~ '^hazards' ORDER BY id",
}


@pytest.fixture
def town(city_runtime):
    """The small city with people in a part of it, and a station."""
    with city_runtime.transaction() as session:
        session.execute(
            text(
                "UPDATE city.area SET population = 4000, geom = ST_Multi(ST_MakeEnvelope(104.045, 30.64, 104.065,"
                " 30.675, 4490)) WHERE code = :code"
            ),
            {"code": city.WEST},
        )
        operations.put_station(session, NewStation("XC-1", "下穿", "underpass", *city.IN_WEST))
        operations.put_datastream(session, NewDatastream("XC-1-d", "XC-1", "depth", 60))
    return city_runtime


def made_up(chance: random.Random, number: int) -> list[dict[str, str]]:
    """The rows of a source: a circle or an outline, without units or with up to three, of up to two stocks each."""
    lon, lat = chance.uniform(104.05, 104.0695), chance.uniform(30.6555, 30.6595)
    facts = {
        "code": f"CD-{number:03d}",
        "kind": chance.choice(("chemical_store", "加油站", "dam")),
        "name_zh": f"源{number}",
        "name_en": chance.choice(("", f"Source {number}")),
        "holder": "示例",
        "people": str(chance.randint(0, 150)),
        "credit_code": chance.choice(("", "91350100M000100Y43")),
        "department": chance.choice(("", "510104-works")),
        "remark": chance.choice(("", "夜间有人")),
        "stations": chance.choice(("", "XC-1")),
        "chief": chance.choice(("", "李四")),
        "chief_phone": "13800001234",
        "duty_phone": chance.choice(("", "028-86540000")),
    }
    if chance.random() < 0.5:
        facts |= {"lon": f"{lon:.6f}", "lat": f"{lat:.6f}", "radius_m": chance.choice(("20", "60"))}
    else:
        facts["wkt"] = f"POLYGON(({lon} {lat},{lon + 0.0004} {lat},{lon} {lat + 0.0003},{lon} {lat}))"
    held = [
        {"unit": f"{unit} 号", "unit_kind": chance.choice(("", "生产单元"))} | chance.choice(STOCKS)
        for unit in range(chance.randint(0, 3))
        for _stock in range(chance.randint(1, 2))
    ]
    return [facts | row for row in held] or [facts]


def other(chance: random.Random, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The rows of a source as a later file has them: as they were, renamed, moved, with other stocks or persons."""
    more = chance.choice(
        ({}, {}, {"name_zh": "新名"}, {"lat": "30.657"}, {"people": "7"}, {"chief": "王五"}, {"stations": ""})
    )
    held = chance.choice(({}, {}, {"quantity": "3"}, {"stock": "", "unit": ""}))
    return [row | more | {name: value for name, value in held.items() if row.get("unit")} for row in rows]


def write(path, columns, groups) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(row for rows in groups for row in rows)


def becomes(runtime, files, at_once: int) -> tuple[list, dict]:
    """What is told of these files, and what is kept then; nothing stays."""
    with runtime.transaction() as session:
        told = []
        for file, at in zip(files, (NOON, LATER, LATER), strict=False):
            try:
                told.append(vars(hazard_files.take(session, None, file, crs="wgs84", at=at, at_once=at_once)))
            except Invalid as error:
                told.append((error.code, error.message, error.facts))
        kept = {name: [tuple(row) for row in session.execute(text(asked))] for name, asked in KEPT.items()}
        ids = session.execute(text("SELECT id, code FROM city.hazard_source ORDER BY code")).all()
        kept["persons"] = [(row.code, persons.masked(session, row.id)) for row in ids]
        session.rollback()
    return told, kept


def test_many_at_once_become_what_they_would_one_by_one(town, tmp_path):
    chance = random.Random(20261122)
    first = [made_up(chance, number) for number in range(40)]
    later = [other(chance, rows) for rows in first[5:]] + [made_up(chance, number) for number in range(40, 50)]
    few = [
        [{"code": rows[0]["code"], "remark": "改", "lon": "104.066", "lat": "30.657", "radius_m": "30"}]
        for rows in later
    ]
    files = [tmp_path / name for name in ("first.csv", "later.csv", "few.csv")]
    for file, columns, groups in zip(
        files, (WHOLE, WHOLE, ("code", "remark", "lon", "lat", "radius_m")), (first, later, few), strict=True
    ):
        write(file, columns, groups)
    told, kept = becomes(town, files, 1)
    assert [len(told[0]["added"]), len(told[1]["added"])] == [40, 10] and told[1]["changed"] and told[1]["unchanged"]
    assert {row[9] for row in kept["grades"]} == {None, "population", "entered"}
    assert (told, kept) == becomes(town, files, 500)
    assert (told, kept) == becomes(town, files, 7)


def test_every_fault_is_named_however_many_come_at_once(town, tmp_path):
    chance = random.Random(20261123)
    right = {"wkt": "", "lon": "104.068", "lat": "30.657", "radius_m": "20", "people": "50", "unit": "1"} | STOCKS[0]
    rows = [made_up(chance, number)[0] | right for number in range(2 * len(WRONG))]
    for row, fault in zip(rows[::2], WRONG, strict=True):
        row |= fault
    file = tmp_path / "faults.csv"
    write(file, WHOLE, [[row] for row in rows])
    (told,), kept = becomes(town, [file], 1)
    code, _message, facts = told
    assert code == "exchange.hazard-faults" and facts["count"] == len(WRONG)
    assert [fault["row"] for fault in facts["faults"]] == [2 * turn + 2 for turn in range(len(WRONG))]
    assert {fault["column"] for fault in facts["faults"]} >= {"code", "kind", "geometry", "people", "stations", "cas"}
    assert kept["sources"] == kept["log"] == kept["grades"] == []
    assert ([told], kept) == becomes(town, [file], 500)


def test_the_nearest_cell_is_told_of_some_places_outside_the_city(town, tmp_path):
    """Far away it takes a third of a second to find, and a file in a wrong system has all its places there."""
    row = made_up(random.Random(1), 1)[0] | {"wkt": "", "lat": "30.657", "radius_m": "20", "stations": ""}
    file = tmp_path / "outside.csv"
    write(file, WHOLE, [[row | {"code": f"CD-{turn}", "lon": f"104.{turn + 1000}"}] for turn in range(30)])
    (told,), _kept = becomes(town, [file], 7)
    assert [("nearest" in fault["facts"]) for fault in told[2]["faults"]] == [True] * 20 + [False] * 10


def test_two_files_of_the_same_sources_in_another_order_follow_each_other(town, tmp_path):
    chance = random.Random(20261123)
    groups = [made_up(chance, number) for number in range(3)]
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    write(first, WHOLE, groups)
    write(second, WHOLE, [[row | {"name_zh": "后"} for row in rows] for rows in reversed(groups)])
    waits = text(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
    )

    def take(file, at, tell=None):
        with town.transaction() as session:
            return hazard_files.take(session, None, file, crs="wgs84", at=at, at_once=1, tell=tell)

    take(first, NOON)
    with ThreadPoolExecutor(1) as threads, town.transaction() as session:
        others = []

        def other_begins(_percent):
            others[:] = others or [threads.submit(take, second, LATER)]
            while not session.scalar(waits):
                assert not others[0].done()

        hazard_files.take(session, None, first, crs="wgs84", at=LATER, at_once=1, tell=other_begins)
        session.commit()
        assert len(others[0].result().changed) == 3
