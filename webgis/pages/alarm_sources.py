"""Where the figures of rules of alarms and of ladders come from: those that ship in the reader's language, those of a
city as they were written."""

from flask_babel import gettext


def N_(text: str) -> str:
    """Marks a text to be translated where it is shown."""
    return text


SHIPPED = frozenset((
    N_("ours"),
    N_("a rise of 10 cm in ten minutes"),
    N_("habit of cities (recalled); reset and durations ours"),
    N_("habit of cities, 0.25 to 0.30 (recalled); reset and durations ours"),
    N_("habit of cities, 0.40 to 0.50 (recalled); reset and durations ours"),
    N_("AQ 1029 T0; reset as for T1: the source prints 1.5, a slip"),
    N_("AQ 1029, 0.70 to 0.75 (recalled); the lower; reset ours"),
    N_("AQ 1029, series ventilation"),
    N_("CMA order 16, 100 mm in 3 h; reset ours"),
    N_("CMA order 16, 50 mm in 12 h; reset ours"),
    N_("CMA order 16, 50 mm in 3 h; reset ours"),
    N_("CMA order 16, 50 mm in 6 h; reset ours"),
    N_(
        "Chengdu waterlogging plan of 2012: at or above the guaranteed level (readings are metres above it);"
        " reset and its duration ours"
    ),
    N_("DB61/1078-2017 of Shaanxi, TSP, mean of an hour (second hand): a city enters its own; reset ours"),
    N_("GB 12523-2011, 15 dB above the limit of the night (recalled); reset and durations ours"),
    N_("GB 12523-2011, day (recalled; a newer edition may be in force); reset and durations ours"),
    N_("GB 12523-2011, night (recalled; a newer edition may be in force); reset and durations ours"),
    N_("GB/T 50493 family, 20 to 25 % LEL (recalled); the lower; reset and its duration ours"),
    N_("GB/T 50493 family, 40 to 50 % LEL (recalled); the lower; reset and its duration ours"),
))  # fmt: skip
"""The sources of the tables in `hazards/data`; names of a standard alone are the same in both languages."""


def shown(text: str) -> str:
    """A source as the reader sees it."""
    return gettext(text) if text in SHIPPED else text


def stored(text: str) -> str:
    """A source as it is stored: what a form showed of one that ships is the text that ships again."""
    return next((ships for ships in SHIPPED if gettext(ships) == text), text)
