"""`python -m bench components`: finding components in a register of half a million, beside fetching one by its key.

The demo city's five districts with made-up components (`webgis.demo.components`, seeded). Places are those of random
components, so that busy streets are asked for most. The searches and the floor, one row by its primary key through the
same session, take turns, so that what else the machine does meets all alike. A sequential scan of the register is an
error.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
from sqlalchemy import text
from sqlalchemy.orm import Session

from bench import report, scratch
from webgis import db
from webgis.catalog import component_queries
from webgis.catalog import components as register
from webgis.catalog.component_queries import Filters
from webgis.db import Runtime
from webgis.demo import components as generator
from webgis.demo import loading

COUNT = 500_000
SEED = 20261122
SAMPLES = 500
WARM_UP = 20
PAGE = 100
"""Components on a page of a cell's list, which is as many as most cells have."""

_FLOOR = text("SELECT code, class_code, state, cell_code FROM city.component WHERE code = :code")
_ASKED = text(
    "SELECT code, class_code, cell_code, ST_X(p) AS lon, ST_Y(p) AS lat"
    " FROM (SELECT code, class_code, cell_code, fn.component_place(geom) AS p FROM city.component"
    "       ORDER BY md5(code) LIMIT :most) AS c ORDER BY md5(code)"
)
_SCANS = text("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'component'")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row.")
@click.option("--count", default=COUNT, show_default=True, help="Components in the register.")
def components(as_json: bool, count: int) -> None:
    """Search the register near a place and within a cell, beside one row by its primary key."""
    with scratch.database() as engine, scratch.redis() as redis_url, tempfile.TemporaryDirectory() as folder:
        runtime = scratch.runtime(engine, redis_url=redis_url, var_dir=Path(folder))
        db.upgrade(engine)
        loading.load(runtime, count=0, quiet=True)
        taken = _fill(runtime, count)
        click.echo(f"{count:,} components, the last {count - generator.COUNT:,} made in {taken:.0f} s", err=True)
        with runtime.transaction() as session:
            seconds = _measure(session)
        runtime.dispose()
        sys.exit(report.show("components", _rows(seconds, count), as_json, scratch.versions(engine)))


def _fill(runtime: Runtime, count: int) -> float:
    start = time.perf_counter()
    with runtime.transaction() as session:
        generator.generate(session, (runtime.settings.city_code,), count - generator.COUNT, SEED)
    taken = time.perf_counter() - start
    with runtime.reading() as connection:
        connection.exec_driver_sql("VACUUM ANALYZE city.component")
    return taken


def _measure(session: Session) -> dict[str, list[float]]:
    """Seconds of each call of each search, by its name; the floor's name is "key"."""
    asked = session.execute(_ASKED, {"most": WARM_UP + SAMPLES}).all()
    scans = session.scalar(_SCANS)
    searches: dict[str, Callable] = {
        "key": lambda one: session.execute(_FLOOR, {"code": one.code}).one(),
        "the 10 nearest": lambda one: register.near(session, one.lon, one.lat),
        "the 10 nearest of a class": lambda one: register.near(session, one.lon, one.lat, one.class_code),
        "those of a cell": lambda one: component_queries.listed(session, Filters(cell=one.cell_code), limit=PAGE),
    }
    seconds: dict[str, list[float]] = {name: [] for name in searches}
    for one in asked:
        for name, search in searches.items():
            start = time.perf_counter()
            search(one)
            seconds[name].append(time.perf_counter() - start)
    if session.scalar(_SCANS) != scans:
        raise SystemExit("a search read the register from end to end")
    return {name: taken[WARM_UP:] for name, taken in seconds.items()}


def _rows(seconds: dict[str, list[float]], count: int) -> Iterator[report.Row]:
    floor = seconds.pop("key")
    for name, taken in seconds.items():
        for share, ours, least in (("p50", *_at(50, taken, floor)), ("p95", *_at(95, taken, floor))):
            what = f"{name}, {share}, {count:,} components / one by its primary key"
            yield report.Row(what, ours, least, least / ours, None, "ms", "floor")


def _at(percent: int, *samples: Sequence[float]) -> tuple[float, ...]:
    """That percentile of each, in milliseconds."""
    return tuple(statistics.quantiles(taken, n=100)[percent - 1] * 1000 for taken in samples)
