"""A whole city to measure with: enough cells and components, and years of cases (`filling`)."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webgis.cases.models import Case
from webgis.catalog.component_models import Component
from webgis.db import Runtime
from webgis.demo import components, filling, hot_spots, loading, places
from webgis.errors import Conflict, Invalid
from webgis.grid.models import Area, Cell
from webgis.maps import rollups

CASES, CELLS, COMPONENTS, SEED = 5_000_000, 150_000, 500_000, 1
CLASSES = 24
CELLS_PER_KM2 = 108
"""A square kilometre has 100 cells of 100 m, and as much border as communities have brings some more."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Grown:
    """What the city has now (cells, components), and what was made of cases and events, in how many seconds."""

    counties: int
    cells: int
    components: int
    cases: int
    open: int
    events: int
    seconds: float


def grow(
    runtime: Runtime,
    *,
    cases: int = CASES,
    cells: int = CELLS,
    components_: int = COMPONENTS,
    seed: int = SEED,
    classes: int = CLASSES,
    beside: bool = False,
    quiet: bool = True,
    progress: Progress = lambda _what, _done, _total: None,
) -> Grown:
    """Make the demo city large enough and give it a past; what is there already is left as it is.

    Cells come by whole counties, the nearest first, so they may be more than asked for. `Conflict` "demo.has-cases"
    when there are cases, unless it may be `beside` them; "demo.other-city" when the areas are not the demo's; `Invalid`
    when the counties of the city do not give so many cells. Whatever stops it, no part of the past stays behind, and it
    may be started again.
    """
    start = time.perf_counter()
    with runtime.transaction() as session:
        counties = _counties(session, cells)
        there = session.scalar(select(func.count()).select_from(Case))
    if there and not beside:
        raise Conflict(
            "demo.has-cases",
            f"The city has {there:,} cases already. A made-up past is put beside them only with --beside-cases; better"
            " use a database of its own",
            cases=there,
        )
    loading.load(runtime, counties, count=0, quiet=quiet)
    with runtime.transaction() as session:
        registered = session.scalar(select(func.count()).select_from(Component))
        if registered < components_:
            progress("components", 0, 1)
            components.generate(session, [places.city_of(counties)], components_ - registered, seed)
            progress("components", 1, 1)
        divided = session.scalar(select(func.count()).select_from(Cell).where(func.upper_inf(Cell.valid)))
    filled = filling.fill(
        runtime,
        cases,
        seed=seed,
        classes=classes,
        progress=progress,
        beside=lambda: rollups.fill(runtime.engine, lambda done, of: progress("counts", done, of)),
    )
    taken = round(time.perf_counter() - start, 1)
    return Grown(len(counties), divided, max(registered, components_), filled.cases, filled.open, filled.events, taken)


def _counties(session: Session, cells: int) -> list[str]:
    """The counties of the stored demo city, or of central Chengdu, and as many of the nearest as give so many cells."""
    stored = session.execute(select(Area.code, Area.source).where(Area.level == "county").order_by(Area.code)).all()
    if any(source != places.REAL for _code, source in stored):
        raise Conflict("demo.other-city", "The areas stored here are not the demo's: a made-up past has no place there")
    counties = [code for code, _source in stored] or list(places.CENTRAL_DISTRICTS)
    have = session.scalar(select(func.count()).select_from(Cell).where(func.upper_inf(Cell.valid)))
    have = have or _estimated(counties)
    for county in _nearest(counties):
        if have >= cells:
            break
        counties.append(county)
        have += _estimated([county])
    if have < cells:
        raise Invalid(
            "demo.too-many-cells",
            f"cells: the counties of the city give about {have:,}, not {cells:,}",
            field="cells",
            got=cells,
            accepted=[1, have],
        )
    return sorted(counties)


def _estimated(counties: list[str]) -> int:
    return round(sum(places.area_km2(county) for county in counties) * CELLS_PER_KM2)


def _nearest(counties: list[str]) -> list[str]:
    """The other counties of their city, by the distance of their middles from that of the city."""
    city = places.city_of(counties)
    middle = np.array(places.CENTRES.get(city) or np.mean([places.middle(code) for code in counties], axis=0))
    others = [code for code in places.counties_of(city) if code not in counties]
    return sorted(others, key=lambda code: hot_spots.km(np.array([places.middle(code)]), middle)[0])
