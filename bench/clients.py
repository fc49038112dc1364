"""Clients of a benchmark: processes that send requests at once. The standard library alone, so that they start quickly.

Each takes cases through their cycle: report, file, dispatch, receive, resolve, verify, close.
"""

import http.client
import json
import multiprocessing
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

CLIENTS = 8
STEPS = 7
WARM_UP = 10
"""Cycles of each client before the clock runs: every connection of the server has its plans then."""


@dataclass(frozen=True)
class Town:
    """What clients need to know of a city: API keys by login, the login of each department, places in cells (CGCS2000),
    and a class."""

    keys: Mapping[str, str] = field(default_factory=dict)
    departments: Mapping[str, str] = field(default_factory=dict)
    places: Sequence[tuple[float, float]] = ()
    class_code: str = ""


@dataclass(frozen=True)
class Measured:
    """Cycles a second of all clients together, and the seconds that each report took."""

    rate: float
    reports: list[float]


def measure(port: int, town: Town | None, cycles: int, seed: int) -> Measured:
    """Let `CLIENTS` clients do `cycles` cycles each at once; without a town the floor's, `STEPS` requests each."""
    processes = multiprocessing.get_context("spawn")
    barrier, answers = processes.Barrier(CLIENTS + 1), processes.SimpleQueue()
    running = [
        processes.Process(target=_run, args=(port, town, cycles, f"{seed}-{number}", barrier, answers))
        for number in range(CLIENTS)
    ]
    for process in running:
        process.start()
    barrier.wait()
    start = time.perf_counter()
    barrier.wait()
    taken = time.perf_counter() - start
    reports = [second for _client in running for second in answers.get()]
    for process in running:
        process.join()
    return Measured(CLIENTS * cycles / taken, reports)


def _run(port: int, town: Town | None, cycles: int, seed: str, barrier, answers) -> None:
    rng, reports = random.Random(seed), []
    try:
        for _ in range(WARM_UP):
            _once(port, town, rng)
        barrier.wait()
        for _ in range(cycles):
            reports.append(_once(port, town, rng))
        barrier.wait()
    except BaseException:
        barrier.abort()
        raise
    answers.put(reports)


def _once(port: int, town: Town | None, rng: random.Random) -> float:
    """One cycle on a connection of its own: kept ones would all stay with the worker that took them first."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        return _floor(connection) if town is None else cycle(connection, town, rng)
    finally:
        connection.close()


def _floor(connection: http.client.HTTPConnection) -> float:
    for number in range(STEPS):
        ask(connection, "POST", "/", {"number": number})
    return 0.0


def cycle(connection: http.client.HTTPConnection, town: Town, rng: random.Random) -> float:
    """Take one case from report to close; the seconds of the report."""
    lon, lat = rng.choice(town.places)
    given = {"lon": lon, "lat": lat, "crs": "cgcs2000", "kind": "matter", "class": town.class_code}
    start = time.perf_counter()
    case = ask(connection, "POST", "/api/v1/cases", given | {"description": "暴露垃圾"}, town.keys["acceptor1"])
    taken = time.perf_counter() - start

    def act(login: str, action: str, step: dict) -> dict:
        path = f"/api/v1/cases/{case['properties']['number']}/actions/{action}"
        return ask(connection, "POST", path, step, town.keys[login])

    act("acceptor1", "file", {"condition": case["properties"]["conditions"][0]["id"]})
    dispatched = act("dispatcher1", "dispatch", {"department": "auto"})
    department = town.departments[dispatched["properties"]["department"]]
    act(department, "receive", {})
    act(department, "resolve", {"note": "已清理"})
    act("inspector1", "verify", {"result": "pass", "lon": lon, "lat": lat, "crs": "cgcs2000"})
    act("acceptor1", "close", {})
    return taken


def ask(connection: http.client.HTTPConnection, method: str, path: str, given: dict | None = None, key: str = ""):
    """Send a request and read its JSON. A likely duplicate is reported all the same."""
    headers = {"Content-Type": "application/json", "X-Acknowledge-Duplicate": "true"}
    headers |= {"Authorization": f"Bearer {key}"} if key else {}
    connection.request(method, path, None if given is None else json.dumps(given), headers)
    response = connection.getresponse()
    body = response.read()
    if response.status >= 300:
        raise RuntimeError(f"{path}: {response.status} {body[:500]!r}")
    return json.loads(body)
