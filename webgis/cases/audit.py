"""The audit: is the history of the cases the one that was written? Finds any row altered, removed or inserted.

Every event holds the hash of itself and the one before it in its case (`fn.event_hash`); anchors hold what the history
was at the end of each day. How, with examples, and what it cannot show: `docs/evidence.md`.
"""

import gzip
import hashlib
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from webgis.cases import anchors
from webgis.cases.audit_words import Finding
from webgis.settings import Settings

CASES_AT_ONCE = 25_000
"""Cases whose chains one statement verifies."""


@dataclass(frozen=True)
class Verified:
    """What was looked at and what is wrong; `unpublished` are days whose anchor no file outside the database holds."""

    cases: int
    events: int
    anchors: int
    findings: tuple[Finding, ...]
    unpublished: tuple[date, ...]


def verify(engine: Engine, settings: Settings, since: date | None = None, file: Path | None = None) -> Verified:
    """Look for any altered, removed or inserted row; every check is one statement, and so true at one moment.

    `since` limits it to cases with events of that day or later. `file` is a published file of anchors, with the texts
    of their leaves beside it.
    """
    moment = None if since is None else datetime.combine(since, time(), settings.zone)
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        chains = [pool.submit(_chains, engine, first, last, moment) for first, last in _ranges(engine)]
        others = [
            pool.submit(_asked, engine, f"SELECT * FROM fn.{name}(:since)", since=value)
            for name, value in (
                ("audit_numbers", since),
                ("audit_leaves", since),
                ("audit_anchors", since),
                ("audit_photos", moment),
            )
        ]
        found = [finding for job in (*chains, *others) for finding in job.result()]
    with Session(engine) as session:
        outside, unpublished = (
            _against(session, file, since) if file else ([], [one.day for one in anchors.made(session)])
        )
        counted = session.execute(_COUNTED, {"since": moment}).one()
    unique = {(f.number, f.seq, f.what): f for f in (*found, *outside)}
    return Verified(*counted, tuple(unique.values()), tuple(unpublished))


_COUNTED = text(
    "SELECT count(DISTINCT case_id), count(*), (SELECT count(*) FROM city.audit_anchor) FROM city.case_event"
    " WHERE CAST(:since AS timestamptz) IS NULL OR recorded_at >= :since"
)
_ENDS = text(
    "SELECT least((SELECT min(id) FROM city.case), (SELECT min(case_id) FROM city.case_event)),"
    " greatest((SELECT max(id) FROM city.case), (SELECT max(case_id) FROM city.case_event))"
)


def _ranges(engine: Engine) -> Iterator[tuple[int, int]]:
    with engine.connect() as connection:
        lowest, highest = connection.execute(_ENDS).one()
    if lowest is not None:
        for first in range(lowest, highest + 1, CASES_AT_ONCE):
            yield first, min(first + CASES_AT_ONCE - 1, highest)


def _chains(engine: Engine, first: int, last: int, since: datetime | None) -> list[Finding]:
    statement = "SELECT * FROM fn.audit_chains(:first, :last, :since)"
    return _asked(engine, statement, first=first, last=last, since=since)


def _asked(engine: Engine, statement: str, **values: Any) -> list[Finding]:
    with engine.connect() as connection:
        return [Finding(*row) for row in connection.execute(text(statement), values)]


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
    """The cases whose history is not what the published leaves of these days say; each is told once.

    A day without its leaves beside the file, or whose leaves have another root, names no case.
    """
    found: dict[str, Finding] = {}
    for line in wrong:
        leaves = _published_leaves(target, line)
        if not leaves:
            continue
        numbers, events, heads = zip(*leaves, strict=True)
        given = {"numbers": list(numbers), "events": [int(n) for n in events], "heads": list(heads)}
        for row in session.execute(_LEAVES, given | {"trusted": wrong[0]["day"]}):
            what = "anchored_altered" if row.is_there else "anchored_removed" if row.has_case else "case_removed"
            seq = min(row.good + 1, row.events) if row.is_there else row.events if row.has_case else None
            details = {"until": row.events, "day": str(line["day"])}
            found.setdefault(row.number, Finding(row.number, seq, what, details))
    return list(found.values())


def _published_leaves(target: Path, line: Mapping[str, Any]) -> list[list[str]]:
    """(number, events, hash) of every case in a published anchor; empty when they are not there or not its own."""
    file = anchors.leaves_file(target, line["day"])
    try:
        content = gzip.decompress(file.read_bytes())
    except (OSError, EOFError):
        return []
    if hashlib.sha256(content).hexdigest() != line["root"]:
        return []
    return [row.split(" ") for row in content.decode().splitlines()[1:]]
