"""The log of administrative acts: every verb that changes people, rights or what the city runs by writes a line here.

Lines are only added; the database refuses to alter or remove one.
"""

import os
import pwd
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, NamedTuple

from sqlalchemy import Row, or_, select
from sqlalchemy.orm import Session

from webgis import db
from webgis.accounts.actor import Actor
from webgis.accounts.models import AdminEvent, Person
from webgis.db import Runtime

MOST_LINES = 200


def command_line() -> Actor:
    """Whoever runs a command: known to the machine, not to the city."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return Actor(None, f"{name}@command-line", name, "engine")


def record(
    session: Session,
    actor: Actor | None,
    action: str,
    subject: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write an act into the log, in the transaction of the change: who (None: the command line) did what to what.

    `action` is a verb with its package before it ("people.add"), `subject` a login or code; `before` and `after` hold
    JSON values, of a change only the fields that changed. Secrets do not belong here.
    """
    record_all(session, actor, [Act(action, subject, before, after)])


class Act(NamedTuple):
    """What `record` is told of an act."""

    action: str
    subject: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


def record_all(session: Session, actor: Actor | None, acts: Iterable[Act]) -> None:
    """Write several acts of one actor into the log, in their order."""
    who = actor or command_line()
    session.add_all(
        AdminEvent(
            person_id=who.id,
            who=who.login,
            action=act.action,
            subject=act.subject,
            before=None if act.before is None else dict(act.before),
            after=None if act.after is None else dict(act.after),
        )
        for act in acts
    )
    session.flush()


def record_change(
    session: Session,
    actor: Actor | None,
    action: str,
    subject: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> bool:
    """Record what differs between the two; whether anything does."""
    changed = [name for name in after if before.get(name) != after[name]]
    if changed:
        told = ({name: one.get(name) for name in changed} for one in (before, after))
        record(session, actor, action, subject, *told)
    return bool(changed)


@dataclass(frozen=True)
class Page:
    """Lines, newest first, and the id before which the next page begins (None: this was the last)."""

    rows: Sequence[Row]
    next: int | None


def listed(session: Session, *, words: str = "", action: str = "", before: int | None = None, most: int = 50) -> Page:
    """Lines of the log with the name of who did it, newest first. `words`: part of who or subject."""
    wanted = select(AdminEvent, Person.name).outerjoin(Person, Person.id == AdminEvent.person_id)
    if words:
        part = f"%{db.like(words)}%"
        wanted = wanted.where(or_(AdminEvent.who.ilike(part), AdminEvent.subject.ilike(part), Person.name.ilike(part)))
    if action:
        wanted = wanted.where(AdminEvent.action == action)
    if before is not None:
        wanted = wanted.where(AdminEvent.id < before)
    rows = session.execute(wanted.order_by(AdminEvent.id.desc()).limit(min(most, MOST_LINES) + 1)).all()
    more = len(rows) > most
    return Page(rows[:most], rows[most - 1][0].id if more else None)


def actions(session: Session) -> list[str]:
    """The actions that the log knows."""
    return list(session.scalars(select(AdminEvent.action).distinct().order_by(AdminEvent.action)))


def recorded(action: str) -> Callable:
    """Mark a command that changes what the city runs by: when it is done, a line with what it was given is written;
    not when it only looked (`check`, or a `file` to take over that was not given).

    Stands next to the function, under `click.pass_obj`: the runtime is the first argument.
    """

    def mark(command: Callable) -> Callable:
        @wraps(command)
        def run(runtime: Runtime, *args: Any, **given: Any) -> Any:
            done, ended = _done(command, runtime, *args, **given)
            if given.get("check") or given.get("file", "") is None:
                return _end(done, ended)
            told = {name: _plain(value) for name, value in given.items() if value not in (None, (), False, "")}
            with runtime.transaction() as session:
                record(session, None, action, runtime.settings.city_code, None, told)
            return _end(done, ended)

        run.recorded = action
        return run

    return mark


def _done(command: Callable, *args: Any, **given: Any) -> tuple[Any, SystemExit | None]:
    """What a command returns, and how it ended if by an exit code; an exit that says that nothing was done goes on."""
    try:
        return command(*args, **given), None
    except SystemExit as ended:
        if ended.code:
            raise
        return None, ended


def _end(done: Any, ended: SystemExit | None) -> Any:
    if ended is not None:
        raise ended
    return done


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_plain(one) for one in value]
    return value if isinstance(value, (str, int, float, bool)) else str(value)
