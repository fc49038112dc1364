"""Work for later of the channels: notices, their messages, deadlines that come near."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from webgis.cases import messages, notices
from webgis.jobs import task

DUE_AT_ONCE = 200
"""Deadlines that are told in one run."""


@task("cases.notify")
def notify(session: Session, case: int, event: str, facts: dict[str, Any], key: str) -> None:
    """Keep a notice for everyone who is to be told of an event."""
    notices.keep(session, session.info["settings"], case, event, facts, key)


@task("cases.bundle_notices")
def bundle_notices(session: Session, contact: int | None, address: int | None) -> None:
    """Make one message of what waits for a recipient."""
    messages.bundle(session, contact, address)


@task("cases.send_message", queue="slow")
def send_message(session: Session, message: str) -> None:
    """Send a message, if that was not done."""
    messages.send(session, session.info["settings"], message)


@task("cases.tell_due")
def tell_due(session: Session) -> None:
    """Tell of deadlines that have come near or passed; run every few minutes by the timetable."""
    for row in session.execute(text("SELECT of_case, event FROM fn.take_due(:wanted)"), {"wanted": DUE_AT_ONCE}).all():
        notices.tell(session, row.of_case, row.event)
