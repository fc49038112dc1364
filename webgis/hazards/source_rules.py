"""What hazard sources are made of, and what is right by itself: kinds, duties, the credit code. Pure."""

import re
from dataclasses import dataclass
from typing import Any

from webgis.errors import Invalid

UNIT_KINDS = ("storage", "production")
DUTIES = ("chief", "technical", "operation", "duty")
"""Who is in charge: the three persons that answer for a major hazard source (main, technical, operation), and the room
that is manned day and night."""

PEOPLE_FROM = ("population", "entered")
WHYS = ("first", "stocks", "outline", "population", "people", "tables")
"""Why a grade was found anew: the first, other stocks, another outline, another population within 500 m or another
number entered, other tables of the standard."""

SURELY_INSIDE = 0.99
"""So much of the ground within 500 m has to lie in communities whose population is known, else it says too little."""

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_NO_CODES = ("new", "kinds")
"""A page and a list stand at these addresses."""

_CREDIT_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_LENGTH = 18


@dataclass(frozen=True)
class SourceKind:
    """A kind of hazard source, in words."""

    code: str
    name_zh: str
    name_en: str | None


KINDS = {
    one.code: one
    for one in (
        SourceKind("chemical_store", "危险化学品仓库", "Chemical store"),
        SourceKind("production_unit", "危险化学品生产装置", "Chemical production unit"),
        SourceKind("tank_farm", "储罐区", "Tank farm"),
        SourceKind("gas_station", "加油站", "Filling station"),
        SourceKind("lpg_station", "液化石油气站", "LPG station"),
        SourceKind("gas_facility", "天然气场站", "Natural gas facility"),
        SourceKind("coal_mine", "煤矿", "Coal mine"),
        SourceKind("dam", "水库大坝", "Dam"),
        SourceKind("underpass", "易涝下穿通道", "Underpass prone to flooding"),
        SourceKind("low_point", "易涝点", "Low point prone to flooding"),
        SourceKind("deep_pit", "深基坑", "Deep pit of a construction site"),
        SourceKind("other", "其他危险源", "Other"),
    )
}
"""The kinds that ship; a city adds its own."""


def bad_field(field: str, got: Any, accepted: Any, **facts: Any) -> Invalid:
    """The refusal of a field of a hazard source."""
    return Invalid(
        "hazards.bad-field", f"{field}: expected {accepted}", field=field, got=got, accepted=accepted, **facts
    )


def checked_code(code: str) -> str:
    """A code of a source, or `Invalid`."""
    if not _CODE.fullmatch(code) or code in _NO_CODES:
        raise bad_field(
            "code",
            code,
            "1 to 40 of A-Z, a-z, 0-9, point, hyphen, underscore; a letter or digit first; not new or kinds",
        )
    return code


def checked_credit_code(given: str | None) -> str | None:
    """A unified social credit code whose last sign checks the others (GB 32100-2015); None for none.

    The 17 signs before it count 3^(place - 1) mod 31 each, and all 18 together are a multiple of 31.
    """
    code = (given or "").strip().upper()
    if not code:
        return None
    if len(code) != _CREDIT_LENGTH or any(sign not in _CREDIT_SIGNS for sign in code):
        raise bad_field("credit_code", given, "18 digits and capital letters without I, O, S, V, Z")
    total = sum(_CREDIT_SIGNS.index(sign) * pow(3, place, 31) for place, sign in enumerate(code[:-1]))
    if code[-1] != (right := _CREDIT_SIGNS[-total % 31]):
        raise bad_field("credit_code", given, f"a code whose last sign checks the others: {right} would", check=right)
    return code
