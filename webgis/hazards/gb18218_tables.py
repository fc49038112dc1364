"""The tables of GB 18218-2018 that ship with webgis: named substances, classes, and what alpha and level follow from.

Read once per process from `webgis/hazards/data/gb18218_*.csv`, whose sources `data/README.md` names. A city that has
other figures makes other `Tables`; the rules are in `gb18218.py`.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Substance:
    """A row of table 1: critical quantity `q_t` in tonnes; `beta` of table 3, None where it is silent.

    `condition_zh`, `condition_en`: when the row holds, empty when always. `classes`: what it is counted as for beta
    unless a stock says otherwise; ours.
    """

    row: int
    cas: tuple[str, ...]
    name_zh: str
    name_en: str
    condition_zh: str
    condition_en: str
    q_t: Fraction
    beta: Fraction | None
    classes: tuple[str, ...]


@dataclass(frozen=True)
class HazardClass:
    """A class of table 2 with its critical quantity `q_t` in tonnes and its `beta` of table 4."""

    code: str
    q_t: Fraction
    beta: Fraction
    name_zh: str
    name_en: str


@dataclass(frozen=True)
class Tables:
    """All figures that a grade follows from. `alpha` and `levels`: (at least, value), the highest first."""

    substances: Mapping[int, Substance]
    by_cas: Mapping[str, tuple[Substance, ...]]
    classes: Mapping[str, HazardClass]
    alpha: tuple[tuple[int, Fraction], ...]
    levels: tuple[tuple[Fraction, int], ...]
    people_within_m: Fraction
    largest_ratio: Fraction


@cache
def standard() -> Tables:
    """The tables as they ship."""
    substances = {substance.row: substance for substance in _substances()}
    by_cas: dict[str, tuple[Substance, ...]] = {}
    for substance in substances.values():
        for cas in substance.cas:
            by_cas[cas] = (*by_cas.get(cas, ()), substance)
    steps = [(row["table"], Fraction(row["at_least"]), Fraction(row["value"])) for row in _rows("steps")]
    named = {row["name"]: Fraction(row["value"]) for row in _rows("settings")}
    return Tables(
        substances,
        by_cas,
        {one.code: one for one in _classes()},
        tuple((int(least), value) for table, least, value in steps if table == "alpha"),
        tuple((least, int(value)) for table, least, value in steps if table == "level"),
        named["people_within_m"],
        named["largest_ratio"],
    )


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files("webgis.hazards").joinpath("data", f"gb18218_{name}.csv").read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines())


def _substances() -> Iterator[Substance]:
    for row in _rows("substances"):
        yield Substance(
            int(row["row"]),
            tuple(row["cas"].split()),
            row["name_zh"],
            row["name_en"],
            row["condition_zh"],
            row["condition_en"],
            Fraction(row["q_t"]),
            Fraction(row["beta"]) if row["beta"] else None,
            tuple(row["classes"].split()),
        )


def _classes() -> Iterator[HazardClass]:
    for row in _rows("classes"):
        yield HazardClass(row["class"], Fraction(row["q_t"]), Fraction(row["beta"]), row["name_zh"], row["name_en"])
