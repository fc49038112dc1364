"""Loading a demo city, stage by stage, each one transaction; a load that was interrupted goes on where it stopped."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webgis import jobs
from webgis.accounts import first
from webgis.catalog import operations as catalog
from webgis.catalog.component_models import Component
from webgis.db import Runtime
from webgis.demo import (
    beats,
    cases,
    components,
    construction,
    emergency,
    gazetteer,
    hazards,
    metro,
    past,
    people,
    places,
    sensing,
    works_past,
)
from webgis.demo.places import Place
from webgis.demo.sensor_day import MINUTES
from webgis.errors import Invalid
from webgis.grid import areas, dividing
from webgis.grid.files import Layer
from webgis.grid.models import Area, Cell

CASES = 200
SEED = 1
GRID_AGE = timedelta(days=365 * past.YEARS + 30)
"""The cells and beats are valid since before the first case."""


@dataclass(frozen=True)
class Loaded:
    """What a load found or made."""

    city: str
    areas: int
    cells: int
    accounts: int
    components: int
    beats: int
    cases: int
    seconds: float


def ensure(runtime: Runtime, progress: bool = True) -> Loaded | None:
    """Load Chengdu's central districts when neither an area nor an account is stored yet, or finish a load that was
    interrupted: whoever has begun a city of their own goes on with that."""
    with runtime.transaction() as session:
        stored = session.scalar(select(func.count()).select_from(Area)) or not first.nobody(session)
    begun = _begun(runtime)
    if begun is not None and not begun["done"]:
        return load(runtime, begun["counties"], count=begun["cases"], seed=begun["seed"], quiet=not progress)
    return None if stored else load(runtime, quiet=not progress)


def load(
    runtime: Runtime,
    counties: Sequence[str] = places.CENTRAL_DISTRICTS,
    *,
    count: int = CASES,
    seed: int = SEED,
    quiet: bool = False,
) -> Loaded:
    """Load these counties of one city: areas, catalogue, cells, posts, components, names of places, beats with a few
    routing rules, and `count` cases of the last 30 days. Cells and beats are valid since `GRID_AGE` ago.

    What is there already is left as it is, so a second load does nothing. `Invalid` for counties of several cities,
    `NotFound` for a code without a boundary.
    """
    if not 0 <= count <= 20_000:
        raise Invalid("demo.bad-field", "cases: a whole number from 0 to 20,000", field="cases", got=count)
    counties = sorted(set(counties))
    city, start = places.city_of(counties), time.perf_counter()
    note_load(runtime, counties, count, seed, done=False)
    with _progress(quiet) as bar:
        with _stage(bar, "areas"), runtime.transaction() as session:
            stored = store_areas(session, counties, seed, runtime.settings.projected_srid)
        with _stage(bar, "catalogue"), runtime.transaction() as session:
            catalog.load_standard_classes(session)
            catalog.load_default_filing_standard(session, city)
        with _stage(bar, "cells") as task, runtime.transaction() as session:
            srid, since = runtime.settings.projected_srid, datetime.now(UTC) - GRID_AGE
            cells = _divide(session, counties, srid, since, lambda *at: _show(bar, task, *at))
        with _stage(bar, "posts"), runtime.transaction() as session:
            posts = people.settle(session, runtime, city, counties)
        with _stage(bar, "components"), runtime.transaction() as session:
            registered = _register(session, counties, seed)
        with _stage(bar, "places"), runtime.transaction() as session:
            gazetteer.settle(session, counties, seed)
        with _stage(bar, "beats"), runtime.transaction() as session:
            laid = beats.lay_out(session, counties, datetime.now(UTC) - GRID_AGE)
            beats.make_rules(session, city, datetime.now(UTC) - GRID_AGE)
        with _stage(bar, "metro"), runtime.transaction() as session:
            metro.settle(session, city)
        with _stage(bar, "works"), runtime.transaction() as session:
            construction.settle(session, city, datetime.now(UTC))
        with _stage(bar, "hazards"), runtime.transaction() as session:
            hazards.settle(session, counties, datetime.now(UTC))
        with _stage(bar, "cases") as task:
            now = datetime.now(UTC)
            made = cases.live(runtime, counties, count, seed, now, lambda done: _show(bar, task, done, count))
            if count:
                with runtime.transaction() as session:
                    construction.tell(session, city, now)
        with _stage(bar, "emergencies"), runtime.transaction() as session:
            emergency.settle(session, runtime.settings, counties, seed, now)
        if count:
            with _stage(bar, "sensors") as task:
                sensing.load(runtime, seed, datetime.now(UTC), lambda done: _show(bar, task, done, MINUTES))
            with _stage(bar, "past"):
                works_past.fill(runtime, datetime.now(UTC))
    note_load(runtime, counties, count, seed, done=True)
    jobs.sweep(runtime, jobs.connect(runtime.settings))
    return Loaded(city, stored, cells, posts, registered, laid, made, round(time.perf_counter() - start, 1))


def store_areas(session: Session, counties: Sequence[str], seed: int, srid: int) -> int:
    """Store the areas that are not there; a city's boundary grows when more of its counties come."""
    have = set(session.scalars(select(Area.code).where(Area.level == "county")))
    if set(counties) <= have:
        return 0
    wanted = sorted({*counties, *(code for code in have if code[:4] == counties[0][:4])})
    found = places.areas(wanted, seed)
    new = [place for place in found if place.level == "city" or place.code[:6] not in have]
    for level_group in (("city",), ("county",), ("subdistrict",), ("community",)):
        _import(session, [place for place in new if place.level in level_group], srid)
    return len(new)


