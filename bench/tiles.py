"""`python -m bench tiles`: tiles of cases over HTTP, cold and warm, beside bare ST_AsMVT in psycopg2 and beside tipg.

300 seeded tiles, 30 of each zoom from 8 to 17, each around a case, so that busy places are asked for most. All draw the
same cases: ST_AsMVT and tipg every single one (tipg's limit of features is lifted, for a tile cut short is no answer),
ours counts where they are many. A cold tile is in no cache; each is asked of all in turns.
"""

import http.client
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from math import asinh, floor, pi, radians, tan
from pathlib import Path

import click
import psycopg2
from redis import Redis
from sqlalchemy import make_url

from bench import peers, report, scratch, web
from webgis import db, settings
from webgis.accounts import operations as accounts
from webgis.db import Runtime
from webgis.demo import filling, loading
from webgis.maps import rollups

CASES = 1_000_000
SEED = 20261122
ZOOMS = range(8, 18)
LOW, HIGH = range(8, 13), range(13, 18)
EACH = 30
PATIENCE_S = 30.0
"""Seconds for the tiles of one zoom; a way that has taken longer is asked for no more of them."""

GOAL_WARM_MS, GOAL_LOW, GOAL_HIGH = 20.0, 10.0, 1 / 1.2
HEAVIEST = 500_000
BARE = """
    SELECT ST_AsMVT(t, 'cases', 4096, 'geom') FROM (
        SELECT c.number, c.state, c.kind, c.class_code,
               ST_AsMVTGeom(ST_Transform(c.geom, 3857), ST_TileEnvelope(%(z)s, %(x)s, %(y)s), 4096, 64, true) AS geom
        FROM city.case c
        WHERE c.geom && ST_Transform(ST_TileEnvelope(%(z)s, %(x)s, %(y)s), 4490)) t
"""
_PLACES = "SELECT ST_X(c.geom) AS lon, ST_Y(c.geom) AS lat FROM city.case c"
_SOMEBODY = "SELECT login FROM city.person WHERE role = %s AND area_code IS NULL AND active ORDER BY id LIMIT 1"

Tile = tuple[int, int, int]
Seconds = dict[int, list[float]]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row.")
@click.option("--cases", default=CASES, show_default=True, help="Cases that are made.")
@click.option("--city", is_flag=True, help="Ask the city of WEBGIS_DATABASE_URL; keys and ten cases are added to it.")
@click.option("--each", default=EACH, show_default=True, help="Tiles of each zoom.")
def tiles(as_json: bool, cases: int, city: bool, each: int) -> None:
    """Tiles of cases beside bare ST_AsMVT and tipg."""
    with ExitStack() as stack:
        redis_url = stack.enter_context(scratch.redis())
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        if city:
            runtime = Runtime(settings.load())
        else:
            engine = stack.enter_context(scratch.database())
            runtime = scratch.runtime(engine, redis_url=redis_url, var_dir=Path(folder))
            _fill(runtime, cases)
        address = runtime.settings.database
        port = stack.enter_context(web.running(web.OURS, web.environment(address, redis_url, folder)))
        tipg = stack.enter_context(peers.tipg(address))
        rows = _rows(_Ours(runtime, port, redis_url), runtime, tipg, each)
        missed = report.show("tiles", rows, as_json, scratch.versions(runtime.engine))
        runtime.dispose()
    sys.exit(missed)


def _fill(runtime: Runtime, cases: int) -> None:
    db.upgrade(runtime.engine)
    loading.load(runtime, count=0, quiet=True)
    filling.fill(runtime, cases, beside=lambda: rollups.fill(runtime.engine))
    with runtime.reading() as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


