"""Past readings from a file: the way of all readings, with every fault named, and no case of what is long over."""

import json
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from click.testing import CliRunner

from tests.hazards.watched import NOW, UNDERPASS, WELL, Watched
from webgis import cli
from webgis.errors import Invalid
from webgis.exchange import reading_files
from webgis.hazards import watching

HEADER = "datastream,at,value"


@pytest.fixture
def town(city_runtime) -> Watched:
    return Watched(city_runtime)


@pytest.fixture
def file(tmp_path):
    """A function that writes a file of readings."""

    def write(*rows: str, header: str = HEADER, name: str = "readings.csv", encoding: str = "utf-8"):
        path = tmp_path / name
        path.write_text("\n".join([header, *rows, ""]), encoding=encoding)
        return path

    return write


def days_ago(days: float, minutes: float = 0) -> str:
    return (NOW - timedelta(days=days, minutes=minutes)).isoformat()


def load(town, path) -> reading_files.Found:
    return reading_files.load(town.runtime, path, datetime.now(UTC))


def counts(town, code: str) -> dict[str, int]:
    names = ("taken", "late", "doubled", "contradicted", "impossible", "ahead", "too_old")
    sums = ", ".join(f"sum({name})::int AS {name}" for name in names)
    (row,) = town.ask(f"SELECT {sums} FROM city.reading_count WHERE datastream_id = :id", id=town.ids[code])
    return {name: count for name, count in row._mapping.items() if count}


def test_readings_of_a_file_are_put_in_place_and_counted_as_all_are(town, file):
    rows = [f"{UNDERPASS},{days_ago(10, minute)},0.0{minute % 10}" for minute in range(50)]
    odd = [f"{UNDERPASS},{days_ago(20)},99", f"{UNDERPASS},{days_ago(20)},", f"{WELL},{days_ago(900)},1", rows[0]]
    found = load(town, file(*rows, "", *odd))
    assert (found.readings, found.fault_count, len(found.datastreams)) == (54, 0, 2)
    assert found.left_out == {"impossible": 2, "ahead": 0, "too_old": 1}
    assert counts(town, UNDERPASS) == {"taken": 50, "doubled": 1, "impossible": 2}
    assert counts(town, WELL) == {"too_old": 1}
    assert town.ask("SELECT count(*) FROM city.reading_inbox")[0].count == 0
    load(town, file(*rows))
    assert counts(town, UNDERPASS)["taken"] == 50 and counts(town, UNDERPASS)["doubled"] == 51


def test_more_than_a_batch_goes_some_at_a_time(town, file):
    told = []
    path = file(*[f"{UNDERPASS},{days_ago(10, -minute)},0.01" for minute in range(50)])
    reading_files.load(town.runtime, path, datetime.now(UTC), told.append, at_once=20)
    assert told == [20, 40, 50] and counts(town, UNDERPASS) == {"taken": 50}


def test_with_any_fault_nothing_is_taken_and_every_fault_is_named(town, file):
    good = f"{UNDERPASS},{days_ago(1)},0.1"
    path = file(good, f"none,{days_ago(1)},1", f"{UNDERPASS},yesterday,1", f"{UNDERPASS},{days_ago(1)},high", UNDERPASS,
                f"{UNDERPASS},{days_ago(1)},1_5")  # fmt: skip
    found = load(town, path)
    assert [(fault.row, fault.column) for fault in found.faults] == [
        (3, "datastream"), (4, "at"), (5, "value"), (6, "at"), (7, "value"),
    ]  # fmt: skip
    assert counts(town, UNDERPASS) == {} and town.ask("SELECT count(*) FROM city.reading")[0].count == 0


def test_a_moment_without_its_offset_is_of_the_city_and_headings_may_be_chinese(town, file):
    day = (NOW - timedelta(days=100)).date()
    path = file(
        f"{UNDERPASS}\t{day:%Y/%m/%d} 08:00:00\t0.2", header="数据流编码\t时间\t数值", name="r.tsv", encoding="gb18030"
    )
    load(town, path)
    (row,) = town.ask("SELECT at, value FROM city.reading")
    assert row.at == datetime(day.year, day.month, day.day, tzinfo=UTC) and row.value == 0.2


