"""Plans and resources of emergencies from files as long work: what would change, every fault with its row."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.emergency import plans, resources
from webgis.exchange.work import Doing, kind

MOST_NAMED = 200


def _table(name: str) -> str:
    return f"SELECT md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) FROM city.{name} t"


def _plans_stand(session: Session, doing: Doing) -> str:
    return session.scalar(text(_table("emergency_plan")))


def _resources_stand(session: Session, doing: Doing) -> str:
    return session.scalar(text(_table("resource")))


@kind("emergency_plans", _plans_stand, action="admin.emergency")
def take_plans(session: Session, doing: Doing) -> dict[str, Any]:
    """Plans of a file: of each kind in it the tasks before and after."""
    before = plans.plans(session)
    counts = plans.take_over(session, doing.file, doing.by)
    after = {kind: plans.plan(session, kind) for kind in counts}
    told = {kind: [[asdict(one) for one in tasks] for tasks in (before[kind], after[kind])] for kind in counts}
    return {"takes": any(before[kind] != after[kind] for kind in counts), "plans": told}


@kind("emergency_resources", _resources_stand, action="admin.emergency")
def take_resources(session: Session, doing: Doing) -> dict[str, Any]:
    """Resources of a file. `given`: crs."""
    called = doing.given.get("called")
    done = resources.take_over(session, doing.file, doing.given.get("crs") or "wgs84", doing.by, called)
    told = {name: codes[:MOST_NAMED] for name, codes in done.items()}
    counts = {name: len(codes) for name, codes in done.items()}
    return {"takes": bool(done["added"] or done["changed"]), "counts": counts} | told
