"""`python -m bench telemetry`: readings by HTTP and MQTT taken in and put in place, alone and while cases go their way.

Two thousand sensors in the demo city. First what the writer can do: a full inbox put in place, beside bare COPY of as
many rows into a table of the same shape. Then 2,000 readings a second are sent for some time, in batches over HTTP and
one by one over MQTT, while eight clients take cases from report to close; nothing may be left behind, and what the
cases lose is told. Web, writer, broker, listener, clients and PostgreSQL share the machine's cores.
"""

import contextlib
import http.client
import io
import json
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import click
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import Engine, text

from bench import clients, cycle, report, scratch, web
from bench.clients import CLIENTS, STEPS, Town
from webgis import broker, db
from webgis.accounts import operations as accounts
from webgis.db import Runtime
from webgis.demo import loading
from webgis.telemetry import inbox, writing

SENSORS = 2000
GOAL = 2000.0
"""Readings a second that must be taken in."""

SENDERS, BATCH = 4, 100
BACKLOG = 100_000
DELAY_GOAL_S = 1.0
PATIENCE_S = 60

_SENSORS = text(
    """
    WITH station AS (
        INSERT INTO city.station (code, name_zh, place, geom)
        VALUES ('BENCH', 'BENCH', 'well', ST_SetSRID(ST_Point(104.06, 30.66), 4490)) RETURNING id
    )
    INSERT INTO city.datastream (code, station_id, quantity, unit, least, most, interval_s)
    SELECT 'BENCH-' || n, s.id, 'gas', '% LEL', -2, 100, 1 FROM station s, generate_series(1, :count) n RETURNING id
    """
)
_TAKEN = text("SELECT coalesce(sum(taken), 0) FROM city.reading_count WHERE datastream_id = ANY(:ids)")


@dataclass(frozen=True)
class Target:
    """What senders need to know: the web server's port, the key of a machine, sensors (ids), the broker's address for
    us, and the password of sensors there."""

    port: int
    key: str
    sensors: list[int]
    broker: str | None
    password: str


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row.")
@click.option("--seconds", default=20, show_default=True, help="How long readings are sent, each way.")
def telemetry(as_json: bool, seconds: int) -> None:
    """Take in 2,000 readings a second by HTTP and by MQTT while cases go from report to close."""
    with contextlib.ExitStack() as stack:
        base, runtime, target = _city(stack)
        rows = _rows(stack, runtime, target, seconds)
        sys.exit(report.show("telemetry", rows, as_json, scratch.versions(base)))


def _city(stack: contextlib.ExitStack) -> tuple[Engine, Runtime, Target]:
    """The demo city without cases, with sensors, its web server, and its broker where Mosquitto is."""
    redis_url = stack.enter_context(scratch.redis())
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    folder.chmod(0o711)
    base = stack.enter_context(scratch.database())
    db.upgrade(base)
    own = {"redis_url": redis_url, "var_dir": folder, "secret_key": "for the bench only"}
    runtime = scratch.runtime(base, **own, mqtt_listen="127.0.0.1:18830")
    stack.callback(runtime.dispose)
    loading.load(runtime, count=0, quiet=True)
    with runtime.transaction() as session:
        sensors = list(session.scalars(_SENSORS, {"count": SENSORS}))
        accounts.add_person(session, "bench", "bench", "system", "a password of the bench")
        key = accounts.make_key(session, "bench")
    url, password = None, ""
    if broker.program() and broker.free(runtime.settings):
        child, url = broker.prepare(runtime.settings)
        child.start()
        stack.callback(child.stop)
        password = (broker.folder_of(runtime.settings) / "password-sensors").read_text()
    environment = web.environment(runtime.settings.database, redis_url, str(folder))
    port = stack.enter_context(web.running(web.OURS, environment))
    return base, runtime, Target(port, key, sensors, url, password)


