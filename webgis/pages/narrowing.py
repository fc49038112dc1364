"""The filters of the list of cases that have no field of their own: a figure of the manager's page leads to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext as _

from webgis.pages import words


@dataclass(frozen=True)
class Narrowed:
    """A filter that is set: its field, what it says, and the address of the list without it."""

    name: str
    word: str
    without: str


def source_word(source: str) -> str:
    """What a source of reports is called."""
    return str(words.SOURCES.get(source, source))


WORDS: dict[str, Callable[[str], str]] = {
    "source": lambda value: _("Source: %(source)s", source=source_word(value)),
    "filed": lambda _value: _("Filed"),
    "reopened": lambda _value: _("Opened again"),
    "closed_since": lambda value: _("Closed from %(day)s", day=value),
    "closed_until": lambda value: _("Closed up to %(day)s", day=value),
    "in_time": lambda value: _("On time") if value == "yes" else _("Late"),
    "zone": lambda value: _("Construction zone %(code)s", code=value),
    "overdue": lambda _value: _("Overdue now"),
}


def narrowed(given: Mapping[str, str]) -> list[Narrowed]:
    """Those of these filters that are set."""
    return [Narrowed(name, word(given[name]), _without(given, name)) for name, word in WORDS.items() if given.get(name)]


def _without(given: Mapping[str, str], name: str) -> str:
    kept = {other: value for other, value in given.items() if other not in (name, "cursor")}
    return url_for("pages.case_list", **kept)
