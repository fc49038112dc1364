"""Work for later on shifts."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from webgis.cases import shifts
from webgis.jobs import task


@task("cases.tidy_shifts")
def tidy_shifts(session: Session) -> None:
    """End forgotten shifts; run every hour by the timetable."""
    shifts.tidy(session, datetime.now(UTC))
