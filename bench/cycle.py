"""`python -m bench cycle`: cases from report to close over HTTP, in a city with few cases and in one with many.

Eight clients at once each take cases through report, file, dispatch, receive, resolve, verify and close: seven requests
with their checks, duplicates looked for, a department chosen, rows locked, history chained. Each size has a database
and a server of its own; they are measured in turns, so that what else the machine does meets all alike, and the median
counts. The floor is the same server with a Flask view that does one INSERT and commits; seven of its requests are one
cycle. Clients, server and PostgreSQL share the machine's cores.
"""

import contextlib
import http.client
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy import Engine, text

from bench import clients, report, scratch, web
from bench.clients import CLIENTS, STEPS, Town
from webgis import db
from webgis.accounts import operations as accounts
from webgis.cases import duplicates
from webgis.db import Runtime
from webgis.demo import filling, loading

CLASS = "06010"
PLACES = 2000
ROUNDS = 3
SAMPLES = 300
GOAL_RATE, GOAL_RATIO = 60.0, 0.9
DIGIT = 6.3
"""Full cycles a second with 1,006,743 complaints on 16 virtual processors, as published for DIGIT's PGR (eGovernments
Foundation; repository "digit-load-tests", findings of March 2026: 37 with an empty table). A cycle there is four
requests: create, assign, resolve, search. Not measured here."""


@dataclass
class City:
    """A database with so many cases, what clients know of it, its server's port, and what was measured."""

    cases: int
    runtime: Runtime
    town: Town
    port: int
    rates: list[float] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def rate(self) -> float:
        return statistics.median(self.rates)

    def p95_ms(self, what: str) -> float:
        return statistics.quantiles(self.seconds[what], n=20)[-1] * 1000


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row.")
@click.option("--cases", "sizes", default="10000,1000000", show_default=True, help="Sizes, smallest first.")
@click.option("--open", "opened", type=int, help="Open cases of each; a hundredth when left out.")
@click.option("--cycles", default=40, show_default=True, help="Cycles of each client in a round.")
def cycle(as_json: bool, sizes: str, opened: int | None, cycles: int) -> None:
    """Take cases from report to close with 8 clients, in cities of several sizes and beside the server's floor."""
    with contextlib.ExitStack() as stack:
        base, cities, floor = _cities(stack, [int(size) for size in sizes.split(",")], opened)
        floors: list[float] = []
        for number in range(ROUNDS):
            floors.append(clients.measure(floor, None, cycles, number).rate)
            for one in cities:
                _round(one, cycles, number)
        for one in cities:
            _pages(one)
            _duplicates(one)
        sys.exit(report.show("cycle", _rows(cities, statistics.median(floors)), as_json, scratch.versions(base)))


def _cities(stack: contextlib.ExitStack, sizes: Sequence[int], opened: int | None) -> tuple[Engine, list[City], int]:
    """The demo city without cases, its copies with them and their servers, and the port of the floor."""
    redis_url = stack.enter_context(scratch.redis())
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    base = stack.enter_context(scratch.database())
    db.upgrade(base)
    own = {"redis_url": redis_url, "var_dir": folder, "secret_key": "for the bench only"}
    runtime = scratch.runtime(base, **own)
    loading.load(runtime, count=0, quiet=True)
    town = town_of(runtime)
    with runtime.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE public.floor (id bigserial PRIMARY KEY, body text)")
    runtime.dispose()
    cities = []
    for size in sizes:
        runtime = scratch.runtime(stack.enter_context(scratch.database(base)), **own)
        stack.callback(runtime.dispose)
        filled = filling.fill(runtime, size, open_cases=opened)
        click.echo(f"{filled.cases:,} cases, {filled.open:,} of them open, made in {filled.seconds:.0f} s", err=True)
        environment = web.environment(runtime.settings.database, redis_url, str(folder))
        cities.append(City(size, runtime, town, stack.enter_context(web.running(web.OURS, environment))))
    environment = web.environment(scratch.runtime(base).settings.database, redis_url, str(folder))
    floor = stack.enter_context(web.running(web.FLOOR, environment))
    with cities[-1].runtime.reading() as connection:
        connection.exec_driver_sql("CHECKPOINT")
    return base, cities, floor


