"""Every step of a case after its report: lock the case, ask the workflow, write the change and its event.

What a step changes is said in `changes.py`, what it does to other cases in `relations.py`. One statement locks and
reads, one writes: a step is as fast as its round trips.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from webgis import db, geo, texts
from webgis.accounts.actor import ENGINE, Actor
from webgis.cases import alarmed, changes, notices, queries, record, relations, stages, workflow
from webgis.cases.doing import Doing
from webgis.cases.evidence import Evidence
from webgis.catalog import components
from webgis.errors import Conflict
from webgis.settings import Settings

LONGEST_TEXT = 2000
CLAIMED_ROLES = ("inspector", "acceptor", "dispatcher", "department")
"""Whose steps a claim keeps off; managers and the engine are not bound by it."""

_LOCK = "SELECT * FROM fn.lock_case(%s, %s::varchar[], %s, %s::text[], %s, %s)"
_OPEN_ON = "SELECT EXISTS (SELECT FROM city.case c WHERE c.component_code = %s AND c.outcome IS NULL) AS open"
_LOCK_TOGETHER = "SELECT fn.lock_together(%s::text[])"

CHANGES: dict[str, Callable[[Doing], dict[str, Any]]] = {
    "request_confirmation": changes.request_confirmation,
    "confirm": changes.confirm,
    "file": changes.file,
    "reclassify": changes.reclassify,
    "relocate": changes.relocate,
    "merge": relations.merge,
    "unmerge": relations.unmerge,
    "split": relations.split,
    "dispatch": changes.dispatch,
    "return": changes.send_back,
    "assign": changes.assign,
    "suspend": changes.suspend,
    "resume": changes.resume,
    "resolve": changes.resolve,
    "redo": relations.redo,
    "request_verification": changes.request_verification,
    "verify": relations.verify,
    "force_close": changes.force_close,
    "void": changes.void,
    "reopen": changes.reopen,
    "urge": changes.urge,
    "alarm": alarmed.alarm,
}
"""Action -> the columns that it changes, besides state, outcome and what is due, which every step sets."""


def act(
    session: Session,
    settings: Settings,
    actor: Actor,
    number: str,
    action: str,
    given: Mapping[str, Any],
    photos: Sequence[Evidence] = (),
    *,
    at: datetime,
    version: int | None = None,
):
    """Do `action` on the case `number` at the moment `at` with what is `given` (names as on the wire).

    Returns the case as it is then (columns of `fn.case_line`). `NotFound` when the actor may not see it, `Conflict`
    when the step is not open, someone else has claimed the case, or `version` (if given) is no longer the case's;
    `Forbidden` and `Invalid` as in `workflow.choose`. Of two at once one wins, the other gets `Conflict`.
    """
    place = place_of(given)
    case = lock(session, actor, number, place, _together(action, number, given))
    step = _step(settings, actor, case, action, given, photos, version)

    def follow(other: str, action: str, given: Mapping[str, Any]):
        return act(session, settings, ENGINE, other, action, given, at=at)

    doing = Doing(session, settings, actor, case, step, given, at, photos, follow, place)
    doing.facts |= changes.judged(doing)
    own = CHANGES[action](doing) if action in CHANGES else {}
    line = write(doing, own)
    relations.follow(doing, line)
    _component_follows(doing, line)
    return line


def _component_follows(doing: Doing, line) -> None:
    """A component is damaged while a case on it is open, and intact when the last was closed."""
    code = doing.case.component_code
    let_go = line.component_code != code
    if code is None or doing.is_task or (doing.step.source == doing.step.target and not let_go):
        return
    about = {"at": doing.at, "number": line.number, "person_id": doing.actor.id}
    if let_go or line.outcome is not None:
        components.hold(doing.session, code)  # of two cases that end at once the second sees the end of the first
        if not db.call(doing.session, _OPEN_ON, code)[0].open:
            components.case_closed(doing.session, code, repaired=line.outcome == "closed", **about)
    elif doing.step.source in workflow.OUTCOMES:
        components.case_opened(doing.session, code, **about)


def _together(action: str, number: str, given: Mapping[str, Any]) -> list[str]:
    """The cases that are locked with their duplicates before the step is looked at."""
    into = given.get("into")
    if isinstance(into, str):
        return [number, into]
    return [number] if action in relations.TO_DUPLICATES else []


def lock(
    session: Session,
    actor: Actor,
    number: str,
    place: tuple[float, float] | None = None,
    together: Sequence[str] = (),
):
    """The case locked for a step (`fn.locked_case`); before it those `together`, with what was merged into them."""
    if together:
        db.call(session, _LOCK_TOGETHER, list(together))
    found = db.call(session, _LOCK, number, *queries.sight(actor), *(place or (None, None)))
    if not found:
        raise queries.unknown(number)
    return found[0]


def write(doing: Doing, own: Mapping[str, Any]):
    """Write what a step changes, with its event, photos and jobs; the case as it is then."""
    case, step, at = doing.case, doing.step, doing.at
    own = {"state": step.target} | _ending(step, at) | stages.due(doing, own) | own
    event = record.event(
        doing.actor,
        step.action,
        case.state,
        step.target,
        at,
        department=own.get("department_code") or case.department_code,
        given=doing.given,
        facts=doing.facts,
        place=doing.place,
    )
    return record.step(
        doing.session, case.id, own, event, doing.photos, doing.work + notices.work(step.action, doing.given)
    )


def _ending(step: workflow.Step, at: datetime) -> dict[str, Any]:
    """A case that ends has an outcome and a moment; one that is opened again has neither."""
    if step.source == step.target:
        return {}
    if step.target in workflow.OUTCOMES:
        return {"outcome": step.target, "closed_at": at}
    return {"outcome": None, "closed_at": None} if step.source in workflow.OUTCOMES else {}


def _step(settings, actor: Actor, case, action: str, given: Mapping, photos: Sequence, version) -> workflow.Step:
    who, standing = queries.who(actor), queries.standing(case, settings)
    if version is not None and version != case.version:
        raise _stale(who, standing, case)
    for name in ("note", "reason", "address"):
        check_text(name, given.get(name))
    step = workflow.choose(who, standing, action, dict(given) | ({"photos": photos} if photos else {}))
    held = case.claimed_by not in (None, actor.id) and actor.role in CLAIMED_ROLES
    if held and step.source != step.target:
        raise Conflict(
            "cases.claimed",
            f"Someone else is working on this case until {case.claimed_until:%H:%M} UTC. Take another one",
            state=case.state,
            until=case.claimed_until,
        )
    return step


def _stale(who: workflow.Who, standing: workflow.Standing, case) -> Conflict:
    actions = workflow.open_actions(who, standing)
    return Conflict(
        "cases.stale",
        f"Someone was faster: the case is now {case.state}. Open to you now: {', '.join(actions) or 'nothing'}",
        state=case.state,
        version=case.version,
        actions=actions,
    )


def check_text(field: str, value: Any, longest: int = LONGEST_TEXT) -> None:
    """Refuse what is no text, too long, or cannot be kept."""
    if value is not None and (not isinstance(value, str) or len(value) > longest or not texts.storable(value)):
        raise workflow.bad_field(field, None, f"a text of at most {longest} characters")


def place_of(given: Mapping[str, Any]) -> tuple[float, float] | None:
    """Where the person stood, in CGCS2000, when they said so; both coordinates or neither."""
    lon, lat = given.get("lon"), given.get("lat")
    if (lon is None) != (lat is None):
        raise workflow.bad_field("lat" if lat is None else "lon", None, "give both lon and lat, or neither")
    return None if lon is None else geo.to_cgcs2000(lon, lat, given.get("crs") or "wgs84")
