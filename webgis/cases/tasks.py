"""Work for later on cases."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from webgis.accounts.actor import ENGINE
from webgis.cases import evidence, handling, queries, workflow
from webgis.jobs import task


@task("cases.thumbnail")
def make_thumbnail(session: Session, sha256: str) -> None:
    """Make the thumbnail of a photo."""
    evidence.make_thumbnail(session.info["settings"], sha256)


@task("cases.resume")
def resume(session: Session, number: str) -> None:
    """Let a case go on whose suspension is over; nothing when it went on before, or was suspended anew for longer."""
    case, now = queries.require_case(session, ENGINE, number), datetime.now(UTC)
    if case.state == workflow.SUSPENDED and case.resume_at <= now:
        handling.act(session, session.info["settings"], ENGINE, number, "resume", {}, at=now)