def _tiles(runtime: Runtime, each: int) -> dict[int, list[Tile]]:
    rng = random.Random(SEED)
    ((first, last),) = runtime.ask("SELECT min(id), max(id) FROM city.case")
    ids = [rng.randint(first, last) for _ in range(len(ZOOMS) * each * 2)]
    places = runtime.ask(f"{_PLACES} WHERE c.id = ANY(%s) ORDER BY c.id", ids)
    rng.shuffle(places)
    return {z: [_tile(z, *place) for place in places[n * each : (n + 1) * each]] for n, z in enumerate(ZOOMS)}


def _tile(z: int, lon: float, lat: float) -> Tile:
    return z, floor((lon + 180) / 360 * 2**z), floor((1 - asinh(tan(radians(lat))) / pi) / 2 * 2**z)


class _Ours:
    """Our server, asked by people who see the whole city."""

    def __init__(self, runtime: Runtime, port: int, redis_url: str) -> None:
        self.runtime, self.redis, self.port = runtime, Redis.from_url(redis_url), port
        with runtime.transaction() as session:
            self.reader, self.reporter = (
                accounts.make_key(session, db.call(session, _SOMEBODY, role)[0].login)
                for role in ("manager", "acceptor")
            )
        self.tags: dict[Tile, str] = {}
        self.heaviest = 1

    def get(self, tile: Tile, **headers: str) -> bytes:
        """A tile as it comes."""
        headers |= {"Authorization": f"Bearer {self.reader}", "Accept-Encoding": "gzip"}
        answer, body = _get(self.port, "/tiles/cases/{}/{}/{}.mvt".format(*tile), headers)
        self.tags[tile] = answer.headers["ETag"]
        self.heaviest = max(self.heaviest, len(body))
        return body

    def again(self, tile: Tile) -> bytes:
        """A tile that the browser has."""
        return self.get(tile, **{"If-None-Match": self.tags[tile]})

    def forget(self) -> None:
        """Empty the cache."""
        for key in self.redis.scan_iter("webgis:tile:*", count=10_000):
            self.redis.delete(key)

    def freshness_ms(self) -> float:
        """From the answer to a report until the tile of its place is another: median of ten."""
        (place,) = self.runtime.ask(f"{_PLACES} JOIN city.cell g ON g.id = c.cell_id AND upper_inf(g.valid) LIMIT 1")
        tile, taken = _tile(10, *place), []
        for _ in range(10):
            before = self.get(tile)
            self._report(place.lon, place.lat)
            start = time.perf_counter()
            while self.get(tile) == before:
                if time.perf_counter() - start > PATIENCE_S:
                    raise SystemExit("a report does not come onto its tile")
            taken.append(time.perf_counter() - start)
        return statistics.median(taken) * 1000

    def _report(self, lon: float, lat: float) -> None:
        given = {"lon": lon, "lat": lat, "crs": "cgcs2000", "kind": "matter", "class": "06010", "description": "bench"}
        headers = {"Authorization": f"Bearer {self.reporter}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", "/api/v1/cases", json.dumps(given), headers | {"X-Acknowledge-Duplicate": "true"})
        answer = connection.getresponse()
        if answer.status != 201:
            raise SystemExit(f"report: {answer.status} {answer.read()[:300]!r}")
        connection.close()


