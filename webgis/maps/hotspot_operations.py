"""Hot spots found and kept: asked for, worked out at once or by a job, erased when they are old."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from webgis import jobs
from webgis.days import Span
from webgis.maps import heat_queries, hotspot_queries, hotspots, queries, trends
from webgis.maps.heat_queries import Asked
from webgis.maps.hotspot_models import HotspotCell, HotspotRun
from webgis.maps.hotspots import Graph, Spots

AT_ONCE = 200_000
"""Cells times windows that are worked out while the one who asks waits, about a second; more is a job."""

AT_ONCE_NEW = 20_000
"""Cells whose neighbours are found while the one who asks waits."""

KEPT = timedelta(days=30)
KEPT_BESIDE_NEWER = timedelta(days=1)
"""How long a run stays, and how long when a newer one answers the same question: links to it may be open."""

STANDARD = ((30, 0), (90, 10))
"""Days up to yesterday and windows of the runs that are made by timetable for the whole city."""

Progress = Callable[[int], None]


def find(session: Session, asked: Asked, windows: int) -> int:
    """The id of the run that answers this question now: one made on the same counts, or a new one.

    A new one is worked out at once when that takes about a second, else by a job; its `told` is null until then.
    """
    settings = session.info["settings"]
    question = written(asked, windows)
    now = (queries.case_version(session), hotspot_queries.state(session))
    found = hotspot_queries.newest(session, question)
    if found and ((found.counted, found.grid) == now or not found.done):
        return found.id
    run = _begin(session, question, *now)
    cells = hotspot_queries.size(session)
    near = cells <= AT_ONCE_NEW or hotspot_queries.kept(settings, now[1]).path.is_file()
    if near and cells * (windows + 1) <= AT_ONCE:
        work_out(session, run)
    else:
        jobs.enqueue(session, "maps.find_hotspots", queue="slow", run=run)
    return run


def written(asked: Asked, windows: int) -> str:
    """A question as JSON: equal ones are equal."""
    values = asked.values() | {"since": str(asked.span.since), "until": str(asked.span.until), "windows": windows}
    return json.dumps(values, sort_keys=True)


def _begin(session: Session, question: str, counted: int, grid: str) -> int:
    values = {"asked": json.loads(question), "counted": counted, "grid": grid}
    return session.scalar(insert(HotspotRun).values(values).returning(HotspotRun.id))


def read(asked: dict[str, Any]) -> tuple[Asked, int]:
    """A question that was written."""
    departments = asked["departments"]
    span = Span(date.fromisoformat(asked["since"]), date.fromisoformat(asked["until"]))
    whose = None if departments is None else tuple(departments)
    classes = asked.get("classes")
    about = (asked["area"], asked["kind"], asked["class"], None if classes is None else tuple(classes))
    return Asked(span, whose, *about), asked["windows"]


def work_out(session: Session, run_id: int, progress: Progress = lambda percent: None) -> None:
    """Answer a run, again if it was answered. `progress` is told the per cent that are done."""
    run = session.get_one(HotspotRun, run_id)
    asked, number = read(run.asked)
    stands_on = queries.case_version(session), hotspot_queries.state(session)
    ids, graph = hotspot_queries.grid(session, session.info["settings"]).within(asked.area)
    cuts = trends.windows(asked.span, number) if number else []
    counted = []
    for done, span in enumerate((asked.span, *cuts)):
        counted.append(heat_queries.cell_counts(session, asked.during(span), ids))
        progress(90 * (done + 1) // (len(cuts) + 1))
    why = hotspots.unsayable(counted[0])
    spots = None if why else hotspots.spots(counted[0], graph)
    words, thin = _words(counted[1:], graph)
    session.execute(text("DELETE FROM city.hotspot_cell WHERE run_id = :run"), {"run": run_id})
    told = np.zeros(len(ids), dtype=bool) if spots is None else (spots.called != 0) | _some(words, len(ids))
    _store(session, run_id, np.flatnonzero(told), ids, counted[0], spots, words)
    session.execute(text("SELECT fn.layer_changed('hotspots')"))
    run.counted, run.grid = stands_on
    run.told, run.progress = _told(counted[0], why, spots, words, cuts, thin), 100


def _words(counted: list[np.ndarray], graph: Graph) -> tuple[list[str | None], int]:
    """The word of each cell by the counts of each window, and how many windows have too few cases to say one."""
    thin = sum(hotspots.unsayable(counts) is not None for counts in counted)
    if thin or not counted:
        return [], thin
    found = [hotspots.spots(counts, graph) for counts in counted]
    return trends.words(
        np.column_stack([one.z for one in found]), np.column_stack([one.called >= 95 for one in found])
    ), 0


def _some(words: list[str | None], size: int) -> np.ndarray:
    return np.array([word is not None for word in words], dtype=bool) if words else np.zeros(size, dtype=bool)


def _store(
    session: Session,
    run_id: int,
    chosen: np.ndarray,
    ids: np.ndarray,
    counts: np.ndarray,
    spots: Spots | None,
    words: list[str | None],
) -> None:
    if spots is None or not len(chosen):
        return
    rows = [
        {
            "run_id": run_id,
            "cell_id": int(ids[i]),
            "reported": float(counts[i]),
            "z": float(spots.z[i]),
            "p": float(spots.p[i]),
            "q": float(spots.q[i]),
            "called": int(spots.called[i]),
            "word": words[i] if words else None,
        }
        for i in chosen
    ]
    session.execute(insert(HotspotCell), rows)


def _told(
    counts: np.ndarray,
    why: str | None,
    spots: Spots | None,
    words: list[str | None],
    cuts: list[Span],
    thin: int,
) -> dict[str, Any]:
    """The answer as a whole: cells, cases, mean; how many cells are called what, or why nothing can be said."""
    told: dict[str, Any] = {"cells": len(counts), "cases": round(float(counts.sum()), 2), "unsayable": why}
    if spots is not None:
        called, times = np.unique(spots.called[spots.called != 0], return_counts=True)
        told |= {
            "mean": round(float(counts.mean()), 4),
            "called": dict(zip(map(str, called), times.tolist(), strict=True)),
        }
    if cuts:
        told["windows"] = [[str(cut.since), str(cut.until)] for cut in cuts]
        told["thin_windows"] = thin
        told["words"] = {word: words.count(word) for word in trends.WORDS}
    return told


_ERASE = text(
    """
    DELETE FROM city.hotspot_run r
    WHERE made_at < now() - :kept OR made_at < now() - :beside AND EXISTS (
        SELECT FROM city.hotspot_run n WHERE n.asked = r.asked AND n.made_at > r.made_at AND n.told IS NOT NULL)
    """
)


def find_standard(session: Session, today: date) -> list[int]:
    """The runs of the whole city that maps show without being asked: of spans up to yesterday; and erase old ones."""
    session.execute(_ERASE, {"kept": KEPT, "beside": KEPT_BESIDE_NEWER})
    until = today - timedelta(days=1)
    return [find(session, Asked(Span(until - timedelta(days=days - 1), until)), number) for days, number in STANDARD]
