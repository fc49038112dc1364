"""What maps say of emergencies, in the language of the reader."""

from flask_babel import get_locale
from flask_babel import gettext as _

from webgis.emergency.kinds import LEVELS


def on_maps() -> dict[str, str]:
    """Words of the popups, by name."""
    english = str(get_locale()).startswith("en")
    levels = {
        f"emergency_{number}": _("Level %(sign)s, %(word)s", sign=one.sign, word=one.en if english else one.zh)
        for number, one in LEVELS.items()
    }
    return {"emergency": _("Emergency"), "exercise": _("Exercise")} | levels