def _rows(stack: contextlib.ExitStack, runtime: Runtime, target: Target, seconds: int) -> Iterator[report.Row]:
    ours, floor = _backlog(runtime, target.sensors), _copied(runtime)
    yield report.Row(
        "readings of a full inbox put in place / bare COPY", ours, floor, ours / floor, None, "1/s", "floor"
    )
    town = cycle.town_of(runtime)
    quiet = _cycles(target.port, town, seconds)
    stack.enter_context(_process(runtime, target, "run"))
    yield from _sustained(runtime, target, "HTTP", _http, seconds, town, quiet)
    if target.broker:
        stack.enter_context(_process(runtime, target, "mqtt"))
        before = _taken(runtime, target.sensors)
        _until(lambda: _mqtt(target, 0, 0.2) and _taken(runtime, target.sensors) > before)
        _until(lambda: not _waits(runtime))
        yield from _sustained(runtime, target, "MQTT", _mqtt, seconds, town, quiet)


def _backlog(runtime: Runtime, sensors: list[int]) -> float:
    """Readings a second of one writer that has much to do."""
    moment = datetime.now(UTC) - timedelta(hours=1)
    for start in range(0, BACKLOG, SENSORS):
        at = moment + timedelta(seconds=start // SENSORS)
        with runtime.transaction() as session:
            inbox.put(session, [inbox.Told(one, at, 1.5) for one in sensors], "own", at)
    start = time.perf_counter()
    writing.drain(runtime)
    return BACKLOG / (time.perf_counter() - start)


def _copied(runtime: Runtime) -> float:
    """Rows a second of COPY into a table of the same columns and key: no checks, no counts, no standing."""
    rows = io.StringIO("".join(f"{n}\t2026-01-01 00:00:00+00\t1.5\t2026-01-01 00:00:00+00\n" for n in range(BACKLOG)))
    raw = runtime.engine.raw_connection()
    try:
        with raw.cursor() as cursor:
            cursor.execute(
                "CREATE TABLE public.copied (LIKE city.reading, PRIMARY KEY (datastream_id, at) INCLUDE (value))"
            )
            start = time.perf_counter()
            cursor.copy_expert("COPY public.copied FROM STDIN", rows)
            raw.commit()
            return BACKLOG / (time.perf_counter() - start)
    finally:
        raw.close()


@contextlib.contextmanager
def _process(runtime: Runtime, target: Target, name: str) -> Iterator[None]:
    """The writer or the listener, as bin/serve runs them."""
    settings = runtime.settings
    given = web.environment(settings.database, settings.redis, str(settings.var_dir))
    given |= {"WEBGIS_MQTT_URL": target.broker} if target.broker else {}
    command = [sys.executable, "-c", "from webgis.cli import main; main()", "telemetry", name]
    with subprocess.Popen(command, env=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            yield
        finally:
            running.kill()


Send = Callable[[Target, int, float], tuple[int, float]]
"""Gives how many readings were acknowledged, and the seconds that took."""


def _sustained(
    runtime: Runtime, target: Target, way: str, send: Send, seconds: int, town: Town, quiet: float
) -> Iterator[report.Row]:
    """Readings at the pace of the goal while cases go their way."""
    before, spawned = _taken(runtime, target.sensors), multiprocessing.get_context("spawn")
    ready = spawned.Barrier(SENDERS + 1)
    with ThreadPoolExecutor(2) as threads, spawned.Pool(SENDERS, _ready, (ready,)) as senders:
        ready.wait()
        cycles = threads.submit(_cycles, target.port, town, seconds)
        delays = threads.submit(_delays, runtime, seconds)
        told = senders.starmap(send, [(target, number, float(seconds)) for number in range(SENDERS)])
        sent, rate = sum(count for count, _took in told), sum(count / took for count, took in told)
        _until(lambda: _taken(runtime, target.sensors) - before >= sent)
        delay, loaded = statistics.quantiles(delays.result(), n=20)[-1], cycles.result()
    kept = _taken(runtime, target.sensors) - before
    yield report.Row(f"readings acknowledged by {way} / goal", rate, GOAL, rate / GOAL, 0.95, "1/s", "goal")
    yield report.Row(
        f"of these in place, once ({way}) / sent", kept, sent, min(kept / sent, sent / kept), 1.0, "rows", "sent"
    )
    ratio = DELAY_GOAL_S / max(delay, 0.01)
    yield report.Row(
        f"age of the oldest in the inbox, p95 ({way}) / goal", delay, DELAY_GOAL_S, ratio, 1.0, "s", "goal"
    )
    what = f"full cycles of {STEPS} steps, {CLIENTS} clients, beside {GOAL:,.0f} readings/s by {way} / without"
    yield report.Row(what, loaded, quiet, loaded / quiet, 0.5, "cycles/s", "without")


def _ready(barrier) -> None:
    """What a sender does first, so that nothing is timed before all are there with what they import."""
    barrier.wait()


def _cycles(port: int, town: Town, seconds: int) -> float:
    """Cycles a second: as many rounds as take about so long."""
    rates, end = [], time.monotonic() + seconds
    while time.monotonic() < end or not rates:
        rates.append(clients.measure(port, town, 10, len(rates)).rate)
    return statistics.median(rates)


def _delays(runtime: Runtime, seconds: int) -> list[float]:
    """Now and then: for how long the oldest reading of the inbox has waited."""
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        with runtime.transaction() as session:
            oldest = inbox.waiting(session).oldest
        found.append((datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0)
        time.sleep(0.1)
    return found


def _taken(runtime: Runtime, sensors: list[int]) -> int:
    with runtime.transaction() as session:
        return int(session.scalar(_TAKEN, {"ids": sensors}))


def _waits(runtime: Runtime) -> int:
    with runtime.transaction() as session:
        return inbox.waiting(session).rows


def _until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds() and time.monotonic() < end:
        time.sleep(0.1)


def _ours(target: Target, number: int) -> list[int]:
    """The sensors for which a sender speaks."""
    return target.sensors[number::SENDERS]


def _http(target: Target, number: int, seconds: float) -> tuple[int, float]:
    """Send batches at the pace of this sender for so long."""
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=60)
    headers = {"Authorization": f"Bearer {target.key}", "Content-Type": "application/json"}
    sensors, sent, start = _ours(target, number), 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        time.sleep(max(0.0, sent * SENDERS / GOAL - passed))
        at = datetime.now(UTC).isoformat()
        chosen = [sensors[(sent + n) % len(sensors)] for n in range(BATCH)]
        body = [{"Datastream": {"@iot.id": one}, "phenomenonTime": at, "result": 1.5} for one in chosen]
        connection.request("POST", "/sta/v1.1/Observations", json.dumps(body), headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 201:
            raise SystemExit(f"readings were refused: {answer.status}")
        sent += BATCH
    return sent, time.perf_counter() - start


def _mqtt(target: Target, number: int, seconds: float) -> tuple[int, float]:
    """Publish readings one by one at the pace of this sender for so long."""
    url = urlsplit(target.broker)
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set("sensors", target.password)
    client.max_inflight_messages_set(200)
    client.connect(url.hostname, url.port)
    client.loop_start()
    sensors, sent, last, start = _ours(target, number), 0, None, time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        time.sleep(max(0.0, sent * SENDERS / GOAL - passed))
        told = json.dumps({"phenomenonTime": datetime.now(UTC).isoformat(), "result": 1.5})
        last = client.publish(f"v1.1/Datastreams({sensors[sent % len(sensors)]})/Observations", told, qos=1)
        sent += 1
    last.wait_for_publish(PATIENCE_S)
    took = time.perf_counter() - start
    client.disconnect()
    client.loop_stop()
    return sent, took
