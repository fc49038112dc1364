"""`python -m bench storm`: 500 sensors cross their threshold within one second, and what else slows down meanwhile.

Web, live process, writer and worker run as `webgis serve` runs them. A list of cases, what maps ask each second, and a
report are asked for again and again: first alone, then from the moment when the readings (each doubled, all shuffled)
lie in the inbox until the last case is open. A stream listens: when has it heard of the first alarm, when of the last?
"""

import contextlib
import http.client
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from bench import clients, report, scratch, web
from bench.desks import Desk, live_process
from tests import city
from tests.hazards.test_alarm_storm import MADE
from webgis import db
from webgis.accounts import operations as accounts
from webgis.db import Runtime
from webgis.hazards import alarm_rules
from webgis.telemetry import inbox

SENSORS, SEED = 500, 18
QUIET_S, PATIENCE_S = 15.0, 180.0
GOAL_S, GOAL_RATIO = 2.0, 0.5
"""Within two seconds an alarm is on every desk; nothing else slows by more than half."""

_STANDING = "SELECT count(*) AS alarms, count(case_id) AS cases, count(DISTINCT case_id) AS different FROM city.alarm"
_DRAIN = """
import time
from webgis import jobs, worker
worker.import_tasks()
while True:
    for queue in jobs.QUEUES:
        jobs.drain(worker.runtime(), queue)
    time.sleep(0.2)
"""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row.")
@click.option("--sensors", default=SENSORS, show_default=True, help="Sensors that go into alarm.")
def storm(as_json: bool, sensors: int) -> None:
    """An alarm storm: told within two seconds, one case each, and what else slows down."""
    with ExitStack() as stack:
        engine = stack.enter_context(scratch.database())
        redis_url = stack.enter_context(scratch.redis())
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        db.upgrade(engine)
        runtime = scratch.runtime(engine, redis_url=redis_url, var_dir=Path(folder))
        stack.callback(runtime.dispose)
        ids, key = _city(runtime, sensors)
        environment = web.environment(runtime.settings.database, redis_url, folder)
        stack.enter_context(live_process(environment))
        for command in ("from webgis.cli import main; main()", _DRAIN):
            stack.enter_context(_process(environment, command))
        port = stack.enter_context(web.running(web.OURS, environment))
        sys.exit(report.show("storm", _rows(runtime, port, key, ids), as_json, scratch.versions(engine)))


def _city(runtime: Runtime, sensors: int) -> tuple[list[int], str]:
    """The small city with so many watched sensors; their ids, and a dispatcher's key."""
    with runtime.transaction() as session:
        city.build(session)
        alarm_rules.load_shipped(session)
        ids = list(session.scalars(MADE, {"count": sensors, "department": "510104-works"}))
        return ids, accounts.make_key(session, "dispatcher1")


@contextlib.contextmanager
def _process(environment: dict[str, str], command: str) -> Iterator[None]:
    """The writer of readings, or a worker."""
    arguments = [sys.executable, "-c", command, *(["telemetry", "run"] if "main()" in command else [])]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(arguments, env=environment, **quiet) as running:
        try:
            yield
        finally:
            running.kill()


def _rows(runtime: Runtime, port: int, key: str, ids: list[int]) -> Iterator[report.Row]:
    requests = _requests(key)
    _ask(port, requests, 2.0)
    quiet = _ask(port, requests, QUIET_S)
    heard, listening = _listen(port, key)
    begun = _readings(runtime, ids)
    over = threading.Event()
    found: dict[str, list[float]] = {name: [] for name in requests}
    asking = threading.Thread(target=lambda: _ask(port, requests, PATIENCE_S, found, over))
    asking.start()
    raised, opened = _until_open(runtime, len(ids), begun)
    over.set()
    asking.join()
    listening.set()
    (row,) = runtime.ask(_STANDING)
    yield report.Row("alarms of sensors / sensors", row.alarms, len(ids), row.alarms / len(ids), 1.0, "", "sensors")
    yield report.Row(
        "cases / alarms, each its own", row.different, row.cases, row.different / row.cases, 1.0, "", "alarms"
    )
    first, last = min(heard.values()) - begun, max(heard.values()) - begun
    for what, seconds in (("the first", first), ("the last", last)):
        name = f"from the inbox until a desk hears of {what} of {len(heard)} alarms / goal"
        yield report.Row(name, seconds, GOAL_S, GOAL_S / seconds, 1.0, "s", "goal")
    yield report.Row("all alarms written after", raised, 0.0, 1.0, None, "s", "none")
    yield report.Row("cases opened, filed and dispatched", len(ids) / opened, 0.0, 1.0, None, "1/s", "none")
    for name, times in found.items():
        alone, beside = (statistics.median(one) * 1000 for one in (quiet[name], times))
        yield report.Row(
            f"{name}, median in the storm / alone", beside, alone, alone / beside, GOAL_RATIO, "ms", "alone"
        )


