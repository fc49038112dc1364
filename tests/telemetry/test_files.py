"""Stations and sensors from a table: all of it or nothing, every fault by its row; and the commands."""

import json

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from tests import city
from tests.telemetry.conftest import NOW, drain
from webgis import cli

HEADER = "站点编码,站点名称,地点类型,经度,纬度,责任单位,数据流编码,监测量,上报间隔,量程上限\n"
GOOD = f"W-9,东下穿,下穿通道,{city.IN_EAST[0]},{city.IN_EAST[1]},510104-works,W-9-depth,积水深度,60,5\n"
OTHER = f"W-9,东下穿,underpass,{city.IN_EAST[0]},{city.IN_EAST[1]},,W-9-rain,rain,300,\n"


def command(runtime, *words: str):
    return CliRunner().invoke(cli.group, ["telemetry", *words], obj=runtime, catch_exceptions=False)


def listed(runtime) -> list[dict]:
    return json.loads(command(runtime, "list", "--json").output)


@pytest.fixture
def table(tmp_path):
    """A function that writes a table and gives its path."""

    def write(rows: str) -> str:
        path = tmp_path / "sensors.csv"
        path.write_text(rows, encoding="gb18030")
        return str(path)

    return write


def test_a_table_registers_stations_and_sensors_and_changes_them(city_runtime, table):
    done = command(city_runtime, "import", table(HEADER + GOOD + OTHER), "--crs", "cgcs2000")
    assert (done.exit_code, done.output) == (0, "2 rows taken over\n")
    depth, rain = sorted(listed(city_runtime), key=lambda one: one["code"])
    assert (depth["quantity"], depth["place"], depth["most"], depth["interval_s"]) == ("depth", "underpass", 5, 60)
    assert (rain["unit"], rain["most"], rain["state"]) == ("mm", 200, "new")
    assert depth["department_code"] == "510104-works"  # which the second row leaves empty
    changed = GOOD.replace(",60,5", ",120,5")
    assert command(city_runtime, "import", table(HEADER + changed), "--crs", "cgcs2000").exit_code == 0
    assert {one["code"]: one["interval_s"] for one in listed(city_runtime)} == {"W-9-depth": 120, "W-9-rain": 300}


def test_of_a_table_with_faults_nothing_is_stored_and_each_is_named(city_runtime, table):
    faulty = GOOD.replace("W-9-depth", "W 9").replace("积水深度", "潮位!"), OTHER.replace(",300,", ",often,")
    done = command(city_runtime, "import", table(HEADER + GOOD + "".join(faulty)), "--crs", "cgcs2000", "--json")
    told = json.loads(done.output)
    assert (done.exit_code, told["taken"]) == (1, False)
    assert [(fault["row"], fault["column"]) for fault in told["faults"]] == [(3, "数据流编码"), (4, "上报间隔")]
    assert listed(city_runtime) == []


@pytest.mark.parametrize("given", ["nan", "inf", "60.7", "-60", "1e2", "", "9" * 5_000])
def test_an_interval_is_whole_seconds(city_runtime, table, given):
    done = command(city_runtime, "import", table(HEADER + GOOD.replace(",60,5", f",{given},5")), "--crs", "cgcs2000")
    assert done.exit_code == 1 and done.output.replace("\n", " ").startswith("row 2, 上报间隔: interval_s is ")


def test_rows_of_one_station_agree_and_a_sensor_has_one_row(city_runtime, table):
    wrong = (
        OTHER.replace("东下穿", "西下穿"),
        OTHER.replace(",,", ",510104-drain,").replace("-rain", "-level"),
        GOOD.replace(",5\n", ",nan\n").replace("-depth", "-x"),
        GOOD,
    )
    done = command(city_runtime, "import", table(HEADER + GOOD + "".join(wrong)), "--crs", "cgcs2000", "--json")
    faults = [(fault["row"], fault["column"]) for fault in json.loads(done.output)["faults"]]
    assert faults == [(3, "站点名称"), (4, "责任单位"), (5, "量程上限"), (6, "数据流编码")]
    assert listed(city_runtime) == []


def test_a_table_that_changes_nothing_waits_for_nobody_and_looking_holds_nothing(city_runtime, table):
    path = table(HEADER + GOOD + OTHER)
    assert command(city_runtime, "import", path, "--crs", "cgcs2000").exit_code == 0
    changed = HEADER + GOOD.replace(",60,5", ",120,5")
    with city_runtime.transaction() as session:
        session.execute(text("SELECT FROM city.station s JOIN city.datastream d ON d.station_id = s.id FOR UPDATE"))
        assert command(city_runtime, "import", path, "--crs", "cgcs2000").exit_code == 0
        assert command(city_runtime, "import", table(changed), "--crs", "cgcs2000", "--dry-run").exit_code == 0
    assert {one["interval_s"] for one in listed(city_runtime)} == {60, 300}


def test_a_station_outside_the_grid_needs_a_word(city_runtime, table):
    far = table(HEADER + GOOD.replace(str(city.IN_EAST[0]), str(city.OUTSIDE[0])))
    done = command(city_runtime, "import", far, "--crs", "cgcs2000")
    assert done.exit_code == 1 and "row 2, 经度: The station is in no cell of the grid" in done.output
    assert command(city_runtime, "import", far, "--crs", "cgcs2000", "--outside", "--illustrative").exit_code == 0
    assert command(city_runtime, "import", far, "--crs", "cgcs2000").exit_code == 0
    assert [one["illustrative"] for one in listed(city_runtime)] == [True]


def test_looking_only_stores_nothing(city_runtime, table):
    done = command(city_runtime, "import", table(HEADER + GOOD), "--crs", "cgcs2000", "--dry-run")
    assert (done.exit_code, done.output) == (0, "1 rows could be taken over\n")
    assert listed(city_runtime) == []


def test_the_status_tells_what_waits_and_who_is_silent(city_runtime, sensors, tell):
    tell(("W-1-depth", NOW, 0.1))
    told = json.loads(command(city_runtime, "status", "--json").output)
    assert (told["waiting"]["rows"], told["waiting"]["readings"]) == (1, 1)
    assert told["sensors"] == {"ok": 0, "silent": 0, "new": 2, "off": 0}
    drain(city_runtime)
    assert command(city_runtime, "status").output.startswith("sensors: 1 ok, 0 silent, 1 new, 0 off\n")


def test_a_sensor_goes_out_of_use_and_comes_back(city_runtime, sensors):
    assert command(city_runtime, "use", "W-1-depth", "--off").output == "W-1-depth is out of use\n"
    assert {one["code"]: one["state"] for one in listed(city_runtime)} == {"W-1-depth": "off", "W-1-rain": "new"}
    command(city_runtime, "use", "W-1-depth")
    assert {one["state"] for one in listed(city_runtime)} == {"new"}
