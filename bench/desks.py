"""`python -m bench desks`: desks held live, how long from a commit until they are told, and what the process weighs.

The web and the live process run as `webgis serve` runs them. So many streams are opened through the web, each by a
person of its own, with counts, as a desk does; then cases are reported through the API, one after another, and every
desk notes when it hears of each.
"""

import contextlib
import http.client
import json
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import click

from bench import clients, report, scratch, web
from tests import city
from webgis import db
from webgis.accounts import operations as accounts
from webgis.db import Runtime

DESKS, CASES = 200, 100
PAUSE_S = 0.05
"""Between two reports: twenty a second is many times what a city of millions reports."""

GOAL_MS, GOAL_MB = 2000.0, 200.0
PATIENCE_S = 60.0


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row.")
@click.option("--desks", "wanted", default=DESKS, show_default=True, help="Streams that are held.")
@click.option("--cases", default=CASES, show_default=True, help="Cases that are reported meanwhile.")
def desks(as_json: bool, wanted: int, cases: int) -> None:
    """Desks held live: from commit to event, memory, and what it costs the web."""
    with ExitStack() as stack:
        engine = stack.enter_context(scratch.database())
        redis_url = stack.enter_context(scratch.redis())
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        db.upgrade(engine)
        runtime = scratch.runtime(engine, redis_url=redis_url, var_dir=Path(folder))
        keys = _people(runtime, wanted)
        environment = web.environment(runtime.settings.database, redis_url, folder)
        live = stack.enter_context(live_process(environment))
        port = stack.enter_context(web.running(web.OURS, environment))
        missed = report.show("desks", _rows(port, live, keys, cases), as_json, scratch.versions(engine))
        runtime.dispose()
    sys.exit(missed)


def _people(runtime: Runtime, wanted: int) -> list[str]:
    """The keys of so many dispatchers, and of the one who reports."""
    with runtime.transaction() as session:
        city.build(session)
        hashed = "INSERT INTO city.person (login, name, role, password_hash) VALUES (%s, %s, 'dispatcher', '-')"
        for number in range(wanted):
            db.call(session, f"{hashed} RETURNING id", f"desk{number}", f"desk{number}")
        return [accounts.make_key(session, f"desk{number}") for number in range(wanted)] + [
            accounts.make_key(session, "acceptor1")
        ]


@contextlib.contextmanager
def live_process(environment: dict[str, str]) -> Iterator[int]:
    """The live process, once it listens; its number."""
    command = [sys.executable, "-c", "from webgis.cli import main; main()", "live"]
    quiet = environment | {"WEBGIS_LOG_LEVEL": "info"}
    with subprocess.Popen(command, env=quiet, stderr=subprocess.PIPE) as process:
        process.stderr.readline()
        try:
            yield process.pid
        finally:
            process.terminate()


class Desk:
    """One open stream: what it has heard, and when."""

    def __init__(self, port: int, key: str, number: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.heard: dict[str, float] = {}
        self.rest = b""
        path = f"/live/events?tab=desk{number:08d}&counts=1"
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n".encode())

    def wait(self) -> None:
        """Read until the stream says hello."""
        while b"event: hello" not in self.rest:
            more = self.socket.recv(65536)
            if not more:
                raise SystemExit(f"a stream was not taken: {self.rest[:200]!r}")
            self.rest += more
        self.rest = b""
        self.socket.setblocking(False)

    def read(self) -> None:
        """Note what has come."""
        now = time.perf_counter()
        data = self.socket.recv(262144)
        if not data:
            raise SystemExit("a stream has ended")
        *events, self.rest = (self.rest + data).split(b"\n\n")
        for event in events:
            lines = dict(line.split(b": ", 1) for line in event.split(b"\n") if b": " in line)
            if lines.get(b"event") == b"case":
                self.heard.setdefault(json.loads(lines[b"data"])["number"], now)


def _rows(port: int, live: int, keys: list[str], cases: int) -> Iterator[report.Row]:
    alone = _memory_mb(live)
    start = time.perf_counter()
    held = [Desk(port, key, number) for number, key in enumerate(keys[:-1])]
    for desk in held:
        desk.wait()
    opened = (time.perf_counter() - start) * 1000 / len(held)
    reported, busy = _report(port, keys[-1], held, cases, live)
    delays = sorted((desk.heard[number] - at) * 1000 for desk in held for number, at in reported.items())
    what = f"{len(held)} desks, {len(delays):,} events, from the answer to a report until a desk hears"
    for name, value in (("median", statistics.median(delays)), ("p99", _at(delays, 0.99)), ("longest", delays[-1])):
        yield report.Row(f"{what}: {name}", value, GOAL_MS, GOAL_MS / value, 1.0, "ms", "goal")
    yield report.Row("events that were missed", cases * len(held) - len(delays), 0.0, 1.0, None, "", "none")
    whole = _memory_mb(live)
    what = f"memory of the live process with {len(held)} desks"
    yield report.Row(what, whole, GOAL_MB, GOAL_MB / whole, 1.0, "MB", "goal")
    yield report.Row("memory for each desk", (whole - alone) * 1024 / len(held), 0.0, 1.0, None, "KB", "none")
    yield report.Row("opening a stream through the web, one after another", opened, 0.0, 1.0, None, "ms", "none")
    yield report.Row("processor of the live process while cases come", busy * 100, 0.0, 1.0, None, "%", "none")


def _report(port: int, key: str, held: list[Desk], cases: int, live: int) -> tuple[dict[str, float], float]:
    """Report cases while the desks listen: when each was answered; and the share of a core that the process took."""
    chosen = selectors.DefaultSelector()
    for desk in held:
        chosen.register(desk.socket, selectors.EVENT_READ, desk)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    reported: dict[str, float] = {}
    began, used = time.perf_counter(), _seconds(live)
    for _ in range(cases):
        lon, lat = city.IN_WEST
        given = {"lon": lon, "lat": lat, "crs": "cgcs2000", "kind": "matter", "class": city.REFUSE}
        case = clients.ask(connection, "POST", "/api/v1/cases", given | {"description": "bench"}, key)
        reported[case["properties"]["number"]] = time.perf_counter()
        _hear(chosen, PAUSE_S)
    share = (_seconds(live) - used) / (time.perf_counter() - began)
    end = time.perf_counter() + PATIENCE_S
    while time.perf_counter() < end and any(len(desk.heard) < cases for desk in held):
        _hear(chosen, 0.2)
    return reported, share


def _hear(chosen: selectors.BaseSelector, seconds: float) -> None:
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        for found, _mask in chosen.select(left):
            found.data.read()


def _at(values: list[float], part: float) -> float:
    return values[min(len(values) - 1, int(part * len(values)))]


def _memory_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _seconds(pid: int) -> float:
    """Seconds of a processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
