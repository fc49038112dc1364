"""Work for later on figures: the workbook that a person asked for."""

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from webgis import api, jobs, settings
from webgis.accounts import queries as accounts
from webgis.evaluation.overview import picture
from webgis.evaluation.wire import FiguresAsked
from webgis.jobs import task
from webgis.maps.tasks import speaking
from webgis.pages import watch_export


@task("pages.export_figures", queue="slow")
def export_figures(session: Session, login: str, export: str, asked: Mapping[str, str], lang: str) -> None:
    """Write the workbook `export` that a person asked for, with their rights of now, and tell how far it is."""
    loaded = settings.load()
    redis, actor, now = jobs.connect(loaded), accounts.actor(session, login), datetime.now(UTC)
    question, found = picture(session, actor, api.checked(FiguresAsked, dict(asked)), now, loaded.zone)
    target = watch_export.file_of(loaded, actor.id, export)

    def say(percent: int) -> None:
        jobs.tell_progress(redis, export, percent)

    with speaking(loaded, lang):
        watch_export.write(session, loaded, actor, question, found, target, say, lang == "en")
    say(100)
