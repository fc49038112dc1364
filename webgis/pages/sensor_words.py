"""What sensors are called: how they stand, and what became of their readings."""

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

STATES: dict[str, tuple[LazyString, str, str]] = {
    "alarm": (lazy_gettext("in alarm"), "bell-ringing", "bad"),
    "silent": (lazy_gettext("silent"), "wifi-off", "warn"),
    "ok": (lazy_gettext("telling"), "circle-check", "good"),
    "new": (lazy_gettext("nothing told yet"), "circle-dashed", "plain"),
    "off": (lazy_gettext("out of use"), "ban", "plain"),
}
"""How a sensor stands: word, icon and tone. An alarm goes before the others."""

FATES: tuple[tuple[str, LazyString, LazyString], ...] = (
    ("taken", lazy_gettext("kept"), lazy_gettext("New readings, in place")),
    ("reordered", lazy_gettext("of these out of order"), lazy_gettext("Older than the newest, by 10 minutes at most")),
    ("late", lazy_gettext("of these late"), lazy_gettext("Older than the newest by more than 10 minutes")),
    ("doubled", lazy_gettext("doubled"), lazy_gettext("Told before; kept once")),
    (
        "contradicted",
        lazy_gettext("contradicted"),
        lazy_gettext("Another value for a known moment; the highest is kept"),
    ),
    (
        "impossible",
        lazy_gettext("impossible"),
        lazy_gettext("No number, no moment, or beyond what the sensor can tell"),
    ),
    ("ahead", lazy_gettext("of the future"), lazy_gettext("More than 5 minutes ahead; the sensor's clock is wrong")),
    ("too_old", lazy_gettext("too old"), lazy_gettext("Older than this city keeps")),
)
"""What became of readings: the column of the counts, a word, and what it means."""

SPANS = (
    ("1", lazy_gettext("24 hours")),
    ("7", lazy_gettext("7 days")),
    ("30", lazy_gettext("30 days")),
    ("365", lazy_gettext("A year")),
)
"""Days of a chart."""
