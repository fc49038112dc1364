"""A workload of another city replayed through the real operations: its order, its durations, its balance."""

import csv
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from tests.cases.life import Life
from tests.city import CITY, PASSWORD
from webgis.accounts import operations as accounts
from webgis.cases import replay
from webgis.cases.replay import COLUMNS, Replay
from webgis.cli import group
from webgis.db import Runtime
from webgis.errors import Invalid

NOW = datetime(2026, 11, 22, tzinfo=UTC)
FIRST = datetime(2015, 3, 2, 17, 0, tzinfo=UTC)


def row(number: int, hours: float | None = 30.0, **given: str) -> dict[str, str]:
    """A request that came `number` hours after the first and was closed `hours` later."""
    at = FIRST + timedelta(hours=number)
    values = {
        "unique_key": str(1000 + number),
        "created_date": at.isoformat(" "),
        "closed_date": "" if hours is None else (at + timedelta(hours=hours)).isoformat(" "),
        "category": "Sewer Issues",
        "complaint_type": "Flooding",
        "status_notes": "done",
        "source": ("Phone", "Web", "Mobile")[number % 3],
        "latitude": str(37.7 + number % 7 / 100),
        "longitude": str(-122.5 + number % 5 / 100),
    }
    return values | given


ROWS = [
    *(row(number) for number in range(6)),
    *(row(number, hours=None) for number in range(6, 14)),
    row(20, category="Noise Report", status_notes="Case is a DUPLICATE of another", source="Web"),
    row(21, category="General Request - SFPD", status_notes="Cancelled by caller", source="Phone"),
    row(22, category="Street Defects", source="Phone", status_notes="transferred: to another agency"),
    row(23, hours=-3.0, category="SFHA Requests", complaint_type="Laborer"),
    row(24, latitude="0.0", longitude="0.0", category="311 External Request", complaint_type="Graffiti"),
    row(25, category="Something new", complaint_type="other"),
]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write(tmp_path_factory.mktemp("replay") / "requests.csv", ROWS)


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, [*COLUMNS, "agency_name"])
        writer.writeheader()
        writer.writerows(reversed(rows))
    return path


@pytest.fixture
def demo(city_runtime):
    """The small city as a demo."""
    return made_up(city_runtime)


@pytest.fixture(scope="module")
def replayed(clone, city_template, file):
    """The small city after the whole file; tests only read it."""
    with clone(city_template) as settings:
        runtime = made_up(Runtime(settings))
        run(runtime, file)
        yield runtime
        runtime.engine.dispose()


def made_up(runtime):
    """Its communities are said to be made up, and departments that the file needs are added."""
    with runtime.transaction() as session:
        session.execute(text("UPDATE city.area SET illustrative = true"))
        for kind in ("drainage", "urban_management"):
            accounts.add_department(session, f"510104-{kind}", kind, kind, kind=kind, area=CITY)
            accounts.add_person(session, kind, kind, "department", PASSWORD, department=f"510104-{kind}")
    return runtime


def prepared(runtime, file) -> tuple[list[replay.Story], timedelta]:
    requests = replay.read(file)
    with runtime.transaction() as session:
        moved, spots = replay.prepare(session, requests, NOW)
        return replay.stories(session, requests, spots), moved


def run(runtime, file, steps: int | None = None) -> int:
    """Replay all, or so many steps; how many were done."""
    told, moved = prepared(runtime, file)
    done: list[None] = []
    Replay(runtime, told, moved).run(lambda: done.append(None), lambda: len(done) == steps)
    return len(done)


def balance(runtime) -> dict[str, dict[str, int]]:
    with runtime.transaction() as session:
        counts = replay.balance(session, len(ROWS))
    assert all(count.holds for count in counts), counts
    return {count.stage: count.went for count in counts}


def outcomes(runtime) -> list[tuple]:
    found = text("SELECT address, number, state, version, reported_at, closed_at, cell_code FROM city.case ORDER BY 1")
    with runtime.transaction() as session:
        return session.execute(found).all()


def test_every_request_is_accounted_for_stage_by_stage(replayed):
    went = balance(replayed)
    assert went["requests"] == {"reported": len(ROWS)}
    assert went["reported"]["rejected"] == 2
    assert went["reported"]["filed"] + went["reported"]["merged"] + went["reported"]["waiting"] == len(ROWS) - 2
    open_ones = [state for key, _, state, *_ in outcomes(replayed) if "1006" <= key.removeprefix("SF311/") <= "1013"]
    waiting = sum(number for stage in went.values() for name, number in stage.items() if "waiting" in name)
    assert waiting == len(open_ones) - open_ones.count("merged") > 0
    assert Life(replayed).check() == len(ROWS)