def town_of(runtime: Runtime) -> Town:
    """What clients need to know of this city; every account gets a key."""
    with runtime.transaction() as session:
        rows = session.execute(text("SELECT login, department_code FROM city.person WHERE active")).all()
        keys = {row.login: accounts.make_key(session, row.login) for row in rows}
        cells = session.execute(
            text(
                "SELECT ST_X(p), ST_Y(p) FROM (SELECT code, ST_PointOnSurface(geom) AS p FROM city.cell"
                " WHERE upper_inf(valid) ORDER BY md5(code) LIMIT :most) AS c ORDER BY code"
            ),
            {"most": PLACES},
        )
        departments = {row.department_code: row.login for row in rows if row.department_code}
        return Town(keys, departments, [tuple(cell) for cell in cells], CLASS)


def _round(one: City, cycles: int, number: int) -> None:
    measured = clients.measure(one.port, one.town, cycles, number)
    one.rates.append(measured.rate)
    one.seconds.setdefault("report", []).extend(measured.reports)


def _pages(one: City) -> None:
    """Pages of queues, by what is due first, as those who work from them ask for them; one client."""
    connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=60)
    department = next(iter(one.town.departments.values()))
    asked = (
        ("acceptor1", "state=reported,verified"),
        ("dispatcher1", "state=filed,resolved"),
        (department, "state=dispatched,handling"),
    )

    def page(number: int) -> None:
        login, query = asked[number % len(asked)]
        clients.ask(connection, "GET", f"/api/v1/cases?order=due&limit=50&{query}", key=one.town.keys[login])

    one.seconds["page"] = _timed(page)
    connection.close()


def _duplicates(one: City) -> None:
    """The search for duplicates as a report makes it, at places in busy cells; one session."""
    rng = random.Random(filling.SEED)
    with one.runtime.transaction() as session:
        places = session.execute(
            text("SELECT ST_X(geom), ST_Y(geom) FROM city.case ORDER BY reported_at DESC LIMIT 1000")
        ).all()

        def search(_number: int) -> None:
            lon, lat = rng.choice(places)
            given = {"kind": "matter", "class_code": CLASS, "lon": lon, "lat": lat, "description": "暴露垃圾"}
            duplicates.candidates(session, at=datetime.now(UTC), **given)

        one.seconds["duplicates"] = _timed(search)


def _timed(act: Callable[[int], None]) -> list[float]:
    """Seconds of each of `SAMPLES` calls, after some that do not count."""
    taken = []
    for number in range(-20, SAMPLES):
        start = time.perf_counter()
        act(number)
        taken.append(time.perf_counter() - start)
    return taken[20:]


def _rows(cities: Sequence[City], floor: float) -> Iterator[report.Row]:
    small, large = cities[0], cities[-1]
    for one in cities:
        what = f"full cycles of {STEPS} steps, {CLIENTS} clients, {one.cases:,} cases / floor: {STEPS} INSERTs each"
        yield report.Row(what, one.rate(), floor, one.rate() / floor, None, "cycles/s", "floor")
    what = f"full cycles with {large.cases:,} cases / goal"
    yield report.Row(what, large.rate(), GOAL_RATE, large.rate() / GOAL_RATE, 1.0, "cycles/s", "goal")
    what = f"full cycles with {large.cases:,} cases / DIGIT as published, 16 vCPU, 1,006,743 cases"
    yield report.Row(what, large.rate(), DIGIT, large.rate() / DIGIT, None, "cycles/s", "published")
    if small is large:
        return
    ratio = large.rate() / small.rate()
    what = f"full cycles with {large.cases:,} cases / with {small.cases:,}"
    yield report.Row(what, large.rate(), small.rate(), ratio, GOAL_RATIO, "cycles/s", "smaller")
    for name, what in (
        ("report", f"report (intake), p95, {CLIENTS} clients"),
        ("page", "queue page of 50 by what is due, p95, one client"),
        ("duplicates", "search for duplicates, p95, one session"),
    ):
        ours, less = large.p95_ms(name), small.p95_ms(name)
        what = f"{what}: {large.cases:,} cases / {small.cases:,}"
        yield report.Row(what, ours, less, less / ours, None, "ms", "smaller")
