"""`python -m bench geocode`: searches of 500,000 places, and what is near a place, beside what PostgreSQL does plainly.

The demo city's communities get some 525,000 made-up places (seeded): roads, doors along them, compounds with blocks,
shops. Each kind of question is asked of places drawn by chance, by the statement that the web asks, on one connection,
warm; a third of the time from a place near the wanted one. The floor of a search is `name ILIKE '%...%' LIMIT 10` over
the same table, of a reverse search the nearest point by a GiST index. The wanted place counts as found where it, or a
namesake of it (the same name at another place), is first, or among the first five.
"""

import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import click
from sqlalchemy.orm import Session

from bench import report, scratch
from webgis import db
from webgis.demo import gazetteer as made
from webgis.demo import places as demo_places
from webgis.demo.loading import store_areas
from webgis.grid import gazetteer
from webgis.grid import gazetteer_queries as searched
from webgis.grid import gazetteer_rules as rules

DENSITY = made.Density(roads=14, doors=60, compounds=60, blocks=8, spots=140)
"""Of each of the 429 communities: some 525,000 places in all."""

GOAL_MS = 20.0
GOAL_FIRST = {"exact": 0.99, "part": 0.5, "pinyin": 0.9, "initials": 0.5, "sounds alike": 0.8, "wrong sign": 0.5,
              "wrong letter": 0.8, "number": 0.95, "pinyin number": 0.9}  # fmt: skip
"""Least share of searches with the wanted place first. The made-up names are dense: of 90,000, many differ in one sign,
so that a part, initials or a wrong sign often mean another place just as well."""
_WRONG = "大小上下左右中前后里外高低新老红白黄绿黑"


@dataclass(frozen=True)
class Wanted:
    """A place that is looked for."""

    name: str
    lon: float
    lat: float
    parent: str | None
    number: str | None


@dataclass
class Asked:
    """What was measured of one kind of question."""

    ours: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    first: int = 0
    five: int = 0

    def p(self, percent: int, which: str) -> float:
        return statistics.quantiles(getattr(self, which), n=100)[percent - 1] * 1000


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row.")
@click.option("--questions", default=300, show_default=True, help="Of each kind.")
@click.option("--floors", default=20, show_default=True, help="Of each kind asked of the floor, which is slow.")
@click.option("--seed", default=1, show_default=True)
def geocode(as_json: bool, questions: int, floors: int, seed: int) -> None:
    """Search 500,000 places by name, part, pinyin, initials, number and with mistakes, and what is near."""
    with scratch.database() as engine:
        db.upgrade(engine)
        runtime = scratch.runtime(engine)
        with runtime.transaction() as session:
            count, seconds = _fill(session, runtime.settings.projected_srid, seed)
        click.echo(f"{count:,} places stored in {seconds:.0f} s", err=True)
        with runtime.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE city.place_name, city.place_spelling")
        with runtime.transaction() as session:
            measured = _measure(session, questions, floors, seed)
        runtime.dispose()
        sys.exit(report.show("geocode", _rows(measured), as_json, scratch.versions(engine)))


def _fill(session: Session, srid: int, seed: int) -> tuple[int, float]:
    """Areas, and their places; how many, and how long the import took."""
    store_areas(session, demo_places.CENTRAL_DISTRICTS, seed, srid)
    entries = list(made.generate(made.communities(session), seed, DENSITY))
    start = time.perf_counter()
    stored = gazetteer.import_places(session, entries, [], "bench", file="bench", illustrative=True).stored
    return stored, time.perf_counter() - start


_SAMPLE = """
    SELECT p.name, p.lon, p.lat, road.name AS parent, p.number
    FROM city.place_name p LEFT JOIN city.place_name road ON road.id = p.parent_id
    WHERE (p.kind = 'door') = %s AND length(p.name) BETWEEN 3 AND 20
    ORDER BY hashint8(p.id + %s) LIMIT %s
"""
_FLOOR = "SELECT id FROM city.place_name WHERE name ILIKE %s LIMIT 10"
_FLOOR_NEAR = (
    "SELECT id FROM city.place_name WHERE kind = 'door' ORDER BY geom <-> ST_SetSRID(ST_Point(%s, %s), 4490) LIMIT 1"
)


