"""How long things are kept: by kind, with the law or rule that says so, and the removal of what was kept long enough.

Of a photo the file goes; its row and its hash in the history of the case stay, so the history verifies as before. What
a removal took is a line in the log of administrative acts, which nobody alters.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from webgis import jobs
from webgis.accounts import admin_log, permissions
from webgis.accounts.actor import ENGINE, Actor
from webgis.cases import contacts, evidence
from webgis.cases.retention_models import Retention
from webgis.cases.workflow import bad_field
from webgis.settings import Settings

LONGEST_DAYS, LONGEST_SOURCE = 36500, 300
BATCH = 2000
"""Photos that are marked in one transaction; of contacts `contacts.BATCH` are erased, the rest goes at once."""


@dataclass(frozen=True)
class Kept:
    """How a kind of thing is kept: so many days (None: for good), what says so, since when (None: as shipped)."""

    kind: str
    days: int | None
    source: str
    changed_at: datetime | None


@dataclass(frozen=True)
class Kind:
    """A kind: the days and the source as shipped (Chinese, English); how many of before a moment would go, and their
    removal, which says how many went."""

    days: Callable[[Settings], int | None]
    source: str
    source_en: str
    count: Callable[[Session, datetime], int]
    remove: Callable[[Session, datetime], int]


# Photos: counted from the end of their case, of a merged report from that of the case that holds it.

_OLD_PHOTOS = f"FROM city.photo o {contacts.OF_ENDED} AND o.removed_at IS NULL"
_COUNT_PHOTOS = text(f"SELECT count(*) {_OLD_PHOTOS}")
_REMOVE_PHOTOS = text(
    f"""
    WITH old AS (SELECT o.id {_OLD_PHOTOS} ORDER BY o.id LIMIT :batch FOR UPDATE OF o SKIP LOCKED)
    UPDATE city.photo f SET removed_at = now() FROM old WHERE f.id = old.id RETURNING f.sha256
    """
)


def _remove_photos(session: Session, before: datetime) -> int:
    found = session.scalars(_REMOVE_PHOTOS, {"before": before, "batch": BATCH}).all()
    if found:
        jobs.enqueue(session, "cases.remove_photo_files", queue="slow", photos=sorted(set(found)))
    return len(found)


TICK_S = 0.02
"""The clock of files goes in steps of so many seconds at most."""

_GOING = text(
    "SELECT sha256, max(removed_at) AS since FROM city.photo WHERE sha256 = ANY(:photos)"
    " GROUP BY sha256 HAVING bool_and(removed_at IS NOT NULL)"
)


def remove_photo_files(session: Session, settings: Settings, photos: list[str]) -> int:
    """Remove the files of photos (SHA-256) that no case keeps any more, after the commit of what marked them; how many
    photos went. One that was sent anew since then stays: its row may not be committed yet."""
    gone = 0
    for sha256, since in session.execute(_GOING, {"photos": photos}):
        file = evidence.path(settings, sha256)
        if file.exists() and file.stat().st_mtime > since.timestamp() - TICK_S:
            continue
        file.unlink(missing_ok=True)
        evidence.path(settings, sha256, thumbnail=True).unlink(missing_ok=True)
        gone += 1
    return gone


# Tracks, drafts of routing rules

_COUNT_TRACKS = text("SELECT count(*) FROM city.track t WHERE t.at < :before")
_REMOVE_TRACKS = text("DELETE FROM city.track t WHERE t.at < :before")
_COUNT_DRAFTS = text("SELECT count(*) FROM city.routing_set WHERE state = 'draft' AND changed_at < :before")
_REMOVE_DRAFTS = text(
    """
    WITH old AS MATERIALIZED (SELECT version FROM city.routing_set WHERE state = 'draft' AND changed_at < :before
                              FOR UPDATE),
         rules AS (DELETE FROM city.routing_rule r USING old WHERE r.version = old.version RETURNING r.id)
    SELECT array_agg(version) FROM old, (SELECT count(*) FROM rules) AS done
    """
)
_DROP_SETS = text("DELETE FROM city.routing_set WHERE version = ANY(:versions)")


def _remove_tracks(session: Session, before: datetime) -> int:
    return session.execute(_REMOVE_TRACKS, {"before": before}).rowcount


def _remove_drafts(session: Session, before: datetime) -> int:
    versions = session.scalar(_REMOVE_DRAFTS, {"before": before}) or []
    session.execute(_DROP_SETS, {"versions": versions})
    return len(versions)


# Exports: workbooks in the var folder


def _old_exports(session: Session, before: datetime) -> list[Any]:
    folder = session.info["settings"].var_dir / "exports"
    return [file for file in folder.glob("*/*.xlsx") if file.stat().st_mtime < before.timestamp()]


def _remove_exports(session: Session, before: datetime) -> int:
    old = _old_exports(session, before)
    for file in old:
        os.unlink(file)
    return len(old)


def _counted(statement: Any) -> Callable[[Session, datetime], int]:
    return lambda session, before: session.scalar(statement, {"before": before})


PRIVACY = "《中华人民共和国个人信息保护法》第十九条：保存期限应当为实现处理目的所必要的最短时间"
PRIVACY_EN = (
    "Personal Information Protection Law, article 19: no longer than the purpose needs (个人信息保护法第十九条)"
)
KINDS: dict[str, Kind] = {
    "photos": Kind(
        lambda settings: 3650,
        "国家档案局令第8号《机关文件材料归档范围和文书档案保管期限规定》：定期 10 年",
        "Order 8 of the State Archives Administration: records kept for a term of 10 years (国家档案局令第8号)",
        _counted(_COUNT_PHOTOS),
        _remove_photos,
    ),
    "contacts": Kind(
        lambda settings: settings.contact_days, PRIVACY, PRIVACY_EN, contacts.count_before, contacts.erase_before
    ),
    "tracks": Kind(lambda settings: settings.track_days, PRIVACY, PRIVACY_EN, _counted(_COUNT_TRACKS), _remove_tracks),
    "drafts": Kind(lambda settings: 365, "本单位规定", "A rule of one's own", _counted(_COUNT_DRAFTS), _remove_drafts),
    "exports": Kind(
        lambda settings: 1,
        PRIVACY,
        PRIVACY_EN,
        lambda session, before: len(_old_exports(session, before)),
        _remove_exports,
    ),
}
"""What is kept for a time. Days count from the end of the case (photos, contacts), else from when it was made."""


def require_kind(kind: str) -> Kind:
    """A kind by its name, or `Invalid`."""
    if kind not in KINDS:
        raise bad_field("kind", kind, f"one of {', '.join(KINDS)}")
    return KINDS[kind]


def kept(session: Session, settings: Settings) -> list[Kept]:
    """How each kind is kept now."""
    said = {row.kind: row for row in session.scalars(select(Retention))}
    return [
        Kept(kind, said[kind].days, said[kind].source, said[kind].changed_at)
        if kind in said
        else Kept(kind, about.days(settings), about.source, None)
        for kind, about in KINDS.items()
    ]


def days_of(session: Session, settings: Settings, kind: str) -> int | None:
    """How many days a kind is kept (None: for good)."""
    return next(one.days for one in kept(session, settings) if one.kind == kind)


def change(
    session: Session, settings: Settings, kind: str, days: int | None, source: str, *, by: Actor | None = None
) -> bool:
    """Keep a kind so many days from now on (None: for good), with the law or rule that says so; whether that is new.

    `Invalid` "cases.bad-field" for a kind, days or source that cannot be; `Forbidden` when `by` may not.
    """
    require_kind(kind)
    if by is not None:
        permissions.require(by, "admin.retention")
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        raise bad_field("days", days, f"a whole number from 1 to {LONGEST_DAYS}, or none: for good")
    source = " ".join(source.split())
    if not source or len(source) > LONGEST_SOURCE:
        raise bad_field("source", source[:50], f"the law or rule that says so, at most {LONGEST_SOURCE} characters")
    before = next(one for one in kept(session, settings) if one.kind == kind)
    session.merge(Retention(kind=kind, days=days, source=source, changed_at=datetime.now(UTC)))
    session.flush()
    told = ({"days": one.days, "source": one.source} for one in (before, Kept(kind, days, source, None)))
    return admin_log.record_change(session, by, "retention.change", kind, *told)


def due(session: Session, settings: Settings, now: datetime) -> dict[str, int]:
    """How many of each kind would be removed now."""
    return {
        one.kind: 0 if one.days is None else KINDS[one.kind].count(session, now - timedelta(days=one.days))
        for one in kept(session, settings)
    }


def remove(session: Session, settings: Settings, now: datetime, *, by: Actor = ENGINE) -> dict[str, int]:
    """Remove what was kept long enough, of photos and contacts a batch; how many of each kind. What went is written
    down."""
    gone: dict[str, int] = {}
    for one in kept(session, settings):
        if one.days is None:
            continue
        before = now - timedelta(days=one.days)
        gone[one.kind] = KINDS[one.kind].remove(session, before)
        if gone[one.kind]:
            told = {"removed": gone[one.kind], "before": before.isoformat(timespec="seconds"), "source": one.source}
            admin_log.record(session, by, "retention.remove", one.kind, None, told)
    return gone
