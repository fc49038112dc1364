"""Work for later on maps: the drawn copy of the map of cases."""

from datetime import UTC, datetime
from pathlib import Path

from flask import Flask
from flask_babel import Babel
from sqlalchemy.orm import Session

import webgis
from webgis import settings
from webgis.jobs import task
from webgis.maps import drawing, queries

LANGUAGE_TAGS = {"zh_CN": "zh-CN", "en": "en"}


@task("maps.draw_cases", queue="slow")
def draw_cases(session: Session) -> None:
    """Draw the map of cases for everyone to `static/maps`. Many changes wait for one drawing; it may run twice."""
    draw(session, settings.load())


def draw(session: Session, loaded: settings.Settings) -> Path:
    """Draw now, in the city's language, with the settings given; returns the page's path."""
    bounds = queries.extent(session)
    areas = [queries.areas_geojson(session, level, bounds, "middle") for level in ("county", "subdistrict")]
    found = queries.cases_for_everyone(session)
    now = datetime.now(UTC)
    with _speaking(loaded):
        english = loaded.locale == "en"
        shown = {
            "features": drawing.features(found.rows, now, loaded.zone, english=english),
            "truncated": found.truncated,
            "drawn_at": now.astimezone(loaded.zone).strftime("%Y-%m-%d %H:%M"),
        }
        figure = drawing.drawn_map(bounds, areas, shown, lang=LANGUAGE_TAGS[loaded.locale])
        return drawing.write_drawing(drawing.drawn_folder(loaded), figure)


def _speaking(loaded: settings.Settings):
    """A context in which texts are in the city's language: a worker has no request that could name one."""
    speaker = Flask("webgis")
    translations = Path(webgis.__file__).resolve().parent / "translations"
    speaker.config["BABEL_TRANSLATION_DIRECTORIES"] = str(translations)
    Babel(speaker, default_locale=loaded.locale, default_timezone=loaded.timezone)
    return speaker.app_context()
