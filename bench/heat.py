"""`python -m bench heat`: counts by level of zoom, span and class beside the plain GROUP BY over the cases.

Both answer the same questions on the same tables in turns, and their sums must agree: views lie where cases are, spans
end on random days of the last year. Millions of cases take a while to make: `--city` asks a city that is there.
"""

import random
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import click
from sqlalchemy import Connection, text

from bench import report, scratch
from webgis import db, settings
from webgis.db import Runtime
from webgis.demo import grow

CASES, CELLS = 1_000_000, 150_000
SEED = 20261122
ASKED = 20
"""Questions of each kind to ours; the plain GROUP BY gets as many as its patience allows, at least three."""

PATIENCE_S = 4.0
SPANS = {"1 d": 1, "7 d": 7, "30 d": 30, "90 d": 90, "1 y": 365, "all": None}
LONG = ("1 y", "all")
GOAL_LONG, GOAL_SHORT, GOAL_MS = 20.0, 1.0, 100.0


class Level(NamedTuple):
    """What a zoom reads: ours, the plain columns of its places, and the degrees that a view of it is wide and high."""

    name: str
    ours: str
    place: str
    wide: float | None
    high: float | None


_BOX = "%(west)s, %(south)s, %(east)s, %(north)s"
_ASKED = "%(since)s::date, %(until)s::date, NULL, %(class)s, NULL"
_COLUMN = "floor((ST_X(c.geom) + 180) / 360 * {n})"
_LINE = "floor((1 - asinh(tan(radians(ST_Y(c.geom)))) / pi()) / 2 * {n})"


def _bins(name: str, level: int, wide: float | None, high: float | None) -> Level:
    place = f"{_COLUMN}, {_LINE}".format(n=1 << level)
    return Level(name, f"fn.counted_bins({level}, {_BOX}, {_ASKED})", place, wide, high)


LEVELS = (
    _bins("z9, 2 km bins, whole city", 14, None, None),
    _bins("z10, 500 m bins, whole city", 16, None, None),
    _bins("z12, 500 m bins, a tile", 16, 360 / 2**12, 0.0755),
    Level(
        "subdistricts, whole city",
        "fn.counted_areas('subdistrict', NULL, %(since)s::date, %(until)s::date, NULL, %(class)s)",
        "left(c.cell_code, 9)",
        None,
        None,
    ),
    Level("z13, cells, a tile", f"fn.counted_cells({_BOX}, {_ASKED})", "c.cell_id", 360 / 2**13, 0.0378),
    Level("z15, cells, a screen", f"fn.counted_cells({_BOX}, {_ASKED})", "c.cell_id", 0.055, 0.03),
)

_PLAIN = """
    SELECT {place}, count(*), count(*) FILTER (WHERE c.outcome IS NULL), count(*) FILTER (WHERE c.outcome = 'closed'),
           count(*) FILTER (WHERE c.outcome = 'closed' AND (c.deadline_at IS NULL OR c.resolved_at <= c.deadline_at))
    FROM city.case c WHERE {where} GROUP BY {place}
"""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row.")
@click.option("--cases", default=CASES, show_default=True, help="Cases that are made.")
@click.option("--cells", default=CELLS, show_default=True, help="Cells of the city that is made, about.")
@click.option("--city", is_flag=True, help="Ask the city that WEBGIS_DATABASE_URL names; nothing is made.")
@click.option("--asked", default=ASKED, show_default=True, help="Questions of each kind.")
def heat(as_json: bool, cases: int, cells: int, city: bool, asked: int) -> None:
    """Read counts for maps beside the plain GROUP BY over the cases."""
    if city:
        runtime = Runtime(settings.load())
        sys.exit(_show(runtime, as_json, asked))
    with scratch.database() as engine:
        runtime = scratch.runtime(engine)
        db.upgrade(engine)
        made = grow.grow(runtime, cases=cases, cells=cells, components_=0)
        click.echo(f"{made.cases:,} cases and {made.cells:,} cells made in {made.seconds:.0f} s", err=True)
        with runtime.reading() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE city.day_count, city.bin_count, city.cell_count")
        missed = _show(runtime, as_json, asked)
        runtime.dispose()
        sys.exit(missed)


def _show(runtime: Runtime, as_json: bool, asked: int) -> int:
    with runtime.reading() as connection:
        rows = _rows(connection, runtime.settings.timezone, asked)
        return report.show("heat", rows, as_json, scratch.versions(runtime.engine))


