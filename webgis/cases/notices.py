"""Telling people what happened to a case: which events, whom, and once.

A step writes one job with its case, and only when there is someone to tell (`fn.add_jobs`). The job finds the
recipients and keeps a notice for each; what becomes of notices is in `messages.py`, their words in `notice_words.py`.
"""

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis import jobs
from webgis.cases.models import CaseRequest
from webgis.settings import Settings

AUDIENCE: dict[str, tuple[str, ...]] = {
    "received": ("reporters",),
    "filed": ("reporters",),
    "rejected": ("reporters",),
    "voided": ("reporters",),
    "merged": ("reporters",),
    "resolved": ("reporters",),
    "closed": ("reporters",),
    "reopened": ("reporters",),
    "dispatched": ("department",),
    "assigned": ("handler",),
    "returned": ("department", "handler"),
    "decided": ("department", "handler"),
    "urged": ("department", "handler", "tasks"),
    "due_soon": ("department", "handler"),
    "overdue": ("department", "handler"),
    "confirmation": ("inspector",),
    "verification": ("inspector",),
    "works": ("operator",),
    "alarm": ("ladder",),
    "emergency_joined": ("emergency",),
    "emergency_task": ("emergency",),
    "emergency_task_off": ("emergency",),
    "emergency_changed": ("emergency",),
    "emergency_due_soon": ("emergency",),
    "emergency_overdue": ("emergency",),
    "emergency_released": ("emergency",),
    "emergency_closed": ("emergency",),
}
"""Event -> who is told of it."""

AT_ONCE = ("received", "urged", "alarm", *(event for event in AUDIENCE if event.startswith("emergency_")))
"""Events that wait for no digest; whatever waits for the same recipient goes with them."""

OF_ACTION = {
    "file": "filed",
    "reject": "rejected",
    "void": "voided",
    "merge": "merged",
    "resolve": "resolved",
    "close": "closed",
    "force_close": "closed",
    "reopen": "reopened",
    "unmerge": "reopened",
    "dispatch": "dispatched",
    "split": "dispatched",
    "assign": "assigned",
    "redo": "returned",
    "urge": "urged",
    "request_confirmation": "confirmation",
    "request_verification": "verification",
}
"""Step of the workflow -> the event that is told; besides them a failed verification, which is `returned`."""

DELAY_S = 1
"""A job that waits is found by the sweeper: a step need not tell Redis of it."""


def work(action: str, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The job that tells of a step with what was given, to be written with it; none for steps nobody is told of."""
    failed = action == "verify" and given.get("result") == "fail"
    event = "returned" if failed else OF_ACTION.get(action)
    reason = given.get("reason") or (given.get("note") if action in ("urge", "verify") else None)
    return [_job(event, {"reason": reason, "into": given.get("into")})] if event else []


def of_works(zone: str) -> dict[str, Any]:
    """The job that tells the metro company of a case of the works in a construction zone of this name."""
    return _job("works", {"zone": zone})


def decided(asked: CaseRequest) -> list[dict[str, Any]]:
    """The job that tells a department what became of its request; none while it waits, or when it was taken back."""
    if asked.state not in ("granted", "refused"):
        return []
    reason = asked.decision_note or asked.review_note
    return [_job("decided", {"kind": asked.kind, "granted": asked.state == "granted", "reason": reason})]


def _job(event: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    args = _args(event, {name: value for name, value in facts.items() if value is not None})
    return {"queue": "quick", "task": "cases.notify", "args": args, "delay": DELAY_S, "audience": AUDIENCE[event]}


def _args(event: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {"event": event, "facts": facts, "key": str(uuid.uuid4())}


def tell(session: Session, case_id: int, event: str) -> None:
    """Have an event told of which there is surely someone to tell."""
    jobs.enqueue(session, "cases.notify", case=case_id, **_args(event, {}))


_KEEP = text(
    """
    INSERT INTO city.notice (key, case_id, event, facts, contact_id, address_id, due_at)
    SELECT CAST(:key AS uuid), l.of_case, :event, CAST(:facts AS jsonb), l.contact_id, l.address_id,
           now() + make_interval(mins => CASE WHEN :at_once THEN 0 ELSE coalesce(a.digest_minutes, :digest) END)
    FROM fn.listeners(:case, :audience) l LEFT JOIN city.notice_address a ON a.id = l.address_id
    ON CONFLICT DO NOTHING
    RETURNING contact_id, address_id, extract(epoch FROM due_at - now())::float8 AS wait
    """
)


def keep(session: Session, settings: Settings, case: int, event: str, facts: Mapping[str, Any], key: str) -> int:
    """Keep a notice for everyone who is to be told, and have each one's message made when its time has come.

    `key` is that of the happening: a second call with it keeps nothing. Returns how many notices were kept.
    """
    values = {
        "case": case,
        "event": event,
        "facts": json.dumps(facts, ensure_ascii=False),
        "key": key,
        "audience": list(AUDIENCE[event]),
        "at_once": event in AT_ONCE,
        "digest": settings.digest_minutes,
    }
    kept = session.execute(_KEEP, values).all()
    for row in kept:
        jobs.enqueue(session, "cases.bundle_notices", delay=row.wait, contact=row.contact_id, address=row.address_id)
    return len(kept)


_KEEP_AT_ONCE = text(
    """
    INSERT INTO city.notice (key, case_id, page, event, facts, address_id, due_at)
    SELECT CAST(:key AS uuid), :case, :page, :event, CAST(:facts AS jsonb), a.id, now()
    FROM unnest(CAST(:addresses AS integer[])) AS a (id)
    ON CONFLICT DO NOTHING RETURNING address_id
    """
)


def keep_at_once(
    session: Session,
    addresses: Iterable[int],
    event: str,
    facts: Mapping[str, Any],
    key: str,
    *,
    case: int | None = None,
    page: str | None = None,
) -> list[int]:
    """Keep a notice for these addresses of a case, or of what has a page of its own, and have each one's message made
    now; the addresses that had none of this happening (`key`) yet."""
    told = json.dumps(dict(facts), ensure_ascii=False)
    values = {"key": key, "case": case, "page": page, "event": event, "facts": told, "addresses": list(addresses)}
    kept = list(session.scalars(_KEEP_AT_ONCE, values)) if values["addresses"] else []
    for address in kept:
        jobs.enqueue(session, "cases.bundle_notices", contact=None, address=address)
    return kept