def test_arrivals_keep_their_order_and_distances_and_cases_their_durations(replayed):
    found = {key.removeprefix("SF311/"): row for key, *row in outcomes(replayed)}
    first = found["1000"][3]
    assert (first - FIRST) % timedelta(weeks=1) == timedelta(0) and first < NOW
    for number in (*range(6), 20, 21, 22, 24, 25):
        _, state, _, reported, closed, _ = found[str(1000 + number)]
        assert reported - first == timedelta(hours=number)
        assert closed - reported == timedelta(hours=30) or state == "merged"


def test_two_replays_give_the_same_cases_also_when_one_was_interrupted(replayed, demo, file):
    assert run(demo, file, 17) == 17
    assert run(demo, file, 20) == 20
    assert run(demo, file) > 20
    assert outcomes(demo) == outcomes(replayed)
    assert run(demo, file) == 0


def test_the_source_says_who_reports_and_whether_somebody_looks_first(replayed):
    with replayed.transaction() as session:
        rows = session.execute(text("SELECT address, source, reporter_id IS NULL FROM city.case")).all()
    by_key = {key.removeprefix("SF311/"): tuple(rest) for key, *rest in rows}
    assert by_key["1000"] == ("hotline", False)
    assert by_key["1001"] == ("public", True)
    assert by_key["1002"] == ("inspector", False)


def test_what_the_public_reports_is_looked_at_first_and_a_transferred_request_goes_astray_once(replayed):
    assert history(replayed, "1025")[:4] == ["report", "request_confirmation", "confirm", "file"]
    assert history(replayed, "1022")[1:5] == ["file", "dispatch", "return", "dispatch"]


def history(runtime, key: str) -> list[str]:
    told = text(
        "SELECT array_agg(action ORDER BY seq) FROM city.case_event e JOIN city.case c ON c.id = e.case_id"
        " WHERE c.address = :address"
    )
    with runtime.transaction() as session:
        return session.scalar(told, {"address": f"SF311/{key}"})


def test_classes_come_from_the_table_the_first_row_that_fits(file):
    asked = {one.key: (one.kind, one.class_code) for one in replay.read(file)}
    assert asked["1000"] == ("component", "01003")
    assert asked["1024"] == ("matter", "07001")
    assert asked["1025"] == ("matter", "06012")


def test_a_city_with_real_communities_is_refused(city_runtime, file):
    with pytest.raises(Invalid, match="demo city"):
        prepared(city_runtime, file)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b\n1,2\n", "columns"),
        (",".join(COLUMNS) + "\n", "at least one request"),
        (",".join(COLUMNS) + "\n1,yesterday,,x,y,z,Web,0,0\n", "moments"),
        (",".join(COLUMNS) + "\n1,2015-01-01,,x,y,z,Web,0,0\n1,2015-01-01,,x,y,z,Web,0,0\n", "each key once"),
        ("\udcff", "UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path, content, said):
    path = tmp_path / "bad.csv"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(Invalid, match=said):
        replay.read(path)


def test_a_balance_that_is_out_shows():
    assert not replay.Count("filed", 3, {"dispatched": 1, "waiting": 1}).holds


def test_the_command_draws_the_balance_and_says_when_it_is_out(demo, file):
    done = command(demo, file, "--json")
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts["requests"] == {"came": len(ROWS), "went": {"reported": len(ROWS)}, "holds": True}
    with demo.transaction() as session:
        session.execute(text("DELETE FROM city.open_case WHERE case_id = (SELECT min(case_id) FROM city.open_case)"))
    shown = command(demo, file)
    assert shown.returncode == 1 and "NO" in shown.stdout


def command(runtime, file, *options: str) -> subprocess.CompletedProcess:
    """The command in a process of its own, as its workers are."""
    settings = runtime.settings
    environment = {
        "WEBGIS_DATABASE_URL": settings.database,
        "WEBGIS_REDIS_URL": settings.redis,
        "WEBGIS_VAR_DIR": str(settings.var_dir),
    }
    line = [sys.executable, "-c", "from webgis.cli import main; main()", "replay", str(file), *options]
    return subprocess.run(line, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("speed", ["0", "-1", "fast", "inf"])
def test_a_speed_that_is_none_is_refused(file, speed):
    done = CliRunner().invoke(group, ["replay", str(file), "--speed", speed], obj=object())
    assert done.exit_code == 2 and "greater than 0" in done.output
