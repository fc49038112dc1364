"""Long work that administrators ask for: looked at first, changing nothing, then taken over; each by a job.

What is done is a `Kind`: the modules `..._work.py` hold them. Looking does the whole act and rolls it back, so that
what is shown is what would be. Files that were sent are kept by `work_files`.
"""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from redis import Redis
from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from webgis import jobs
from webgis.accounts import permissions
from webgis.accounts import queries as accounts
from webgis.accounts.actor import Actor
from webgis.accounts.models import Person
from webgis.errors import Conflict, NotFound, WebgisError
from webgis.exchange.work_files import file_in, folder_of, forget, keep
from webgis.exchange.work_models import LongWork
from webgis.settings import Settings

KEPT_DAYS = 30
Tell = Callable[[int], None]


@dataclass(frozen=True)
class Doing:
    """What a kind is given: the settings, what was asked, the file that was sent, the folder for what is shown, who
    asks, and how to tell the per cent that are done."""

    settings: Settings
    given: dict[str, Any]
    file: Path | None
    folder: Path
    by: Actor
    tell: Tell


@dataclass(frozen=True)
class Kind:
    """A kind of work. `run(session, doing)` does it and says what was found or done as JSON values; `stands`: how that
    on which it builds stands, another text after every change; `action`: the right that whoever asks for it must still
    have when it is done; `takes`: whether it can be taken over after it was looked at."""

    name: str
    run: Callable[[Session, Doing], dict[str, Any]]
    stands: Callable[[Session, Doing], str]
    action: str = "admin.start"
    takes: bool = True


KINDS: dict[str, Kind] = {}
"""Every kind by its name; filled when the modules that hold them are imported (`work_tasks` imports all)."""


def kind(
    name: str, stands: Callable[[Session, Doing], str], *, action: str = "admin.start", takes: bool = True
) -> Callable:
    """Register `function(session, doing)` as the work `name`. It commits nothing."""

    def register(function: Callable) -> Callable:
        KINDS[name] = Kind(name, function, stands, action, takes)
        return function

    return register


def begin(
    session: Session,
    settings: Settings,
    by: Actor,
    kind: str,
    given: dict[str, Any],
    file: Path | None = None,
    called: str | None = None,
) -> LongWork:
    """Have work looked at by a job. `file` is copied; `called` is what its sender calls it."""
    _forget_old(session, settings)
    name = secrets.token_urlsafe(12)
    if file is not None:
        keep(folder_of(settings, name), file)
        given = given | {"called": (called or file.name)[:200]}
    made = LongWork(name=name, kind=kind, person_id=by.id, given=given, state="looking")
    session.add(made)
    session.flush()
    jobs.enqueue(session, "exchange.work", queue="slow", work=name, state="looking")
    return made


def take_over(session: Session, by: Actor, name: str, kinds: Sequence[str], more: dict[str, Any]) -> LongWork:
    """Have what was looked at taken over by a job; `more` is what was decided meanwhile. It is the act of who says so,
    whoever had it looked at. `Conflict` when it was not looked at, or is under way already."""
    found = require(session, name, kinds, lock=True)
    if found.state != "looked" or not found.told.get("takes"):
        raise Conflict("exchange.work-not-ready", "This cannot be taken over as it stands", state=found.state)
    found.given = found.given | more
    found.state, found.person_id = "taking", by.id
    found.changed_at = func.now()
    jobs.enqueue(session, "exchange.work", queue="slow", work=name, state="taking")
    session.flush()
    return found


def require(session: Session, name: str, kinds: Sequence[str], *, lock: bool = False) -> LongWork:
    """The work of this name, if it is one of these kinds; `NotFound` otherwise."""
    wanted = select(LongWork).where(LongWork.name == name, LongWork.kind.in_(kinds))
    found = session.scalar(wanted.with_for_update() if lock else wanted)
    if found is None:
        raise NotFound("exchange.work-unknown", "There is no such work, or it is no longer kept", name=name[:64])
    return found


def recent(session: Session, kinds: Sequence[str], most: int = 8) -> Sequence[LongWork]:
    """The last works of these kinds, newest first."""
    wanted = select(LongWork).where(LongWork.kind.in_(kinds)).order_by(LongWork.id.desc()).limit(most)
    return session.scalars(wanted).all()


_TROUBLE = text(
    "SELECT dead_at IS NOT NULL FROM city.outbox WHERE task = 'exchange.work' AND args ->> 'work' = :name"
    " AND error IS NOT NULL LIMIT 1"
)


def trouble(session: Session, name: str) -> str | None:
    """Whether a job of this work has failed unexpectedly: "again" while it will be tried again, "dead", or None."""
    dead = session.scalar(_TROUBLE, {"name": name})
    return None if dead is None else "dead" if dead else "again"


def do(session: Session, settings: Settings, redis: Redis, name: str, state: str) -> None:
    """What the job does. A refusal is an outcome; running twice does no harm, since the state has gone on."""
    found = session.scalar(select(LongWork).where(LongWork.name == name).with_for_update())
    if found is None or found.state != state:
        return
    if state == "taking":
        session.execute(_ONE_AT_A_TIME)
    kind, folder = KINDS[found.kind], folder_of(settings, name)
    try:
        by = _who(session, found.person_id, kind.action)
    except WebgisError as error:
        found.state, found.told = _refused(error)
    else:
        tell = partial(jobs.tell_progress, redis, name)
        doing = Doing(settings, found.given, file_in(folder), folder, by, tell)
        found.state, found.told = _run(session, kind, doing, state, found.told.get("stands"))
    found.changed_at = func.now()
    session.flush()


def _who(session: Session, person_id: int, action: str) -> Actor:
    """Who asked, if they are still active and may still do it."""
    login = session.scalar(select(Person.login).where(Person.id == person_id))
    by = accounts.actor(session, login)
    permissions.require(by, action)
    return by


_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('webgis long work', 0))")


def _run(session: Session, kind: Kind, doing: Doing, state: str, looked_at: str | None) -> tuple[str, dict[str, Any]]:
    """The state after, and what is told. What was only looked at is rolled back; what stands otherwise than when it was
    looked at is not taken over, for it would do something that nobody has seen."""
    stands = kind.stands(session, doing)
    with session.begin_nested() as trial:
        try:
            if looked_at not in (None, stands):
                raise Conflict("exchange.work-outdated", "Something was changed since this was looked at")
            told = kind.run(session, doing)
        except WebgisError as error:
            trial.rollback()
            return _refused(error)
        if state == "looking":
            trial.rollback()
            session.expire_all()
            return "looked", {"takes": kind.takes, "stands": stands} | told
        return ("refused" if told.get("takes") is False else "done"), told


def _refused(error: WebgisError) -> tuple[str, dict[str, Any]]:
    facts = json.loads(json.dumps(error.facts, default=str))
    return "refused", {"code": error.code, "message": error.message, "facts": facts}


def _forget_old(session: Session, settings: Settings) -> None:
    """Forget what is older than it is kept, and the files of what has ended; the log of administrative acts still
    knows what was done."""
    old, ended = func.now() - timedelta(days=KEPT_DAYS), func.now() - timedelta(hours=1)
    gone = list(session.scalars(delete(LongWork).where(LongWork.changed_at < old).returning(LongWork.name)))
    over = select(LongWork.name).where(LongWork.state.in_(("done", "refused")), LongWork.changed_at < ended)
    for name in (*gone, *session.scalars(over)):
        forget(settings, name)
