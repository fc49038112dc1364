"""Long work on the administrators' pages: a file is sent, what it would do is shown, then it is taken over by a job.

A section offers its kinds of work with `offer`: their page, how far they are, and the button that takes them over.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import flash, jsonify, redirect, request, send_file, url_for
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from sqlalchemy.orm import Session

from webgis import jobs, limits, web
from webgis.cases import table_wire, workflow
from webgis.errors import NotFound
from webgis.exchange import work, work_files
from webgis.exchange.work_models import LongWork
from webgis.pages import words
from webgis.pages.admin import REFUSALS, admin, page

STATES: dict[str, tuple[LazyString, str, str]] = {
    "looking": (lazy_gettext("being looked at"), "hourglass", ""),
    "looked": (lazy_gettext("waits for you"), "eye", "warn"),
    "taking": (lazy_gettext("being taken over"), "hourglass", ""),
    "done": (lazy_gettext("done"), "check", "good"),
    "refused": (lazy_gettext("refused"), "ban", "bad"),
}
"""State -> its word, icon and tone."""


@admin.app_context_processor
def _states() -> dict[str, Callable]:
    return {"work_state": state_of}


def state_of(found: LongWork) -> str:
    """The state as it is shown: what was looked at and cannot be taken over waits for nobody."""
    if found.state != "looked" or found.told.get("takes"):
        return found.state
    return "done" if found.kind == "check" else "refused"


KINDS: dict[str, LazyString] = {
    "areas": lazy_gettext("Areas from a file"),
    "cells": lazy_gettext("Surveyed cells from a file"),
    "cell_people": lazy_gettext("People of cells from a table"),
    "divide": lazy_gettext("Division into cells"),
    "check": lazy_gettext("Check of areas and cells"),
    "standard": lazy_gettext("Filing standard from a file"),
    "calendar": lazy_gettext("Change of the calendar"),
    "metro": lazy_gettext("Structures of the metro from a file"),
    "metro_distances": lazy_gettext("Change of the protection distances"),
    "hazards": lazy_gettext("Hazard sources from a file"),
    "emergency_plans": lazy_gettext("Plans of emergencies from a file"),
    "emergency_resources": lazy_gettext("Resources from a file"),
    "thresholds": lazy_gettext("Change of a rule of alarms"),
    "construction": lazy_gettext("Construction zones from a file"),
    "routes": lazy_gettext("Routes of emergency vehicles from a file"),
}
"""What each kind of work is called."""


@dataclass(frozen=True)
class Offered:
    """Kinds of work of a section: which, their template, what the page shows besides, what is decided when they are
    taken over, and where one goes on."""

    section: str
    action: str
    kinds: tuple[str, ...]
    facts: Callable[[Session, LongWork], dict[str, Any]]
    decided: Callable[[], dict[str, Any]]


OFFERED: dict[str, Offered] = {}


def offer(one: Offered) -> None:
    """Give a section the addresses of its work: /admin/<section>/work/<name> and what hangs below it."""
    OFFERED.update(dict.fromkeys(one.kinds, one))

    def shown(name: str):
        """What a work found or did, or how far it is."""
        with web.transaction() as session:
            found = work.require(session, name, one.kinds)
            percent = jobs.progress(web.redis(), name) or 0
            about = {"work": found, "percent": percent, "trouble": work.trouble(session, name)}
            return page(f"work_{one.section}", one.section, **about, **common(found), **one.facts(session, found))

    def state(name: str):
        """How far a work is."""
        with web.transaction() as session:
            found = work.require(session, name, one.kinds)
            trouble = work.trouble(session, name)
        return jsonify({"state": found.state, "percent": jobs.progress(web.redis(), name) or 0, "trouble": trouble})

    def take(name: str):
        """Take over what was looked at."""
        try:
            with web.transaction() as session:
                work.take_over(session, web.actor(), name, one.kinds, one.decided())
        except REFUSALS as error:
            flash(words.sentence(error.code, error.message, error.facts), "warning")
        else:
            jobs.tell_progress(web.redis(), name, 0)
        return redirect(url_for(f".{one.section}_work", name=name), 303)

    for name, view, method, path in (
        ("work", shown, "GET", ""),
        ("work_state", state, "GET", "/state"),
        ("work_take", take, "POST", "/take"),
    ):
        address = f"/{one.section}/work/<name>{path}"
        admin.add_url_rule(address, f"{one.section}_{name}", web.permits(one.action)(view), methods=[method])


def common(found: LongWork) -> dict[str, Any]:
    """What every page of a work is told."""
    refusal = None
    if found.state == "refused" and "code" in found.told:
        refusal = words.sentence(found.told["code"], found.told["message"], found.told["facts"])
    return {"kind_words": KINDS, "work_states": STATES, "refusal": refusal}


def begin(session: Session, kind: str, given: dict[str, Any], file: Path | None = None, called: str | None = None):
    """Begin a work, and go to its page once the transaction is over."""
    made = work.begin(session, web.runtime().settings, web.actor(), kind, given, file, called)
    return redirect(url_for(f".{OFFERED[kind].section}_work", name=made.name), 303)


asked = limits.at_most("work_limit", per=limits.person, counts=lambda answer: answer.status_code == 303)
"""Marks a view by which long work is asked for."""


@contextmanager
def sent(endings: Sequence[str]) -> Iterator[tuple[Path, str]]:
    """The file in the field `file` with one of these endings, while the block runs, and what its sender calls it."""
    given = request.files.get("file")
    called = Path(given.filename).name if given is not None and given.filename else ""
    ending = Path(called).suffix.lower()
    if ending not in endings:
        raise workflow.bad_field("file", ending or None, f"a file that ends in {', '.join(endings)}")
    with table_wire.saved(given, ending) as path:
        yield path, called


def shapes(name: str, kinds: Sequence[str]):
    """The outlines that were drawn of a work, for its map."""
    with web.transaction() as session:
        found = work.require(session, name, kinds)
    file = work_files.folder_of(web.runtime().settings, found.name) / work_files.SHAPES
    if not file.is_file():
        raise NotFound("exchange.work-unknown", "There is no such work, or it is no longer kept", name=name[:64])
    return send_file(file.resolve(), mimetype="application/geo+json")
