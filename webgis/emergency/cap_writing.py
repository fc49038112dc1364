"""Writing a CAP 1.2 message: values in, XML out, in the order of `cap_model`. Pure; what is written is read back by the
same rules, so that nothing leaves that we would refuse."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

import shapely

from webgis.emergency import cap_reading
from webgis.emergency.cap_model import ALERT, NAMESPACE, Element

DECIMALS = 6


def write(told: Mapping[str, Any]) -> str:
    """The XML of a message: `told` has the shape that `cap_reading.read` gives. `Invalid` when it is none."""
    ElementTree.register_namespace("", NAMESPACE)
    root = ElementTree.Element(f"{{{NAMESPACE}}}alert")
    _fill(root, ALERT, told)
    ElementTree.indent(root)
    made = ElementTree.tostring(root, encoding="unicode")
    document = f'<?xml version="1.0" encoding="UTF-8"?>\n{made}\n'
    cap_reading.read(document.encode())
    return document


def _fill(parent: ElementTree.Element, model: tuple[Element, ...], told: Mapping[str, Any]) -> None:
    for element in model:
        given = told.get(element.name)
        for one in given if isinstance(given, (list, tuple)) else [] if given is None else [given]:
            made = ElementTree.SubElement(parent, f"{{{NAMESPACE}}}{element.name}")
            if isinstance(element.holds, tuple):
                _fill(made, element.holds, one)
            else:
                made.text = _writable(str(one))


def _writable(text: str) -> str:
    """A text without what no XML 1.0 document may hold."""
    return "".join(
        sign
        for sign in text
        if sign in "\t\n\r" or 0x20 <= ord(sign) < 0xFFFE and not 0xD800 <= ord(sign) < 0xE000 or ord(sign) > 0xFFFF
    )


def moment(at: datetime) -> str:
    """A moment as CAP writes it: with an offset, and UTC as -00:00."""
    written = at.isoformat(timespec="seconds")
    return written[:-6] + "-00:00" if written.endswith("+00:00") else written


def polygons(area: shapely.MultiPolygon) -> list[str]:
    """The outer rings of an area, latitude first. CAP has no holes: what is cut out counts as inside."""
    return [
        " ".join(f"{lat:.{DECIMALS}f},{lon:.{DECIMALS}f}" for lon, lat in one.exterior.coords) for one in area.geoms
    ]