@pytest.mark.parametrize(
    ("form", "hour"),
    [
        ("{0.year}/{0.month}/{0.day} 8:00", 0),
        ("{0:%Y-%m-%d}T8:00:00.5", 0),
        ("{0:%Y-%m-%d} 08:00+00:00", 8),
        ("{0:%Y-%m-%d}", None),
        ("{0:%G-W%V-1}", None),
        ("{0:%G-W%V-1} 08:00", None),
        ("{0:%Y-%m-%d} 8", None),
        ("{0:%Y-%m-%d} 25:00", None),
    ],
)
def test_a_moment_is_a_day_and_its_time_also_as_a_spreadsheet_writes_it(town, file, form, hour):
    day = (NOW - timedelta(days=100)).date()
    done = load(town, file(f"{UNDERPASS},{form.format(day)},0.2"))
    found = [row.at.replace(microsecond=0) for row in town.ask("SELECT at FROM city.reading")]
    assert found == ([] if hour is None else [datetime(day.year, day.month, day.day, hour, tzinfo=UTC)])
    assert [fault.column for fault in done.faults] == (["at"] if hour is None else [])


@pytest.mark.parametrize(
    ("header", "name", "code", "says"),
    [
        ("datastream,value", "r.csv", "catalog.bad-header", "the column at is missing"),
        (HEADER, "r.xlsx", "catalog.file-ending", "ends in .csv, .tsv"),
        (HEADER, "r.csv", "catalog.bad-header", "no rows"),
    ],
)
def test_what_is_no_file_of_readings_is_refused(town, file, header, name, code, says):
    with pytest.raises(Invalid, match=says) as refused:
        load(town, file(header=header, name=name))
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (f"{UNDERPASS},2026-11-22 08:00,1,5,,", "row 2 has more cells than the header"),
        (f'{UNDERPASS},2026-11-22 08:00,1,"5 mm\n{UNDERPASS},2026-11-22 08:01,2,', "unexpected end of data"),
        (f"{UNDERPASS},2026-11-22 08:00,1,{'x' * 200_000}", "field limit"),
    ],
    ids=["a decimal comma", "a mark that nothing ends", "a cell too long"],
)
def test_a_row_that_would_be_read_as_what_it_is_not_is_refused(town, file, row, says):
    header = HEADER if says.startswith("row") else f"{HEADER},remark"
    with pytest.raises(Invalid, match=says) as refused:
        load(town, file(row, header=header))
    assert refused.value.code == "catalog.file-unreadable"
    with pytest.raises(Invalid, match="field limit"):
        load(town, file(header="x" * 200_000))


def test_what_is_long_over_makes_no_alarm_and_what_is_of_now_does(town, file):
    """The water of three days ago stood for an hour; it stands again now."""
    past = [f"{UNDERPASS},{days_ago(3, minute)},0.4" for minute in range(60)]
    load(town, file(*past, f"{UNDERPASS},{days_ago(3, -10)},0.01"))
    assert town.alarms(UNDERPASS) == []
    load(town, file(*[f"{UNDERPASS},{days_ago(0, minute)},0.4" for minute in range(5)]))
    assert [state for _number, state, _level in town.alarms(UNDERPASS)] == ["open"]


def test_an_alarm_that_stands_is_not_touched_by_history(town, file):
    town.consider = watching.Lately(town.settings)
    town.tell(UNDERPASS, (9, 0.02), (8, 0.3), (7, 0.31), (6, 0.33))
    before = town.alarms(UNDERPASS)
    load(town, file(f"{UNDERPASS},{days_ago(30)},0.01", f"{UNDERPASS},{days_ago(3)},0.9"))
    assert town.alarms(UNDERPASS) == before and len(before) == 1
    assert town.ask("SELECT last_value FROM city.datastream WHERE code = :code", code=UNDERPASS)[0].last_value == 0.33


def test_a_file_is_loaded_beside_the_writer_of_the_city(town, file):
    writer = watching.writer(town.runtime)
    running = Thread(target=writer.run)
    running.start()
    try:
        load(town, file(*[f"{UNDERPASS},{days_ago(10, minute)},0.01" for minute in range(5)]))
    finally:
        writer.stopping = True
        running.join()
    assert counts(town, UNDERPASS) == {"taken": 5}


def test_the_command_looks_and_loads(town, file):
    path = file(f"{UNDERPASS},{days_ago(10)},0.01")

    def run(*words: str):
        return CliRunner().invoke(cli.group, ["telemetry", "readings", *words], obj=town.runtime)

    assert "1 readings of 1 sensors" in run(str(path), "--check").output and counts(town, UNDERPASS) == {}
    assert json.loads(run(str(path), "--json").output)["readings"] == 1
    assert counts(town, UNDERPASS) == {"taken": 1}
    wrong = run(str(file("none,2026-01-01,1")))
    assert wrong.exit_code == 1 and "row 2, datastream" in wrong.output
