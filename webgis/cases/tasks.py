"""Work for later on cases."""

from sqlalchemy.orm import Session

from webgis.cases import audit_tasks as audit_tasks
from webgis.cases import channel_tasks as channel_tasks
from webgis.cases import clock_tasks as clock_tasks
from webgis.cases import evidence
from webgis.jobs import task


@task("cases.thumbnail")
def make_thumbnail(session: Session, sha256: str) -> None:
    """Make the thumbnail of a photo."""
    evidence.make_thumbnail(session.info["settings"], sha256)