def _import(session: Session, group: list[Place], srid: int) -> None:
    geoms = np.array([place.geom for place in group], dtype=object)
    columns = {
        name: np.array([getattr(place, name) for place in group], dtype=object)
        for name in ("code", "name_zh", "name_en", "population")
    }
    first = group[0]
    outcome = areas.import_areas(
        session,
        Layer(geoms, columns, "cgcs2000", "UTF-8"),
        srid=first.projected_srid or srid,
        source=first.source,
        illustrative=first.illustrative,
        city_srid=first.projected_srid,
    )
    if not outcome.loaded:
        raise Invalid("demo.areas-refused", f"The demo's areas cannot be stored: {outcome.faults[0].message}")


def _divide(session: Session, counties: Sequence[str], srid: int, at: datetime, progress) -> int:
    """Divide the counties that have no cells yet, all at once where that is the whole city."""
    county = func.left(Cell.code, 6)
    divided = set(session.scalars(select(county).where(county.in_(counties)).distinct()))
    left = [code for code in counties if code not in divided]
    all_of_city = set(
        session.scalars(select(Area.code).where(Area.level == "county", Area.code.like(f"{counties[0][:4]}%")))
    )
    wanted = [counties[0][:4]] if set(left) == all_of_city else left
    outcomes = [dividing.divide_area(session, code, srid=srid, at=at, progress=progress) for code in wanted]
    return sum(outcome.cells for outcome in outcomes)


def _register(session: Session, counties: Sequence[str], seed: int) -> int:
    """Fill the register of the counties that have no components yet."""
    county = func.left(Component.cell_code, 6)
    have = set(session.scalars(select(county).where(county.in_(counties)).distinct()))
    left = [code for code in counties if code not in have]
    return components.generate(session, left, seed=seed) if left else 0


def _begun(runtime: Runtime) -> dict | None:
    path = runtime.settings.var_dir / "demo.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def note_load(runtime: Runtime, counties: Sequence[str], count: int, seed: int, *, done: bool) -> None:
    """Write down what is being loaded, and whether it is done: `ensure` finishes what was interrupted."""
    path = runtime.settings.var_dir / "demo.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"counties": list(counties), "cases": count, "seed": seed, "done": done}), encoding="utf-8"
    )


def _progress(quiet: bool) -> Progress:
    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), disable=quiet)


@contextmanager
def _stage(bar: Progress, name: str) -> Iterator[int]:
    """A line of the progress: moving while it works, full when it is done."""
    task = bar.add_task(name, total=None)
    yield task
    total = bar.tasks[task].total or 1
    bar.update(task, completed=total, total=total)


def _show(bar: Progress, task: int, done: int, total: int) -> None:
    bar.update(task, completed=done, total=total)