def _measure(session: Session, questions: int, floors: int, seed: int) -> dict[str, Asked]:
    rng = random.Random(seed)
    named, doors = (
        [Wanted(*row) for row in db.call(session, _SAMPLE, door, seed, questions)] for door in (False, True)
    )
    kinds = {kind: Asked() for kind in (*GOAL_FIRST, "short", "reverse")}
    for kind, ask in _QUESTIONS.items():
        for number, wanted in enumerate(doors if "number" in kind else named):
            _search(session, kinds[kind], ask(rng, wanted), wanted, rng, number < floors)
    for wanted in doors:
        lon, lat = wanted.lon + rng.gauss(0, 1e-4), wanted.lat + rng.gauss(0, 1e-4)
        _timed(kinds["reverse"].ours, lambda lon=lon, lat=lat: searched.near(session, lon, lat))
        _timed(kinds["reverse"].floor, lambda lon=lon, lat=lat: db.call(session, _FLOOR_NEAR, lon, lat))
        doors_near = [one.name for one in searched.near(session, wanted.lon, wanted.lat).places if one.kind == "door"]
        kinds["reverse"].first += doors_near[:1] == [wanted.name]
        kinds["reverse"].five += wanted.name in doors_near
    return kinds


def _search(session: Session, asked: Asked, typed: str, wanted: Wanted, rng: random.Random, floor: bool) -> None:
    near = (wanted.lon + rng.gauss(0, 0.01), wanted.lat + rng.gauss(0, 0.01)) if rng.random() < 1 / 3 else (None, None)
    found = _timed(asked.ours, lambda: searched.find(session, typed, *near))
    names = [one.name for one in found]
    asked.first += names[:1] == [wanted.name]
    asked.five += wanted.name in names[:5]
    if floor:
        _timed(asked.floor, lambda: db.call(session, _FLOOR, f"%{db.like(typed)}%"))


def _timed(into: list[float], act: Callable):
    start = time.perf_counter()
    done = act()
    into.append(time.perf_counter() - start)
    return done


def _part(rng: random.Random, wanted: Wanted) -> str:
    """Two to four signs from anywhere in the name, not only the word for what it is."""
    long = min(len(wanted.name) - 1, rng.randint(2, 4))
    start = rng.randint(0, max(0, len(wanted.name) - long - 1))
    return wanted.name[start : start + long]


def _wrong_sign(rng: random.Random, wanted: Wanted) -> str:
    at = rng.randrange(len(wanted.name))
    return wanted.name[:at] + rng.choice(_WRONG) + wanted.name[at + 1 :]


def _sounds_alike(rng: random.Random, wanted: Wanted) -> str:
    """One sign written as another of the same sound, the usual mistake of who types Chinese."""
    at = rng.randrange(len(wanted.name))
    sound = rules.common_sounds().get(wanted.name[at])
    alike = [sign for sign, other in rules.common_sounds().items() if other == sound and sign != wanted.name[at]]
    return wanted.name[:at] + rng.choice(alike or [wanted.name[at]]) + wanted.name[at + 1 :]


def _wrong_letter(rng: random.Random, wanted: Wanted) -> str:
    pinyin = rules.spellings(wanted.name)[0].pinyin
    at = rng.randrange(1, len(pinyin))
    return pinyin[:at] + rng.choice("abcdefghijklmnopqrstuvwxyz") + pinyin[at + 1 :]


_QUESTIONS: dict[str, Callable[[random.Random, Wanted], str]] = {
    "exact": lambda _rng, wanted: wanted.name,
    "part": _part,
    "short": lambda _rng, wanted: wanted.name[:2],
    "pinyin": lambda _rng, wanted: rules.spellings(wanted.name)[0].pinyin,
    "initials": lambda _rng, wanted: rules.spellings(wanted.name)[0].initials,
    "sounds alike": _sounds_alike,
    "wrong sign": _wrong_sign,
    "wrong letter": _wrong_letter,
    "number": lambda _rng, wanted: wanted.name,
    "pinyin number": lambda _rng, wanted: f"{rules.spellings(wanted.parent or '')[0].pinyin} {wanted.number}",
}


def _rows(measured: dict[str, Asked]) -> Iterator[report.Row]:
    for kind, asked in measured.items():
        count = len(asked.ours)
        for percent, goal in ((50, None), (95, GOAL_MS)):
            ours, floor = asked.p(percent, "ours"), asked.p(percent, "floor")
            yield report.Row(f"{kind}: p{percent}", ours, floor, floor / ours, None, "ms", "floor")
            if goal is not None:
                yield report.Row(f"{kind}: p{percent} beside the goal", ours, goal, goal / ours, 1.0, "ms", "goal")
        least = GOAL_FIRST.get(kind)
        if kind != "short":
            yield _share(f"{kind}: wanted place first, of {count}", asked.first / count, least)
            yield _share(f"{kind}: wanted place in the first five", asked.five / count, None)


def _share(what: str, share: float, least: float | None) -> report.Row:
    return report.Row(what, share, least or 1.0, share / (least or 1.0), None if least is None else 1.0, "", "goal")
