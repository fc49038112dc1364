"""What an impact sheet counts, and by which rings. Pure.

A ring is the ground within some metres of an outline, whatever may be released; published distances of substances are
in `screening.py`. The rings that ship are ours, but for 500 m, the distance of GB 18218; a city sets its own.
"""

from collections.abc import Sequence

from webgis.errors import Invalid
from webgis.hazards.screening import Circle
from webgis.hazards.source_rules import bad_field

LEAST_M, MOST_M = 10, 5000
USUAL_M = 500

PLACES = {
    "school": "学校|幼儿园|小学|中学|大学|学院|托儿|托育|School|Kindergarten|College|University",
    "hospital": "医院|卫生院|卫生服务|诊所|急救|门诊|Hospital|Clinic",
    "care": "养老|敬老|福利院|护理院|老年公寓|Nursing home|Care home",
    "market": "市场|商场|超市|Market|Mall",
}
"""Kinds of places with many people, or people who need help to leave, and what their names hold: points of interest
have no kind of their own."""


def rings(setting: str) -> tuple[int, ...]:
    """The metres of the rings, ascending, from the setting `hazard_rings`."""
    return tuple(sorted({int(metres) for metres in setting.split(",")}))


def checked_metres(metres: float) -> float:
    """Metres of a ring, or `Invalid`."""
    if not LEAST_M <= metres <= MOST_M:
        raise bad_field("metres", metres, f"{LEAST_M} to {MOST_M:,} metres")
    return metres


def one_of(circles: Sequence[Circle], key: str, metres: float | None) -> Circle:
    """The published distance with this key, or `Invalid`; it is asked for instead of metres."""
    if metres is not None:
        raise bad_field("metres", metres, "metres or a circle, not both")
    for circle in circles:
        if circle.key == key:
            return circle
    raise Invalid(
        "hazards.circle-unknown",
        f"Nothing that is held here has a published distance {key[:64]!r}",
        field="circle",
        got=key[:64],
        accepted=[circle.key for circle in circles],
    )
