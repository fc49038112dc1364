"""Work for later on maps: snapshots, for everyone and for one person."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask
from flask_babel import Babel
from sqlalchemy.orm import Session

import webgis
from webgis import jobs, settings
from webgis.accounts import queries as accounts
from webgis.jobs import task
from webgis.maps import snapshots
from webgis.maps.layers import BY_NAME

LANGUAGE_TAGS = {"zh_CN": "zh-CN", "en": "en"}


@task("maps.draw_cases", queue="slow")
def draw_cases(session: Session) -> None:
    """Draw the public snapshot to `static/maps`. Many changes wait for one drawing; it may run twice."""
    draw(session, settings.load())


def draw(session: Session, loaded: settings.Settings) -> Path:
    """Draw the public snapshot now, in every language; returns the path of that in the city's own."""
    now, question = datetime.now(UTC), snapshots.for_everyone()
    collected = snapshots.collect(session, question, lambda _percent: None)
    pages = {}
    for locale, tag in LANGUAGE_TAGS.items():
        with speaking(loaded, locale):
            pages[tag] = snapshots.written(loaded, question, collected, now, tag)
    day = now.astimezone(loaded.zone).strftime("%Y-%m-%d")
    own = pages.pop(LANGUAGE_TAGS[loaded.locale])
    return snapshots.write_public(snapshots.drawn_folder(loaded), own, day, pages)


@task("maps.draw_own", queue="slow")
def draw_own(session: Session, login: str, snapshot: str, page: str, asked: Mapping[str, str], lang: str) -> None:
    """Draw the `snapshot` that a person asked for, with their rights of now, and tell how far it is."""
    loaded = settings.load()
    redis = jobs.connect(loaded)
    actor = accounts.actor(session, login)
    question = snapshots.for_person(actor, BY_NAME[page], asked)
    now = datetime.now(UTC)
    with speaking(loaded, lang):
        made = snapshots.draw(
            session,
            loaded,
            question,
            now,
            lambda percent: jobs.tell_progress(redis, snapshot, percent),
            LANGUAGE_TAGS[lang],
        )
    snapshots.write(snapshots.own_file(loaded, actor.id, snapshot), made)
    snapshots.forget_old(loaded, now)
    jobs.tell_progress(redis, snapshot, 100)


def speaking(loaded: settings.Settings, locale: str):
    """A context in which texts are in a language: a worker has no request that could name one."""
    speaker = Flask("webgis")
    translations = Path(webgis.__file__).resolve().parent / "translations"
    speaker.config["BABEL_TRANSLATION_DIRECTORIES"] = str(translations)
    Babel(speaker, default_locale=locale, default_timezone=loaded.timezone)
    return speaker.app_context()
