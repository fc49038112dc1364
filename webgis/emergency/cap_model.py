"""The Common Alerting Protocol 1.2 (OASIS, 1 July 2010) as tables: which elements a message has, in which order, how
often, and what each may hold. Written from the standard's schema (its clause 3.4) and from what clause 3.2 says in
words; the tests hold it against the schema of OASIS, which is not shipped. Pure.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"
MANY = 1000

STATUSES = ("Actual", "Exercise", "System", "Test", "Draft")
MSG_TYPES = ("Alert", "Update", "Cancel", "Ack", "Error")
SCOPES = ("Public", "Restricted", "Private")
CATEGORIES = (
    "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other",
)  # fmt: skip
RESPONSES = ("Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None")
URGENCIES = ("Immediate", "Expected", "Future", "Past", "Unknown")
SEVERITIES = ("Extreme", "Severe", "Moderate", "Minor", "Unknown")
CERTAINTIES = ("Observed", "Likely", "Possible", "Unlikely", "Unknown")

Check = Callable[[str], str | None]
"""What is accepted instead of a text, or None when it is accepted."""


def _any(_text: str) -> str | None:
    return None


def _matching(pattern: str, accepted: str) -> Check:
    compiled = re.compile(pattern)
    return lambda text: None if compiled.fullmatch(text) else accepted


def _one_of(known: tuple[str, ...]) -> Check:
    return lambda text: None if text in known else ", ".join(known)


_NAME = _matching(r"[^\s,<&]+", "a name without spaces, commas, < and &")
_FILLED = _matching(r"(?s).*\S.*", "a text that says something")
_LANGUAGE = _matching(r"([a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*)?", "a language such as zh-CN")
_WHOLE = _matching(r"[-+]?\d{1,18}", "a whole number")
_DECIMAL = _matching(r"[-+]?(\d{1,12}(\.\d*)?|\.\d+)", "a number")
_REFERENCES = _matching(r"[^\s,]+,[^\s,]+,[^\s,]+(\s+[^\s,]+,[^\s,]+,[^\s,]+)*", "sender,identifier,sent, with spaces")
_DEGREES = r"[-+]?\d{1,3}(?:\.\d{1,15})?"
_PAIR = rf"{_DEGREES},{_DEGREES}"
_RING = re.compile(rf"{_PAIR}(?:\s+{_PAIR}){{3,}}")
_CIRCLE = re.compile(rf"({_PAIR})\s+(\d{{1,5}}(?:\.\d{{1,15}})?)")
_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]((0\d|1[0-3]):[0-5]\d|14:00)", re.ASCII)


def _moment(text: str) -> str | None:
    """A day that there is, whole seconds, and an offset of at most 14 hours."""
    accepted = "a moment such as 2026-11-22T10:00:00+08:00 (UTC: -00:00)"
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return accepted
    return None if _SECONDS.fullmatch(text) else accepted


def pairs(text: str) -> list[tuple[float, float]]:
    """Latitude and longitude of each pair."""
    return [(float(lat), float(lon)) for lat, lon in (pair.split(",") for pair in text.split())]


def _on_earth(found: list[tuple[float, float]]) -> bool:
    return all(abs(lat) <= 90 and abs(lon) <= 180 for lat, lon in found)


def _polygon(text: str) -> str | None:
    accepted = "latitude,longitude pairs of WGS 84, four or more, the last as the first"
    if not _RING.fullmatch(text.strip()):
        return accepted
    found = pairs(text)
    return None if _on_earth(found) and found[0] == found[-1] else accepted


def _circle(text: str) -> str | None:
    found = _CIRCLE.fullmatch(text.strip())
    return None if found and _on_earth(pairs(found[1])) else "latitude,longitude of WGS 84, then kilometres"


class Element(NamedTuple):
    """An element: how often it may stand, and what it holds: a text that is checked, or other elements."""

    name: str
    least: int
    most: int
    holds: "Check | tuple[Element, ...]"


_PAIRED = (Element("valueName", 1, 1, _any), Element("value", 1, 1, _any))
RESOURCE = (
    Element("resourceDesc", 1, 1, _FILLED),
    Element("mimeType", 1, 1, _FILLED),
    Element("size", 0, 1, _WHOLE),
    Element("uri", 0, 1, _any),
    Element("derefUri", 0, 1, _any),
    Element("digest", 0, 1, _any),
)
AREA = (
    Element("areaDesc", 1, 1, _FILLED),
    Element("polygon", 0, MANY, _polygon),
    Element("circle", 0, MANY, _circle),
    Element("geocode", 0, MANY, _PAIRED),
    Element("altitude", 0, 1, _DECIMAL),
    Element("ceiling", 0, 1, _DECIMAL),
)
INFO = (
    Element("language", 0, 1, _LANGUAGE),
    Element("category", 1, MANY, _one_of(CATEGORIES)),
    Element("event", 1, 1, _FILLED),
    Element("responseType", 0, MANY, _one_of(RESPONSES)),
    Element("urgency", 1, 1, _one_of(URGENCIES)),
    Element("severity", 1, 1, _one_of(SEVERITIES)),
    Element("certainty", 1, 1, _one_of(CERTAINTIES)),
    Element("audience", 0, 1, _any),
    Element("eventCode", 0, MANY, _PAIRED),
    Element("effective", 0, 1, _moment),
    Element("onset", 0, 1, _moment),
    Element("expires", 0, 1, _moment),
    Element("senderName", 0, 1, _any),
    Element("headline", 0, 1, _any),
    Element("description", 0, 1, _any),
    Element("instruction", 0, 1, _any),
    Element("web", 0, 1, _any),
    Element("contact", 0, 1, _any),
    Element("parameter", 0, MANY, _PAIRED),
    Element("resource", 0, MANY, RESOURCE),
    Element("area", 0, MANY, AREA),
)
ALERT = (
    Element("identifier", 1, 1, _NAME),
    Element("sender", 1, 1, _NAME),
    Element("sent", 1, 1, _moment),
    Element("status", 1, 1, _one_of(STATUSES)),
    Element("msgType", 1, 1, _one_of(MSG_TYPES)),
    Element("source", 0, 1, _any),
    Element("scope", 1, 1, _one_of(SCOPES)),
    Element("restriction", 0, 1, _any),
    Element("addresses", 0, 1, _any),
    Element("code", 0, MANY, _any),
    Element("note", 0, 1, _any),
    Element("references", 0, 1, _REFERENCES),
    Element("incidents", 0, 1, _any),
    Element("info", 0, MANY, INFO),
)
NEEDED_WITH = (
    ("scope", "Restricted", "restriction"),
    ("scope", "Private", "addresses"),
    ("msgType", "Update", "references"),
    ("msgType", "Cancel", "references"),
    ("msgType", "Ack", "references"),
    ("msgType", "Error", "references"),
)
"""What must stand in a message whose other element says so (clause 3.2.1)."""