Request = Callable[[http.client.HTTPConnection], object]


def _requests(key: str) -> dict[str, Request]:
    lon, lat = city.IN_EAST
    given = {"lon": lon, "lat": lat, "crs": "cgcs2000", "kind": "matter", "class": city.REFUSE, "description": "bench"}
    return {
        "list of cases": lambda link: clients.ask(link, "GET", "/api/v1/cases?limit=20", None, key),
        "report of a case": lambda link: clients.ask(link, "POST", "/api/v1/cases", given, key),
        "map's version": lambda link: clients.ask(link, "GET", "/maps/version", None, key),
    }


def _ask(
    port: int,
    requests: dict[str, Request],
    seconds: float,
    found: dict[str, list[float]] | None = None,
    over: threading.Event | None = None,
) -> dict[str, list[float]]:
    """Ask all in turns for so long, or until it is over; the seconds that each took."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    found = {name: [] for name in requests} if found is None else found
    end = time.perf_counter() + seconds
    while time.perf_counter() < end and not (over and over.is_set()):
        for name, ask in requests.items():
            start = time.perf_counter()
            ask(link)
            found[name].append(time.perf_counter() - start)
    return found


def _listen(port: int, key: str) -> tuple[dict[int, float], threading.Event]:
    """A desk's stream: when it has heard of each alarm for the first time."""
    desk, over, heard = Desk(port, key, 1), threading.Event(), {}
    desk.wait()

    def read() -> None:
        rest = b""
        desk.socket.settimeout(0.2)
        while not over.is_set():
            with contextlib.suppress(TimeoutError):
                rest += desk.socket.recv(262144)
            now = time.perf_counter()
            *events, rest = rest.split(b"\n\n")
            for event in events:
                if b"event: alarm\n" in event:
                    id = int(event.split(b'"id":', 1)[1].split(b",", 1)[0])
                    heard.setdefault(id, now)

    threading.Thread(target=read, daemon=True).start()
    return heard, over


def _readings(runtime: Runtime, ids: list[int]) -> float:
    """Put the readings of all into the inbox, doubled and shuffled, the high ones within one second; when that was."""
    shuffle, now = random.Random(SEED), datetime.now(UTC)
    told = [inbox.Told(id, now - timedelta(seconds=second), 3.0) for id in ids for second in (30, 20, 10)]
    told += [inbox.Told(id, now - timedelta(milliseconds=shuffle.randrange(1000)), 25.0) for id in ids]
    told *= 2
    shuffle.shuffle(told)
    with runtime.transaction() as session:
        for place in range(0, len(told), 500):
            inbox.put(session, told[place : place + 500], "own")
    return time.perf_counter()


def _until_open(runtime: Runtime, sensors: int, begun: float) -> tuple[float, float]:
    """Wait until every case is open; the seconds until all alarms were written, and all cases."""
    raised = 0.0
    while time.perf_counter() - begun < PATIENCE_S:
        (row,) = runtime.ask(_STANDING)
        passed = time.perf_counter() - begun
        raised = raised or (passed if row.alarms >= sensors else 0.0)
        if row.cases >= sensors:
            return raised, passed
        time.sleep(0.05)
    raise SystemExit("not every alarm has its case")
