"""The table of protection distances on the administrators' pages: changed in a form, looked at, then taken over."""

import math
import re
from typing import Any

from flask import request
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from webgis import web
from webgis.errors import Invalid
from webgis.maps import metro_words
from webgis.metro import queries
from webgis.metro.distances import MEASURED_FROM, SURENESS, ZONE_KINDS, Distance, checked, shipped
from webgis.pages import admin_work
from webgis.pages.admin import admin, page

ACTION = "admin.metro"
COLUMNS = ("structure_kind", "zone_kind", "metres", "measured_from", "sureness", "source")
EMPTY_ROWS = 2
_METRES = re.compile(r"[0-9]{1,4}(\.[0-9]{1,3})?")

SURE: dict[str, LazyString] = {
    "H": lazy_gettext("sure"),
    "M": lazy_gettext("to be verified"),
    "L": lazy_gettext("unsure"),
}

MEASURED: dict[str, LazyString] = {
    "outline": lazy_gettext("outline"),
    "centre_line": lazy_gettext("centre line"),
}

FAULTS: dict[str, LazyString] = {
    "structure_kind": lazy_gettext("Choose the kind of structure."),
    "zone_kind": lazy_gettext("This zone stands twice for this kind of structure."),
    "metres": lazy_gettext("Metres above 0 and up to 1000; a special zone is no wider than the control zone."),
    "measured_from": lazy_gettext("All zones of a kind of structure are measured from the same."),
    "source": lazy_gettext("Name the rule that says so, in at most 300 characters."),
}
"""What is said at the field of a row that cannot be used."""


@admin.get("/metro/distances")
@web.permits(ACTION)
def metro_distances():
    """The table of distances, to be changed."""
    return _form()


def _form(given: list[dict[str, Any]] | None = None, fault: dict[str, Any] | None = None) -> str:
    """The table as it stands, or as it was sent; of rows that it has, the kinds of structure and zone stay."""
    with web.transaction() as session:
        table = sorted((vars(row) for row in queries.distances(session) or shipped()), key=_turn)
    return page(
        "metro_distances", "metro", rows=[*(table if given is None else given), *[{}] * EMPTY_ROWS], fault=fault or {},
        standing={(row["structure_kind"], row["zone_kind"]) for row in table}, said=FAULTS, kind_of=metro_words.kind,
        source_of=metro_words.source,
        kinds=metro_words.KINDS, zones=metro_words.ZONES, zone_kinds=ZONE_KINDS, measured=MEASURED_FROM,
        measured_words=MEASURED, sureness=SURENESS, sure_words=SURE,
    )  # fmt: skip


def _turn(row: dict[str, Any]) -> tuple[int, str, int]:
    """Stations and tunnels first, as the table that ships has them; a city's own kinds after them."""
    kind, known = row["structure_kind"], [*metro_words.KINDS]
    return known.index(kind) if kind in known else len(known), kind, ZONE_KINDS.index(row["zone_kind"])


@admin.post("/metro/distances")
@web.permits(ACTION)
@admin_work.asked
def change_distances():
    """Have it looked at which zones another table would make."""
    rows = _rows()
    kept = [row for row in rows if not row["drop"]]
    try:
        table = [_distance(row) for row in kept]
        checked(table)
    except Invalid as error:
        return _form(rows, error.facts), 422
    with web.transaction() as session:
        return admin_work.begin(session, "metro_distances", {"rows": [vars(row) for row in table]})


def _rows() -> list[dict[str, Any]]:
    """The rows of the form; those that nobody filled in are none."""
    columns = [request.form.getlist(name) for name in COLUMNS]
    dropped = set(request.form.getlist("drop"))
    given = []
    for number, row in enumerate(zip(*columns, strict=False), 1):
        texts = (value.replace("\0", "").strip() for value in row)
        told = dict(zip(COLUMNS, texts, strict=True))
        given.append(told | {"source": metro_words.stored(told["source"]), "drop": str(number) in dropped})
    return [row for row in given if row["structure_kind"] or row["metres"] or row["source"]]


def _distance(row: dict[str, Any]) -> Distance:
    metres = float(row["metres"]) if _METRES.fullmatch(row["metres"]) else math.nan
    return Distance(**{name: row[name] for name in COLUMNS} | {"metres": metres})
