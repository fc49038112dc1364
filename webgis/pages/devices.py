"""What a browser is called where logins are listed: enough to know one's own devices again, no more."""

import re

from flask_babel import gettext as _

BROWSERS = (
    ("MicroMessenger", "WeChat"), ("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)  # fmt: skip
SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
    ("Mac OS", "macOS"), ("Linux", "Linux"),
)  # fmt: skip


def device_name(agent: str | None) -> str:
    """ "Chrome, Android", or as much of it as a browser told."""
    if not agent:
        return _("Unknown device")
    found = [next((name for sign, name in known if sign in agent), None) for known in (BROWSERS, SYSTEMS)]
    named = ", ".join(filter(None, found))
    return named or re.split(r"[\s/]", agent)[0][:40]
