"""Work for later on counts: the fold. It runs by the timetable; reads are right whether it does or not."""

from sqlalchemy.orm import Session

from webgis import jobs
from webgis.jobs import task
from webgis.maps import rollups


@task("maps.fold", queue="slow")
def fold(session: Session) -> None:
    """Fold what has changed; when there is more than fits into one transaction, go on in the next."""
    if rollups.fold(session) == rollups.FOLDED_AT_ONCE:
        jobs.enqueue(session, "maps.fold", queue="slow")
