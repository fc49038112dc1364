"""What finding hot spots asks: the grid with its neighbours, and runs that were made. Reads only.

Who touches whom takes some seconds to find for a whole city and changes a few times a year: it is kept as a file in the
folder `var`, named by the state of the grid, and in the process that used it last.
"""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis.accounts.actor import Actor
from webgis.cases import queries as cases
from webgis.errors import NotFound
from webgis.grid.models import CELL_CODE_LENGTH
from webgis.maps.hotspot_models import HotspotRun
from webgis.maps.hotspots import Graph, among, contiguous
from webgis.settings import Settings

LOST_AFTER = timedelta(minutes=30)
"""A run that is not done after this long will not be: its job has died."""

_STATE = text(
    """
    SELECT md5(concat_ws(' ', count(*), sum(hashtextextended(concat_ws(' ', id, code, area_m2), 0))))
    FROM city.cell WHERE upper_inf(valid)
    """
)
_CELLS = text(
    "SELECT array_agg(id ORDER BY id) AS ids, array_agg(CAST(code AS bigint) ORDER BY id) AS codes"
    " FROM city.cell WHERE upper_inf(valid)"
)
_GROUND = text("SELECT ST_AsBinary(geom) FROM city.cell WHERE upper_inf(valid) ORDER BY id")


@dataclass(frozen=True)
class Grid:
    """The cells valid now by id, and who touches whom among them."""

    ids: np.ndarray
    codes: np.ndarray
    graph: Graph

    def within(self, area: str | None) -> tuple[np.ndarray, Graph]:
        """Ids and graph of the cells of an area."""
        if area is None:
            return self.ids, self.graph
        inside = self.codes // 10 ** (CELL_CODE_LENGTH - len(area)) == int(area)
        return self.ids[inside], among(self.graph, inside)


@dataclass(frozen=True)
class Kept:
    """The file of a state of the grid."""

    folder: Path
    state: str

    @cached_property
    def path(self) -> Path:
        return self.folder / f"{self.state}.npz"

    def write(self, grid: Grid) -> None:
        """Keep the grid; files of other states are of no more use."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as made:
            np.savez(made, ids=grid.ids, codes=grid.codes, starts=grid.graph.starts, indices=grid.graph.indices)
        for old in self.folder.glob("*.npz"):
            old.unlink(missing_ok=True)
        os.replace(made.name, self.path)


@lru_cache(maxsize=1)
def _read(path: Path) -> Grid:
    with np.load(path) as kept:
        return Grid(kept["ids"], kept["codes"], Graph(kept["starts"], kept["indices"]))


def state(session: Session) -> str:
    """The state of the grid: another after every change of a cell."""
    return session.scalar(_STATE)


def kept(settings: Settings, state: str) -> Kept:
    """Where the neighbours of this state of the grid are, or will be."""
    return Kept(Path(settings.var_dir) / "neighbours", state)


def grid(session: Session, settings: Settings) -> Grid:
    """The grid with its neighbours: read, or found now and kept."""
    place = kept(settings, state(session))
    if place.path.is_file():
        return _read(place.path)
    found = session.execute(_CELLS).one()
    geoms = shapely.from_wkb(np.array([bytes(one) for one in session.scalars(_GROUND)], dtype=object))
    ids, codes = (np.array(one or [], dtype=np.int64) for one in found)
    made = Grid(ids, codes, contiguous(geoms))
    place.write(made)
    return made


def size(session: Session) -> int:
    """How many cells are valid now."""
    return session.scalar(text("SELECT count(*) FROM city.cell WHERE upper_inf(valid)"))


_NEWEST = text(
    """
    SELECT id, made_at, counted, grid, progress, told IS NOT NULL AS done FROM city.hotspot_run
    WHERE asked = CAST(:asked AS jsonb) AND (told IS NOT NULL OR made_at > now() - :lost)
    ORDER BY made_at DESC, id DESC LIMIT 1
    """
)


def newest(session: Session, asked: str) -> Row | None:
    """The newest run of a question (JSON), done or under way: id, made_at, counted, grid, progress, done."""
    return session.execute(_NEWEST, {"asked": asked, "lost": LOST_AFTER}).one_or_none()


def require_run(session: Session, actor: Actor, run_id: int) -> HotspotRun:
    """The run of this id. `NotFound` when there is none, or it counts what this person may not see."""
    run = session.get(HotspotRun, run_id)
    if run is None or not _within_sight(actor, run.asked):
        raise NotFound("maps.run-unknown", f"There is no run {run_id} of hot spots", got=run_id)
    return run


def _within_sight(actor: Actor, asked: dict[str, Any]) -> bool:
    departments, area, classes = cases.sight(actor)
    if area is not None and not (asked["area"] or "").startswith(area):
        return False
    if classes is not None and not _of_classes(tuple(classes), asked):
        return False
    return departments is None or set(asked["departments"] or [None]) <= set(departments)


def _of_classes(classes: tuple[str, ...], asked: dict[str, Any]) -> bool:
    """Whether a question counts only cases of these classes: it is of one of them, or of no more than they are."""
    if asked["class"] and f"{asked['kind']}:{asked['class']}".startswith(classes):
        return True
    counted = asked.get("classes")
    return counted is not None and all(one.startswith(classes) for one in counted)


_TOLD = text(
    """
    SELECT c.code, h.reported, h.z, h.p, h.q, h.called, h.word
    FROM city.hotspot_cell h JOIN city.cell c ON c.id = h.cell_id
    WHERE h.run_id = :run AND (CAST(:word AS text) IS NULL OR h.word = :word)
    ORDER BY h.q, abs(h.z) DESC, c.code LIMIT :most
    """
)


def cells(session: Session, run_id: int, word: str | None, most: int) -> Sequence[Row]:
    """The cells that a run tells of, the surest first: code, reported, z, p, q, called, word."""
    return session.execute(_TOLD, {"run": run_id, "word": word, "most": most}).all()
