"""`python -m bench cycle`: cases from report to close over HTTP, beside the least that the same server could do.

Eight clients at once each take cases through report, file, dispatch, receive, resolve, verify and close: seven requests
with their checks, rows locked, history written. The floor is the same server (gunicorn, gthread, same workers and
threads) with a Flask view that does one INSERT by psycopg2 and commits; seven of its requests are one cycle. Clients,
server and PostgreSQL share the machine's cores.
"""

import contextlib
import http.client
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from sqlalchemy import Engine

from bench import report, scratch
from tests import city
from webgis import db
from webgis.accounts import operations as accounts
from webgis.db import Runtime
from webgis.settings import Settings

CLIENTS = 8
WORKERS, THREADS = 2, 8
STEPS = 7
WARM_UP = 5
PEOPLE = ("acceptor1", "dispatcher1", "sanitation1", "inspector1")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row.")
@click.option("--cycles", default=40, show_default=True, help="Cycles of each client.")
def cycle(as_json: bool, cycles: int) -> None:
    """Take cases from report to close with 8 clients, beside one INSERT per request on the same server."""
    with scratch.database() as engine, scratch.redis() as redis_url, tempfile.TemporaryDirectory() as folder:
        keys = _prepare(engine)
        address = engine.url.render_as_string(hide_password=False)
        environment = _environment(address, redis_url, folder)
        rows = _rows(environment, keys, cycles)
        sys.exit(report.show("cycle", rows, as_json, scratch.versions(engine)))


def _prepare(engine: Engine) -> dict[str, str]:
    """The schema, a small city, the floor's table; returns API keys by login."""
    db.upgrade(engine)
    runtime = Runtime(Settings(database_url=engine.url.render_as_string(hide_password=False)))
    with runtime.transaction() as session:
        city.build(session)
        keys = {login: accounts.make_key(session, login) for login in PEOPLE}
    with runtime.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE public.floor (id bigserial PRIMARY KEY, body text)")
    runtime.engine.dispose()
    return keys


def _environment(database_url: str, redis_url: str, folder: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WEBGIS_")}
    return kept | {
        "WEBGIS_DATABASE_URL": database_url,
        "WEBGIS_REDIS_URL": redis_url,
        "WEBGIS_VAR_DIR": folder,
        "WEBGIS_LOG_LEVEL": "warning",
        "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
    }


def _rows(environment: dict[str, str], keys: dict[str, str], cycles: int) -> Iterator[report.Row]:
    with _server("bench.floor:create_app()", environment) as port:
        floor = _rate(_floor_client, port, {}, cycles)
    with _server("webgis.app:create_app()", environment) as port:
        ours = _rate(_cycle_client, port, keys, cycles)
    what = f"full cycles of {STEPS} steps, {CLIENTS} clients; floor: {STEPS} requests with one INSERT each"
    yield report.Row(what, ours, floor, ours / floor, None, "cycles/s", "floor")


@contextlib.contextmanager
def _server(application: str, environment: dict[str, str]) -> Iterator[int]:
    """gunicorn on a free port of the loopback; its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["-k", "gthread", "-w", str(WORKERS), "--threads", str(THREADS), "-b", f"127.0.0.1:{port}"]
    command = [sys.executable, "-m", "gunicorn", *options, "--log-level", "error", application]
    server = subprocess.Popen(command, env=environment)
    try:
        _wait(port, server)
        yield port
    finally:
        server.terminate()
        server.wait()


def _wait(port: int, server: subprocess.Popen) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise SystemExit("the server did not start")


def _rate(client: Callable, port: int, keys: dict[str, str], cycles: int) -> float:
    """Cycles a second of all clients together, after a warm-up."""
    processes = multiprocessing.get_context("spawn")
    barrier = processes.Barrier(CLIENTS + 1)
    running = [
        processes.Process(target=_run, args=(client, port, keys, cycles, number, barrier)) for number in range(CLIENTS)
    ]
    for process in running:
        process.start()
    barrier.wait()
    start = time.perf_counter()
    barrier.wait()
    taken = time.perf_counter() - start
    for process in running:
        process.join()
    if any(process.exitcode for process in running):
        raise SystemExit("a client failed")
    return CLIENTS * cycles / taken


def _run(client: Callable, port: int, keys: dict[str, str], cycles: int, number: int, barrier) -> None:
    try:
        for _ in range(WARM_UP):
            _once(client, port, keys, number)
        barrier.wait()
        for _ in range(cycles):
            _once(client, port, keys, number)
        barrier.wait()
    except BaseException:
        barrier.abort()
        raise


def _once(client: Callable, port: int, keys: dict[str, str], number: int) -> None:
    """One cycle on a connection of its own: kept ones would all stay with the worker that took them first."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        client(connection, keys, number)
    finally:
        connection.close()


def _post(connection: http.client.HTTPConnection, path: str, given: dict, key: str = "") -> dict:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    connection.request("POST", path, json.dumps(given), headers)
    response = connection.getresponse()
    body = response.read()
    if response.status >= 300:
        raise RuntimeError(f"{path}: {response.status} {body[:500]!r}")
    return json.loads(body)


def _floor_client(connection: http.client.HTTPConnection, keys: dict[str, str], number: int) -> None:
    for _ in range(STEPS):
        _post(connection, "/", {"number": number})


def _cycle_client(connection: http.client.HTTPConnection, keys: dict[str, str], number: int) -> None:
    lon, lat = city.IN_WEST if number % 2 else city.IN_EAST
    given = {"lon": lon, "lat": lat, "kind": "matter", "class": city.REFUSE, "description": "暴露垃圾"}
    case = _post(connection, "/api/v1/cases", given, keys["acceptor1"])["properties"]
    condition = case["conditions"][0]["id"]
    for login, action, step in (
        ("acceptor1", "file", {"condition": condition}),
        ("dispatcher1", "dispatch", {"department": "510104-sanitation"}),
        ("sanitation1", "receive", {}),
        ("sanitation1", "resolve", {"note": "已清理"}),
        ("inspector1", "verify", {"result": "pass"}),
        ("acceptor1", "close", {}),
    ):
        _post(connection, f"/api/v1/cases/{case['number']}/actions/{action}", step, keys[login])
