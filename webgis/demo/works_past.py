"""What was reported in the years before today beside two of the made-up sites, and in cells elsewhere to compare with:
inside the one `PLANTED` times as many cases since its works began, beside the other and elsewhere nothing changed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.cases import zones
from webgis.cases.working_time import micros
from webgis.db import Runtime
from webgis.demo import filling, workload
from webgis.demo.past import Past
from webgis.evaluation import works
from webgis.grid import queries as grid
from webgis.maps import rollups
from webgis.metro import construction

LOUD, QUIET = "CZ-04", "CZ-03"
"""The site whose works bring more cases, and the one whose works do not; both in `COUNTY`."""

COUNTY = "510104"
PLANTED = 2.4
CELLS = 400
"""Cells elsewhere, in whole communities, so that patches of them lie side by side."""

CLASSES = 2
INSIDE, AROUND = 0.25, 0.15
"""Cases a week in a cell of a site, and in another one; in the mean of cells, which differ (gamma)."""

SPREAD = 1.5
SEED = 20260308


@dataclass(frozen=True)
class Drawn:
    """Codes of cells, and for each case which of them and when (microseconds since 1970), in the order of time."""

    codes: np.ndarray
    cell: np.ndarray
    reported: np.ndarray


class StreetPast(Past):
    """The past of some cells: when and where each case was reported is drawn already."""

    def __init__(self, drawn: Drawn, *given) -> None:
        self.drawn = drawn
        super().__init__(*given)

    def _when(self, opened: int) -> None:
        self.reported, self.open = self.drawn.reported, np.zeros(self.count, dtype=bool)

    def _where(self) -> tuple[np.ndarray, np.ndarray]:
        place = np.searchsorted(self.ground.codes, self.drawn.codes)
        return place[self.drawn.cell].astype(np.int32), np.full(self.count, -1)


def fill(runtime: Runtime, now: datetime) -> int:
    """Make that past once, where both sites are there and the database may be filled; how many cases."""
    with runtime.transaction() as session:
        drawn = _drawn(session, now) if _wanted(session, now) else None
    if drawn is None:
        return 0
    made = filling.fill(
        runtime,
        len(drawn.cell),
        open_cases=0,
        seed=SEED,
        classes=CLASSES,
        counties=[COUNTY],
        past=partial(StreetPast, drawn),
        beside=lambda: rollups.fill(runtime.engine),
    )
    with runtime.transaction() as session:
        zones.keep_past(session)
    return made.cases


_OLDER = text("SELECT EXISTS (SELECT FROM city.case WHERE reported_at < :before)")
_FAR = text(
    """
    SELECT c.code FROM city.cell c
    WHERE upper_inf(c.valid) AND starts_with(c.code, :county) AND NOT EXISTS (
        SELECT FROM city.construction_zone z
        WHERE upper_inf(z.recorded) AND ST_DWithin(ST_Transform(c.geom, :srid), ST_Transform(z.geom, :srid), :far))
    ORDER BY hashtext(left(c.code, 12)), c.code LIMIT :most
    """
)


def _wanted(session: Session, now: datetime) -> bool:
    """Whether both sites are there, and no past yet."""
    known = all(construction.version_of(session, code) for code in (LOUD, QUIET))
    return known and filling.may(session) and not session.scalar(_OLDER, {"before": now - timedelta(days=90)})


def _drawn(session: Session, now: datetime) -> Drawn:
    span = works.span_of(session, construction.require(session, LOUD), now)
    sites = {one: construction.require(session, one) for one in (LOUD, QUIET)}
    parts = [(one, works.cells_near(session, site, span.since)) for one, site in sites.items()]
    srid = grid.srid_of(session)
    far = session.scalars(_FAR, {"county": COUNTY, "srid": srid, "far": works.FAR_M + 50, "most": CELLS}).all()
    inside = {cell: site for site, cells in parts for cell, part in cells if part == "inside"}
    codes = np.array(sorted({*far, *(cell for _site, cells in parts for cell, _part in cells)}))
    rng = np.random.default_rng(SEED)
    means = rng.gamma(SPREAD, np.where([code in inside for code in codes], INSIDE, AROUND) / SPREAD)
    grown = (1 + workload.YEARLY_GROWTH) ** (np.arange(span.weeks) / 52)
    expected = means[:, None] * grown
    expected[[inside.get(code) == LOUD for code in codes], span.start :] *= PLANTED
    cell, week = np.repeat(np.argwhere(counts := rng.poisson(expected)), counts[counts > 0], axis=0).T
    hours = 24 * rng.integers(0, 7, len(cell)) + workload.hours(rng, len(cell))
    reported = micros(span.since) + ((week * 168 + hours) * 3_600_000_000).astype(np.int64)
    order = np.argsort(reported, kind="stable")
    return Drawn(codes, cell[order], reported[order])