def _get(port: int, path: str, headers: dict[str, str]) -> tuple[http.client.HTTPResponse, bytes]:
    """On a connection of its own: while another is measured, a server would close a kept one."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status not in (200, 204, 304):
        raise SystemExit(f"{path}: {answer.status} {body[:300]!r}")
    return answer, body


def _bare(runtime: Runtime) -> Callable[[Tile], bytes]:
    url = make_url(runtime.settings.database).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg2.connect(url)
    connection.autocommit = True

    def ask(tile: Tile) -> bytes:
        with connection.cursor() as cursor:
            cursor.execute(BARE, dict(zip("zxy", tile, strict=True)))
            return bytes(cursor.fetchone()[0])

    return ask


def _rows(ours: _Ours, runtime: Runtime, tipg: int | None, each: int) -> Iterator[report.Row]:
    chosen = _tiles(runtime, each)
    ways: dict[str, Callable[[Tile], object]] = {"cold": ours.get, "bare": _bare(runtime)}
    if tipg is not None:
        path = "/collections/city.case/tiles/WebMercatorQuad/{}/{}/{}?properties=number,state,kind,class_code"
        ways["tipg"] = lambda one: _get(tipg, path.format(*one), {"Accept-Encoding": "gzip"})
    taken = _in_turns(ways, chosen, ours.forget)
    for name, ask in (("warm", ours.get), ("again", ours.again)):
        taken[name] = {
            z: [_timed(ask, one) for _ in range(2) for one in some][len(some) :] for z, some in chosen.items()
        }
    yield from _compared(taken)
    heaviest = ours.heaviest / 1000
    yield report.Row("heaviest tile, gzipped", heaviest, HEAVIEST / 1000, HEAVIEST / 1000 / heaviest, 1.0, "kB", "goal")
    fresh = ours.freshness_ms()
    yield report.Row("from a commit until its tile is there", fresh, 2000.0, 2000 / fresh, 1.0, "ms", "goal")
    yield report.Row("memory of the server", web.memory_mb(ours.port), 0.0, 1.0, None, "MB", "none")


def _in_turns(
    ways: dict[str, Callable[[Tile], object]], chosen: dict[int, Sequence[Tile]], forget: Callable[[], None]
) -> dict[str, Seconds]:
    """Seconds of every tile by every way, one after another. Connections are used before the clock runs: a new one of
    PostgreSQL first loads what it projects with."""
    taken: dict[str, Seconds] = {name: {z: [] for z in chosen} for name in ways}
    for ask in ways.values():
        for one in chosen[max(chosen)] * 2:
            ask(one)
    for z, some in chosen.items():
        for one in some:
            forget()
            for name, ask in ways.items():
                if sum(taken[name][z]) < PATIENCE_S:
                    taken[name][z].append(_timed(ask, one))
        told = ", ".join(f"{name} {_p95(seconds, [z]):,.1f} ms" for name, seconds in taken.items())
        click.echo(f"z{z} p95: {told}", err=True)
    return taken


def _timed(ask: Callable[[Tile], object], tile: Tile) -> float:
    start = time.perf_counter()
    ask(tile)
    return time.perf_counter() - start


def _p95(seconds: Seconds, zooms: Sequence[int]) -> float:
    """95th percentile of all tiles of these zooms, in milliseconds."""
    taken = sorted(second for z in zooms for second in seconds[z])
    return taken[max(0, round(0.95 * len(taken)) - 1)] * 1000


def _compared(taken: dict[str, Seconds]) -> Iterator[report.Row]:
    cold = taken["cold"]
    goals = {"tipg": (GOAL_LOW, None), "bare": (None, GOAL_HIGH)}
    for name in ("tipg", "bare"):
        if name in taken:
            for zooms, goal in zip((LOW, HIGH), goals[name], strict=True):
                ours, theirs = _p95(cold, zooms), _p95(taken[name], zooms)
                what = f"cold, p95, z{zooms[0]} to z{zooms[-1]} / {peers.WORDS[name]}"
                yield report.Row(what, ours, theirs, theirs / ours, goal, "ms", name)
    for name, words in (("warm", "from the cache"), ("again", "not modified (304)")):
        ours = _p95(taken[name], ZOOMS)
        yield report.Row(f"{words}, p95, all zooms", ours, GOAL_WARM_MS, GOAL_WARM_MS / ours, 1.0, "ms", "goal")
    beside = "tipg" if "tipg" in taken else "bare"
    for z in ZOOMS:
        ours, theirs = _p95(cold, [z]), _p95(taken[beside], [z])
        yield report.Row(f"cold, p95, z{z} / {peers.WORDS[beside]}", ours, theirs, theirs / ours, None, "ms", beside)
