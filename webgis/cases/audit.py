"""The audit: is the history of the cases the one that was written? Finds any row altered, removed or inserted.

Every event holds the hash of itself and the one before it in its case (`fn.event_hash`), and the digest of the case as
it left it (`fn.case_digest`); anchors hold what the history was at the end of each day. How, with examples, and what it
cannot show: `docs/evidence.md`.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Row, text
from sqlalchemy.orm import Session

from webgis.cases import anchors, evidence, workflow
from webgis.cases.audit_words import Finding
from webgis.settings import Settings

CASES_AT_ONCE = 25_000
"""Cases whose chains one statement verifies."""

PHOTOS_AT_ONCE = 2_000
"""Photos whose files one job reads."""

Check = Callable[[], list[Finding]]
Progress = Callable[[int, int], None]
"""Told how many checks are done, of how many."""


@dataclass(frozen=True)
class Verified:
    """What was looked at and what is wrong; `unpublished` are days whose anchor no file outside the database holds."""

    cases: int
    events: int
    anchors: int
    findings: tuple[Finding, ...]
    unpublished: tuple[date, ...]


def verify(
    engine: Engine,
    settings: Settings,
    since: date | None = None,
    file: Path | None = None,
    *,
    files: bool = False,
    progress: Progress | None = None,
) -> Verified:
    """Look for any altered, removed or inserted row; every check is one statement, and so true at one moment.

    `since` limits it to cases with events of that day or later. `file` is a published file of anchors, with the texts
    of their leaves beside it; `files`: read the files of the photos too. Rows stay in the database, a part of them at a
    time; only what is found is kept here.
    """
    moment = None if since is None else datetime.combine(since, time(), settings.zone)
    checks = [*_chains(engine, moment), *_others(engine, since, moment)]
    checks += _files(engine, settings, moment) if files else []
    found = _all(checks, progress)
    with Session(engine) as session:
        outside, unpublished = (
            _against(session, file, since) if file else ([], [one.day for one in anchors.made(session)])
        )
        counted = session.execute(_COUNTED, {"since": moment}).one()
    unique = {_about(finding): finding for finding in (*found, *outside)}
    return Verified(*counted, tuple(unique.values()), tuple(unpublished))


def _about(finding: Finding) -> tuple:
    """What makes a finding another one: its day only when it is about no case, since several anchors tell of one."""
    names = ("sha256", "request") if finding.number else ("day",)
    return finding.number, finding.seq, finding.what, *(finding.details.get(name) for name in names)


def _all(checks: list[Check], progress: Progress | None) -> list[Finding]:
    """What the checks find, in their order; as many at once as there are cores."""
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        jobs = [pool.submit(check) for check in checks]
        for done, _job in enumerate(as_completed(jobs), start=1):
            if progress:
                progress(done, len(jobs))
    return [finding for job in jobs for finding in job.result()]


_COUNTED = text(
    "SELECT count(*), coalesce(sum(events), 0)::bigint, (SELECT count(*) FROM city.audit_anchor)"
    " FROM (SELECT case_id, count(*) AS events FROM city.case_event"
    " WHERE CAST(:since AS timestamptz) IS NULL OR recorded_at >= :since GROUP BY case_id) AS one"
)
_CASES = (
    "SELECT least((SELECT min(id) FROM city.case), (SELECT min(case_id) FROM city.case_event)),"
    " greatest((SELECT max(id) FROM city.case), (SELECT max(case_id) FROM city.case_event))"
)
_PHOTOS = "SELECT min(id), max(id) FROM city.photo"


def _ranges(engine: Engine, ends: str, step: int) -> Iterator[tuple[int, int]]:
    with engine.connect() as connection:
        lowest, highest = connection.execute(text(ends)).one()
    if lowest is not None:
        for first in range(lowest, highest + 1, step):
            yield first, min(first + step - 1, highest)


def _chains(engine: Engine, since: datetime | None) -> Iterator[Check]:
    statement = "SELECT * FROM fn.audit_chains(:first, :last, :since)"
    for first, last in _ranges(engine, _CASES, CASES_AT_ONCE):
        yield partial(_asked, engine, statement, first=first, last=last, since=since)


def _others(engine: Engine, since: date | None, moment: datetime | None) -> Iterator[Check]:
    days, moments = ("numbers", "leaves", "anchors"), ("photos", "requests")
    for name, value in [(name, since) for name in days] + [(name, moment) for name in moments]:
        yield partial(_asked, engine, f"SELECT * FROM fn.audit_{name}(:since)", since=value)


def _asked(engine: Engine, statement: str, **values: Any) -> list[Finding]:
    with engine.connect() as connection:
        return [Finding(*row) for row in connection.execute(text(statement), values)]


_GIVEN = text(
    "SELECT c.number, e.seq, p.sha256 FROM city.photo p JOIN city.case_event e ON e.id = p.event_id"
    " JOIN city.case c ON c.id = p.case_id WHERE p.id BETWEEN :first AND :last"
    " AND (p.removed_at IS NULL OR NOT EXISTS (SELECT FROM city.case_event x"
    "      WHERE x.case_id = c.id AND x.to_state = ANY(CAST(:ends AS text[])) AND x.recorded_at <= p.removed_at))"
    " AND (CAST(:since AS timestamptz) IS NULL OR e.recorded_at >= :since) ORDER BY p.id"
)


def _files(engine: Engine, settings: Settings, since: datetime | None) -> Iterator[Check]:
    for first, last in _ranges(engine, _PHOTOS, PHOTOS_AT_ONCE):
        yield partial(_read, engine, settings, first, last, since)


def _read(engine: Engine, settings: Settings, first: int, last: int, since: datetime | None) -> list[Finding]:
    """The photos whose file is gone or has not the content whose hash is its name. A file may have gone after the case
    had ended, also when the case was opened again later."""
    with engine.connect() as connection:
        values = {"first": first, "last": last, "since": since, "ends": list(workflow.OUTCOMES)}
        given = connection.execute(_GIVEN, values).all()
    found = [(row, _wrong(evidence.path(settings, row.sha256), row.sha256)) for row in given]
    return [Finding(row.number, row.seq, what, {"sha256": row.sha256}) for row, what in found if what]


def _wrong(file: Path, sha256: str) -> str | None:
    try:
        with file.open("rb") as opened:
            same = hashlib.file_digest(opened, "sha256").hexdigest() == sha256
    except FileNotFoundError:
        return "file_removed"
    return None if same else "file_altered"


def _against(session: Session, file: Path, since: date | None) -> tuple[list[Finding], list[date]]:
    """What the database tells otherwise than the published file, and the days that are not published yet."""
    known, there = anchors.published(file), {one.day: one for one in anchors.made(session)}
    found = [
        Finding(None, None, "file_unchained", {"day": str(later["day"])})
        for earlier, later in zip(known, known[1:], strict=False)
        if later.get("previous") != earlier["root"] or later["day"] <= earlier["day"]
    ]
    last = known[-1]["day"] if known else date.min
    days = {line["day"] for line in known}
    found += [
        Finding(None, None, "anchor_added", {"day": str(day)}) for day in there if day <= last and day not in days
    ]
    wrong = [line for line in known if line["day"] not in there or there[line["day"]].root != line["root"]]
    for line in wrong:
        what = "anchor_rewritten" if line["day"] in there else "anchor_removed"
        found.append(Finding(None, None, what, {"day": str(line["day"])}))
    found += _rewritten(session, file.parent, wrong)
    return (
        [one for one in found if since is None or one.number or one.details["day"] >= str(since)],
        [day for day in there if day > last],
    )


_LEAVES = text(
    """
    SELECT w.number, w.events, e.hash IS NOT NULL AS is_there, c.id IS NOT NULL AS has_case,
           coalesce((SELECT max(l.events) FROM city.audit_leaf l
                     WHERE l.case_id = c.id AND l.day < :trusted), 0) AS good
    FROM unnest(CAST(:numbers AS text[]), CAST(:events AS integer[]), CAST(:heads AS text[]))
        AS w (number, events, head)
    LEFT JOIN city.case c ON c.number = w.number
    LEFT JOIN city.case_event e ON e.case_id = c.id AND e.seq = w.events
    WHERE encode(e.hash, 'hex') IS DISTINCT FROM w.head
    ORDER BY w.number
    """
)


def _rewritten(session: Session, target: Path, wrong: list[dict[str, Any]]) -> list[Finding]:
    """The cases that are not what the published leaves of these days say; each is told once.

    A day without its leaves beside the file, or whose leaves have another root, names no case.
    """
    found: dict[str, Finding] = {}
    for line in wrong:
        for leaves in anchors.published_leaves(anchors.leaves_file(target, line["day"]), line["root"]):
            given = {
                "trusted": wrong[0]["day"],
                "numbers": [leaf[0] for leaf in leaves],
                "events": [int(leaf[1]) for leaf in leaves],
                "heads": [leaf[2] for leaf in leaves],
            }
            for row in session.execute(_LEAVES, given):
                details = {"until": row.events, "day": str(line["day"])}
                found.setdefault(row.number, Finding(row.number, *_differs(row), details))
    return list(found.values())


def _differs(row: Row) -> tuple[int | None, str]:
    """Event and word for a case that is not what a published leaf says."""
    if not row.has_case:
        return None, "case_removed"
    if not row.is_there:
        return row.events, "anchored_removed"
    return min(row.good + 1, row.events), "anchored_altered"
