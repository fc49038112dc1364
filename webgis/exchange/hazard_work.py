"""Hazard sources from files as long work: what a file would add and change, every fault with its row."""

from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.accounts import admin_log
from webgis.exchange import hazard_files
from webgis.exchange.work import Doing, kind

MOST_NAMED = 200


def _stands(session: Session, doing: Doing) -> str:
    """The sources as they are: another text after every change."""
    return str(session.execute(text("SELECT count(*), sum(version) FROM city.hazard_source")).one())


@kind("hazards", _stands, action="hazards.change")
def take_sources(session: Session, doing: Doing) -> dict[str, Any]:
    """Hazard sources of a file. `given`: crs."""
    crs = doing.given.get("crs") or None
    done = asdict(hazard_files.take(session, doing.by, doing.file, crs=crs, at=datetime.now(UTC), tell=doing.tell))
    counts = {"added_count": len(done["added"]), "changed_count": len(done["changed"])}
    changed = dict(islice(done["changed"].items(), MOST_NAMED))
    told = done | {"added": done["added"][:MOST_NAMED], "changed": changed} | counts
    if counts["added_count"] or counts["changed_count"]:
        after = counts | {"grades": done["grades"], "file": doing.given.get("called")}
        admin_log.record(session, doing.by, "hazards.import", doing.given.get("called", ""), None, after)
    return {"takes": bool(counts["added_count"] or counts["changed_count"]), **told}
