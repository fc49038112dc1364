"""The links of the header that are one group: the subjects beside the cases, each one line of `TOPICS`."""

from dataclasses import dataclass

from flask import url_for
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from webgis.accounts import permissions
from webgis.accounts.actor import Actor


@dataclass(frozen=True)
class Link:
    """A link of the header."""

    href: str
    word: str
    icon: str
    place: str


@dataclass(frozen=True)
class Topic:
    """A page that whoever may do `action` finds in the group; its template's block `place` says `place`."""

    place: str
    action: str
    endpoint: str
    word: LazyString
    icon: str


TOPICS: tuple[Topic, ...] = (
    Topic("hazards", "hazards.see", "pages.hazard_list", lazy_gettext("Hazard sources"), "biohazard"),
    Topic("metro", "metro.see", "pages.metro_home", lazy_gettext("Metro"), "train"),
    Topic("alarms", "alarms.see", "pages.alarm_list", lazy_gettext("Alarms"), "bell-ringing"),
    Topic("sensors", "sensors.see", "pages.sensor_list", lazy_gettext("Sensors"), "access-point"),
    Topic("waterlogging", "alarms.see", "pages.waterlogging", lazy_gettext("Waterlogging"), "droplet"),
    Topic("emergency", "emergency.see", "pages.emergency_list", lazy_gettext("Emergency command"), "urgent"),
    Topic("construction", "construction.see", "pages.construction_list", lazy_gettext("Construction zones"), "crane"),
)  # fmt: skip


def links(actor: Actor) -> list[Link]:
    """The group's links for this person; nothing is drawn of it when there are none."""
    return [
        Link(url_for(one.endpoint), str(one.word), one.icon, one.place)
        for one in TOPICS
        if permissions.may(actor, one.action)
    ]