def _rows(connection: Connection, zone: str, asked: int) -> Iterator[report.Row]:
    views = _Views(connection, random.Random(SEED), zone)
    for level in LEVELS:
        for span, days in SPANS.items():
            for by_class in (False, True):
                questions = [views.question(level, days, by_class) for _ in range(asked)]
                ours, plain = _in_turns(connection, level, questions)
                p95 = sorted(ours)[max(0, round(0.95 * len(ours)) - 1)]
                paired = statistics.median(theirs / mine for mine, theirs in zip(ours, plain, strict=False))
                what = f"{level.name}, {span}{', one class' if by_class else ''} (p95 {p95:.0f} ms)"
                goal = GOAL_LONG if span in LONG else GOAL_SHORT
                middle = statistics.median(ours[: len(plain)])
                yield report.Row(what, middle, statistics.median(plain), paired, goal, "ms", "GROUP BY")
                yield report.Row(f"{what}: p95 under {GOAL_MS:g} ms", p95, GOAL_MS, GOAL_MS / p95, 1.0, "ms", "goal")


class _Views:
    """Random questions: a view around a case, a span that ends in the last year, a class as often as it is reported."""

    def __init__(self, connection: Connection, rng: random.Random, zone: str) -> None:
        self.rng, self.zone = rng, zone
        first, last = connection.exec_driver_sql("SELECT min(id), max(id) FROM city.case").one()
        ids = [rng.randint(first, last) for _ in range(1000)]
        found = connection.execute(
            text(
                "SELECT ST_X(geom), ST_Y(geom), class_code, fn.case_day(number) FROM city.case"
                " WHERE id = ANY(:ids) ORDER BY id"
            ),
            {"ids": ids},
        ).all()
        self.cases, self.last = found, max(row[3] for row in found)

    def question(self, level: Level, days: int | None, by_class: bool) -> dict[str, Any]:
        lon, lat, _class, _day = self.rng.choice(self.cases)
        box = dict.fromkeys(("west", "south", "east", "north"))
        if level.wide is not None:
            west = lon // level.wide * level.wide if level.wide > 0.06 or "tile" in level.name else lon - level.wide / 2
            box = {
                "west": west,
                "east": west + level.wide,
                "south": lat - level.high / 2,
                "north": lat + level.high / 2,
            }
        until = self.last - timedelta(days=self.rng.randrange(365))
        since = until - timedelta(days=days - 1) if days else None
        code = self.rng.choice(self.cases)[2] if by_class else None
        return box | {"since": since, "until": until if days else None, "class": code, "zone": self.zone}


def _in_turns(connection: Connection, level: Level, questions: list[dict]) -> tuple[list[float], list[float]]:
    """Milliseconds of ours for each question, and of the plain one for as many as patience allows."""
    ours, plain, spent = [], [], 0.0
    for question in questions:
        took, total = _timed(connection, f"SELECT * FROM {level.ours}", question, -4)
        ours.append(took)
        if spent < PATIENCE_S * 1000 or len(plain) < 3:
            took, true = _timed(connection, _plain(level, question), question, -4)
            plain.append(took)
            spent += took
            if level.wide is None and total != true:
                raise click.ClickException(f"{level.name} {question}: {total} instead of {true}")
    return ours, plain


def _timed(connection: Connection, statement: str, question: dict, column: int) -> tuple[float, int]:
    start = time.perf_counter()
    rows = connection.exec_driver_sql(statement, question).all()
    return (time.perf_counter() - start) * 1000, sum(row[column] for row in rows)


def _plain(level: Level, question: dict) -> str:
    """The GROUP BY that someone would write, with every condition that an index can serve."""
    where = ["true"]
    if question["since"]:
        where.append("c.reported_at >= (%(since)s::date)::timestamp AT TIME ZONE %(zone)s")
    if question["until"]:
        where.append("c.reported_at < (%(until)s::date + 1)::timestamp AT TIME ZONE %(zone)s")
    if question["class"]:
        where.append("c.kind IN ('component', 'matter') AND c.class_code = %(class)s")
    if question["west"] is not None:
        where.append(f"c.geom && ST_MakeEnvelope({_BOX}, 4490)")
    return _PLAIN.format(place=level.place, where=" AND ".join(where))
