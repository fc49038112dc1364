"""What may be done in an emergency over HTTP, by the API and its page alike: fields of each act, and its operation."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from webgis import api
from webgis.accounts.actor import Actor
from webgis.emergency import operations, wire, work
from webgis.errors import NotFound
from webgis.settings import Settings


class By(NamedTuple):
    """Who acts, in which emergency, and when."""

    session: Session
    settings: Settings
    actor: Actor
    number: str
    at: datetime

    def do(self, verb: Callable, *given: Any, **named: Any) -> None:
        """Do it without settings: for what tells nobody outside."""
        verb(self.session, self.actor, self.number, *given, **named, at=self.at)

    def do_and_tell(self, verb: Callable, *given: Any) -> None:
        """Do what gives out a CAP message."""
        verb(self.session, self.settings, self.actor, self.number, *given, at=self.at)


class Act(NamedTuple):
    """An act: the fields that it is given, and what does it."""

    given: type[api.Given]
    do: Callable[[By, Any], None]


def _change(by: By, given: wire.ChangeGiven) -> None:
    by.do_and_tell(operations.change, operations.Change(**given.model_dump()))


ACTS = {
    "change": Act(wire.ChangeGiven, _change),
    "invite": Act(wire.InviteGiven, lambda by, given: by.do(operations.invite, given.departments)),
    "dismiss": Act(wire.DismissGiven, lambda by, given: by.do(operations.dismiss, given.department)),
    "link": Act(wire.LinkGiven, lambda by, given: by.do(operations.link, given.case)),
    "note": Act(wire.NoteGiven, lambda by, given: by.do(operations.note, given.words)),
    "add_task": Act(wire.TaskGiven, lambda by, given: by.do(work.add, **given.model_dump())),
    "assign": Act(wire.AssignGiven, lambda by, given: by.do(work.assign, given.resource, given.minutes)),
    "close": Act(wire.CloseGiven, lambda by, given: by.do_and_tell(operations.close, given.summary)),
}


def require(action: str) -> Act:
    """The act of this name."""
    if action not in ACTS:
        raise NotFound("emergency.action-unknown", f"There is no action '{action[:40]}'", accepted=list(ACTS))
    return ACTS[action]


def act(by: By, action: str, fields: Mapping[str, Any]) -> None:
    """Do it, with fields as they came."""
    one = require(action)
    one.do(by, api.checked(one.given, fields))
