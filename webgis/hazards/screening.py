"""Published screening distances of what a source holds: vapour cloud explosions and toxic gases. Pure.

They are read from two publications, not reckoned for the site; both are made for planning and the first minutes.

- `blast`: EPA 550-B-99-009, worst case of a flammable gas or very volatile liquid: all of it in one cloud, a tenth of
  its heat in the blast, as far as the overpressure is 1 psi (6.9 kPa): D = 17 (0.1 W H / 4,680)^(1/3), D in metres, W
  in kg, H in kJ/kg.
- `isolate`, `day`, `night`: Emergency Response Guidebook 2024, tables 1 and 3: keep everybody away all round, then
  protect people downwind. Table 3 (six gases, by what they are carried in) at low wind, its gravest column.

What neither names has no circle here: explosives, liquids that mostly stay liquid (petrol), toxic dust.
"""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from webgis.hazards.gb18218_tables import standard

TNT_KJ_KG = 4680
YIELD = 0.1
FACTOR_M = 17
"""Metres from a kilogram of TNT to 1 psi."""

ZONES = ("blast", "isolate", "day", "night")
CONTAINERS = ("small_cylinders", "cylinders", "ton_cylinders", "nurse_tank", "tank_truck", "rail_car")


@dataclass(frozen=True)
class Held:
    """A stock: its name, CAS number or row of table 1 of GB 18218, and tonnes."""

    name: str
    cas: str | None
    row: int | None
    tonnes: float


@dataclass(frozen=True)
class Circle:
    """A published distance: `metres`, or more where `beyond`. `spill` is "small" (up to 208 l) or "large", `container`
    one of `CONTAINERS`, both None for a blast; `tonnes` and `heat` (kJ/kg) are what a blast follows from."""

    key: str
    name: str
    zone: str
    metres: int
    beyond: bool = False
    spill: str | None = None
    container: str | None = None
    tonnes: float | None = None
    heat: float | None = None


@dataclass(frozen=True)
class Spill:
    """A row of the guidebook: metres of each zone, and whether it is more than that."""

    spill: str
    container: str | None
    zones: Mapping[str, tuple[int, bool]]


def blast_m(mass_kg: float, heat_kj_kg: float) -> float:
    """Metres to an overpressure of 1 psi when so much burns as one cloud."""
    return FACTOR_M * math.cbrt(YIELD * mass_kg * heat_kj_kg / TNT_KJ_KG)


def circles(held: Iterable[Held]) -> list[Circle]:
    """The circles of these stocks, in their order. A blast follows from each stock, distances of the guidebook from the
    substance, once however many stocks of it there are."""
    found: dict[str, Circle] = {}
    for number, stock in enumerate(held, 1):
        for cas in _numbers(stock):
            for circle in (*_blast(number, stock, cas), *_spills(stock, cas)):
                found.setdefault(circle.key, circle)
    return list(found.values())


def without(held: Iterable[Held]) -> list[str]:
    """The names of stocks for which nothing is published here."""
    return list(dict.fromkeys(stock.name for stock in held if not circles([stock])))


def _numbers(stock: Held) -> Sequence[str]:
    """The CAS numbers by which a stock may be known: its own, else those of its row."""
    if stock.cas:
        return (stock.cas,)
    substance = standard().substances.get(stock.row or 0)
    return substance.cas if substance else ()


def _blast(number: int, stock: Held, cas: str) -> Iterator[Circle]:
    if heat := heats().get(cas):
        metres = math.ceil(blast_m(stock.tonnes * 1000, heat))
        yield Circle(f"blast-{number}", stock.name, "blast", metres, tonnes=stock.tonnes, heat=heat)


def _spills(stock: Held, cas: str) -> Iterator[Circle]:
    for row in spills().get(cas, ()):
        for zone, (metres, beyond) in row.zones.items():
            key = "-".join(part for part in (cas, row.spill, row.container, zone) if part)
            yield Circle(key, stock.name, zone, metres, beyond, row.spill, row.container)


@cache
def heats() -> Mapping[str, float]:
    """Heats of combustion (kJ/kg, net) by CAS number."""
    return {cas: float(row["heat_kj_kg"]) for row in _rows("heats") for cas in row["cas"].split()}


@cache
def spills() -> Mapping[str, Sequence[Spill]]:
    """The guidebook's rows by CAS number, the smallest spill first."""
    found: dict[str, list[Spill]] = {}
    for row in _rows("erg"):
        zones = {zone: _metres(row[f"{zone}_m"]) for zone in ("isolate", "day", "night")}
        found.setdefault(row["cas"], []).append(Spill(row["spill"], row["container"] or None, zones))
    return found


def _metres(given: str) -> tuple[int, bool]:
    """Metres, and whether the guidebook says "or more" (a plus behind them)."""
    return int(given.rstrip("+")), given.endswith("+")


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files("webgis.hazards").joinpath("data", f"screening_{name}.csv").read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines())
