"""Daily anchors of the history: made in the database, published to files outside it.

A day's anchor has a leaf for every case whose history grew: how many events it has, and the hash of the last. Its root
is the SHA-256 of the leaves' text, which names the root before it; so one root vouches for all history up to its day.
"""

import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from webgis.errors import Conflict, Invalid, Unavailable
from webgis.settings import Settings

FILE = "anchors.jsonl"
"""Name of the published file: a line for each anchor, added to and never changed."""

LINES_AT_ONCE = 10_000


@dataclass(frozen=True)
class Anchor:
    """What was recorded before `until` and was in no anchor yet; `root` and `previous` are hexadecimal SHA-256."""

    day: date
    until: datetime
    cases: int
    events: int
    previous: str | None
    root: str

    def as_line(self) -> str:
        """The line of `anchors.jsonl`."""
        facts = {
            "day": self.day.isoformat(),
            "until": self.until.isoformat(),
            "cases": self.cases,
            "events": self.events,
            "previous": self.previous,
            "root": self.root,
        }
        return json.dumps(facts)


def make(session: Session, settings: Settings, now: datetime, day: date | None = None) -> Anchor | None:
    """Anchor all that was recorded up to the end of `day` (yesterday in the city when None); None when it is done.

    Days that were missed are in it. `Invalid` for a day that has not ended, `Unavailable` while a transaction from
    before its end still writes, whose events would otherwise be missing in it.
    """
    yesterday = now.astimezone(settings.zone).date() - timedelta(days=1)
    chosen = day or yesterday
    if chosen > yesterday:
        raise Invalid(
            "cases.day-not-over",
            f"{chosen} has not ended in the city; the last day that can be anchored is {yesterday}",
            field="day",
            got=chosen.isoformat(),
            accepted=yesterday.isoformat(),
        )
    until = datetime.combine(chosen + timedelta(days=1), time(), settings.zone).astimezone(UTC)
    newest = session.scalar(text("SELECT max(day) FROM city.audit_anchor"))
    if newest is not None and newest >= chosen:
        return None
    if session.scalar(_STILL_WRITING, {"until": until}):
        raise Unavailable(
            "cases.still-writing", f"Someone still writes what began before {until:%F %H:%M} UTC; try again soon"
        )
    return _anchor(session.execute(_MAKE, {"day": chosen, "until": until}).one())


_STILL_WRITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start < :until"
    " AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()"
)
_MAKE = text("SELECT * FROM fn.make_anchor(:day, :until)")
_ANCHORS = text("SELECT day, until, cases, events, previous, root FROM city.audit_anchor ORDER BY day")
_HEAD = text("SELECT fn.anchor_head(:day, :previous)")
_LINES = text('SELECT fn.leaf_line(l) FROM city.audit_leaf l WHERE l.day = :day ORDER BY l.number COLLATE "C"')


def _anchor(row: Row) -> Anchor:
    previous = None if row.previous is None else bytes(row.previous).hex()
    return Anchor(row.day, row.until, row.cases, row.events, previous, bytes(row.root).hex())


def made(session: Session) -> list[Anchor]:
    """The anchors in the database, oldest first."""
    return [_anchor(row) for row in session.execute(_ANCHORS)]


def folder(settings: Settings) -> Path:
    """Where anchors are published; copy it to another machine, or print it."""
    return settings.var_dir / "audit"


def publish(session: Session, settings: Settings) -> list[Anchor]:
    """Append the anchors that the file does not have yet, each with the text of its leaves beside it; those appended.

    To be called after the commit that made them. `Conflict` when the file and the database tell different stories.
    """
    target = folder(settings)
    target.mkdir(parents=True, exist_ok=True)
    file = target / FILE
    there = made(session)
    known = published(file) if file.exists() else []
    if [one.root for one in there[: len(known)]] != [one["root"] for one in known]:
        raise Conflict(
            "cases.anchors-differ",
            f"The anchors in the database are not those published in {file}; see webgis audit verify",
        )
    fresh = there[len(known) :]
    for one in fresh:
        _write_leaves(session, one, leaves_file(target, one.day))
        _append(file, one.as_line())
    return fresh


def leaves_file(target: Path, day: date) -> Path:
    """The text of a day's anchor: `zcat FILE | sha256sum` gives its root."""
    return target / f"leaves-{day.isoformat()}.txt.gz"


def published_leaves(file: Path, root: str) -> Iterator[list[list[str]]]:
    """(number, events, hash) of every case in a published anchor, some at a time; nothing when they are not there, or
    have another root. Leaves from before events held the digest of their case tell one after the hash."""
    try:
        with gzip.open(file) as packed:
            if hashlib.file_digest(packed, "sha256").hexdigest() != root:
                return
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            next(lines)
            while some := [line.split() for line in islice(lines, LINES_AT_ONCE)]:
                yield some
    except (OSError, EOFError):
        return


def published(file: Path) -> list[dict[str, Any]]:
    """The lines of a file of anchors. `Invalid` when it is none."""
    try:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        return [line | {"day": date.fromisoformat(line["day"]), "root": str(line["root"])} for line in lines]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Invalid("cases.bad-anchors", f"{file} is no file of anchors: {error}", field="anchors") from None


def _write_leaves(session: Session, one: Anchor, file: Path) -> None:
    """Write the text of an anchor, line by line: the first of a city may have a million."""
    previous = None if one.previous is None else bytes.fromhex(one.previous)
    made = file.with_name(f".{file.name}.{os.getpid()}")
    with made.open("wb") as opened, gzip.GzipFile("", "wb", fileobj=opened, mtime=0) as packed:
        packed.write(session.scalar(_HEAD, {"day": one.day, "previous": previous}).encode())
        for line in session.scalars(_LINES, {"day": one.day}, execution_options={"yield_per": LINES_AT_ONCE}):
            packed.write(line.encode())
    made.replace(file)


def _append(file: Path, line: str) -> None:
    with file.open("a", encoding="utf-8") as opened:
        opened.write(line + "\n")
        opened.flush()
        os.fsync(opened.fileno())
