"""Rules of alarms in words: what their levels look at, what is wrong with one, and a level in a line."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from webgis import web
from webgis.hazards import alarm_words

MEASURES: dict[str, LazyString] = {
    "value": lazy_gettext("the reading"),
    "sum": lazy_gettext("sum of the span"),
    "mean": lazy_gettext("mean of the span"),
    "rise": lazy_gettext("rise in the span"),
}
"""What a level looks at."""

ADVICE: dict[str, LazyString] = {
    "slowed": lazy_gettext("Pass slowly"),
    "closed": lazy_gettext("Advised to close"),
}
"""What a level says of a road."""

SURENESS: dict[str, LazyString] = {
    "H": lazy_gettext("sure"),
    "M": lazy_gettext("to be verified"),
    "L": lazy_gettext("unsure"),
    "ours": lazy_gettext("of practice"),
}
"""How sure the figure of a level is."""

FIELDS: dict[str, LazyString] = {
    "name_zh": lazy_gettext("Name in Chinese"),
    "name_en": lazy_gettext("Name in English"),
    "least": lazy_gettext("Lowest possible reading"),
    "most": lazy_gettext("Highest possible reading"),
    "late_s": lazy_gettext("Late by at most"),
    "silence_s": lazy_gettext("A gap that proves no reset"),
    "kind": lazy_gettext("Kind"),
    "class_code": lazy_gettext("Class of the case"),
    "quantity": lazy_gettext("Quantity"),
    "place": lazy_gettext("Kind of place"),
    "unit": lazy_gettext("Unit"),
}
"""Fields of a rule but for its levels."""

FAULTS: dict[str, LazyString] = {
    "key": lazy_gettext("3 to 64 of a to z, 0 to 9, _ and ., but not new; no rule has this key yet."),
    "name_zh": lazy_gettext("1 to 60 characters."),
    "name_en": lazy_gettext("1 to 60 characters."),
    "levels": lazy_gettext("Give one level or more, at most 20."),
    "rank": lazy_gettext("A rank of 1 to 9."),
    "at": lazy_gettext("Give a number that readings can reach: not above the highest possible one."),
    "reset": lazy_gettext(
        "Give a number that is not above the one at which the level is reached, and above the lowest possible reading"
        " (of a rise: above 0). Else the alarm never ends."
    ),
    "lasting": lazy_gettext("Minutes from 0, at most three days."),
    "quiet": lazy_gettext("Minutes from 0, at most three days."),
    "window": lazy_gettext("Minutes for a sum, a mean or a rise; none for the reading itself."),
    "hours": lazy_gettext("Hours such as 22:00-06:00, with two different ends, or none."),
    "source": lazy_gettext("Say where the figure comes from, in at most 300 characters."),
    "least": lazy_gettext("Give a number below the highest possible reading."),
    "most": lazy_gettext("Give a number above the lowest possible reading."),
    "late_s": lazy_gettext("Minutes from 0 to a day."),
    "silence_s": lazy_gettext("Minutes from 0 to ten days."),
    "class": lazy_gettext("Choose a class of the catalogue."),
    "class_code": lazy_gettext("Choose a class of the catalogue."),
    "unit": lazy_gettext("Choose a quantity."),
    "place": lazy_gettext("Choose a kind of place."),
    "minutes": lazy_gettext("Minutes from 1 to 1440."),
    "who": lazy_gettext("Choose who is told."),
    "steps": lazy_gettext("Give a step of rank 1: somebody must be told of every alarm."),
}
"""What is said at a field that cannot be used."""


def fault(facts: Mapping[str, Any]) -> str:
    """What is wrong with a rule or a ladder."""
    return str(FAULTS.get(facts.get("field", ""), _ANY))


_ANY = lazy_gettext("These thresholds contradict each other. Check levels, resets and durations.")


def minutes(seconds: float) -> str:
    """A span as minutes are typed."""
    return f"{seconds / 60:g}"


def level_line(level: Mapping[str, Any], unit: str) -> str:
    """When a level is reached and left."""
    left = f"< {level['reset']:g}"
    if level["quiet_s"]:
        left = _("%(bound)s for %(n)s min", bound=left, n=minutes(level["quiet_s"]))
    return _("%(reached)s; reset %(left)s", reached=bound(level, unit), left=left)


def bound(level: Mapping[str, Any], unit: str) -> str:
    """When a level is reached."""
    return alarm_words.bound(level, unit)[web.locale() == "en"]


def measured(measure: str, window_s: float) -> str:
    """What a level looks at: "sum of 12 h"."""
    return alarm_words.looked_at(measure, window_s)[web.locale() == "en"]
