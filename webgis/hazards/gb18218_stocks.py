"""What a unit holds, and what the tables of GB 18218-2018 say of it. Pure.

A stock is looked up by its CAS number, its row of table 1 or its classes of table 2; slips (kilograms for tonnes, a
number that is none, a substance that nobody knows) are refused by name.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from webgis.errors import Invalid
from webgis.hazards.gb18218_tables import HazardClass, Substance, Tables

UNIT = "t"
LARGEST_DIGITS = 12
"""Digits before or behind the point beyond which a quantity is no quantity."""

_CAS = re.compile(r"([0-9]{2,7})-([0-9]{2})-([0-9])")


@dataclass(frozen=True)
class Stock:
    """What a unit holds: `quantity` in `unit`, which must be "t", the largest amount that can be there.

    Named by `cas` (as "7782-50-5"), by `row` of table 1 where one number stands for several or holds only under a
    condition, or by `classes` of table 2. `checked`: somebody made sure that an implausible quantity is meant.
    """

    name: str
    quantity: int | float | Decimal | str
    unit: str
    cas: str | None = None
    row: int | None = None
    classes: tuple[str, ...] = ()
    checked: bool = False


@dataclass(frozen=True)
class Found:
    """A stock and what the tables say of it. `q_from`: the class that gave Q, None when table 1 did."""

    stock: Stock
    tonnes: Fraction
    substance: Substance | None
    classes: tuple[HazardClass, ...]
    q_t: Fraction
    q_from: str | None

    @property
    def ratio(self) -> Fraction:
        """How many times its critical quantity."""
        return self.tonnes / self.q_t


def look_up(number: int, stock: Stock, tables: Tables) -> Found:
    """What the tables say of the stock that is the `number`-th of its unit (from 1), or `Invalid`."""
    facts = {"stock": number, "name": stock.name}
    tonnes = _tonnes(stock, facts)
    substance = _substance(stock, tables, facts)
    classes = tuple(_class(code, tables, facts) for code in _codes(stock, substance))
    if substance:
        q_t, q_from = substance.q_t, None
    elif classes:
        lowest = min(classes, key=lambda one: one.q_t)
        q_t, q_from = lowest.q_t, lowest.code
    else:
        raise class_missing(facts, tables)
    found = Found(stock, tonnes, substance, classes, q_t, q_from)
    if found.ratio > tables.largest_ratio and not stock.checked:
        raise Invalid(
            "hazards.implausible-quantity",
            f"{stock.name}: {stock.quantity} t is {float(found.ratio):,.0f} times the critical quantity of "
            f"{float(q_t):g} t; were kilograms meant? Divide by 1,000, or say that the quantity was checked",
            field="quantity",
            got=str(stock.quantity),
            in_tonnes=float(tonnes / 1000),
            critical_t=float(q_t),
            accepted=f"at most {float(tables.largest_ratio * q_t):g} t, or more that was checked",
            **facts,
        )
    return found


def _tonnes(stock: Stock, facts: dict[str, Any]) -> Fraction:
    if stock.unit != UNIT:
        raise Invalid(
            "hazards.bad-unit",
            f"{stock.name} is given in {stock.unit!r}; quantities are in tonnes (t)",
            field="unit",
            got=stock.unit,
            accepted=[UNIT],
            **facts,
        )
    quantity = _number(stock.quantity)
    if quantity is None or quantity < 0:
        raise Invalid(
            "hazards.bad-quantity",
            f"{stock.name}: {stock.quantity!r} is no quantity; a number of tonnes from 0 is expected",
            field="quantity",
            got=str(stock.quantity),
            accepted="a number of tonnes from 0",
            **facts,
        )
    return Fraction(quantity)


def _number(given: Any) -> Decimal | None:
    """A number as it is written, so that 0.1 is a tenth; None for anything else (also for what Python would read, such
    as 1_000 and digits of full width), and for what no store can hold."""
    written = str(given)
    if isinstance(given, bool) or len(written) > 40 or not written.isascii() or "_" in written:
        return None
    try:
        number = Decimal(written)
    except InvalidOperation:
        return None
    return number if number.is_finite() and (not number or abs(number.adjusted()) <= LARGEST_DIGITS) else None


def _substance(stock: Stock, tables: Tables, facts: dict[str, Any]) -> Substance | None:
    """The row of table 1 that a stock is, None when it is none of them and has classes."""
    rows = () if stock.cas is None else tables.by_cas.get(_checked_cas(stock.cas, facts), ())
    if stock.row is not None:
        return _named_row(stock, rows, tables, facts)
    if len(rows) > 1 or rows and rows[0].condition_en:
        accepted = {str(one.row): f"{one.name_en}: {one.condition_en}" for one in rows}
        raise Invalid(
            "hazards.row-needed",
            f"{stock.name} ({stock.cas}) stands in table 1 only under a condition: name the row, one of "
            f"{', '.join(accepted)}, or leave the CAS number out when none holds and give its classes",
            field="row",
            got=stock.cas,
            accepted=accepted,
            **facts,
        )
    if not rows and stock.cas and not stock.classes:
        raise Invalid(
            "hazards.cas-unknown",
            f"{stock.name} ({stock.cas}) is none of the {len(tables.substances)} substances of table 1; give its "
            "classes of table 2",
            field="cas",
            got=stock.cas,
            accepted="a substance of table 1, or classes of table 2 besides",
            **facts,
        )
    return rows[0] if rows else None


def _named_row(stock: Stock, rows: Sequence[Substance], tables: Tables, facts: dict[str, Any]) -> Substance:
    """The row that a stock names, which must be one of those with its CAS number."""
    accepted: Any = [one.row for one in rows] or "no row: this number is not in table 1"
    accepted = accepted if stock.cas else f"{min(tables.substances)} to {max(tables.substances)}"
    substance = tables.substances.get(stock.row)
    if substance is None or (stock.cas and substance not in rows):
        raise Invalid(
            "hazards.row-unknown",
            f"{stock.name}: row {stock.row!r} of table 1 is not there, or is another substance than {stock.cas}",
            field="row",
            got=stock.row,
            accepted=accepted,
            **facts,
        )
    return substance


def _checked_cas(cas: str, facts: dict[str, Any]) -> str:
    """A CAS number whose check digit is right: the last one is the sum of the others, each times its place, mod 10."""
    parts = _CAS.fullmatch(cas)
    digits = (parts[1] + parts[2])[::-1] if parts else ""
    if not parts or sum(place * int(digit) for place, digit in enumerate(digits, 1)) % 10 != int(parts[3]):
        raise Invalid(
            "hazards.bad-cas",
            f"{cas!r} is no CAS number: the form is 7782-50-5, and its last digit checks the others",
            field="cas",
            got=cas,
            accepted="a CAS number with its check digit, as 7782-50-5",
            **facts,
        )
    return cas


def _codes(stock: Stock, substance: Substance | None) -> tuple[str, ...]:
    return stock.classes or (substance.classes if substance else ())


def _class(code: str, tables: Tables, facts: dict[str, Any]) -> HazardClass:
    if code not in tables.classes:
        raise Invalid(
            "hazards.class-unknown",
            f"There is no class {code!r} in table 2",
            field="classes",
            got=code,
            accepted=list(tables.classes),
            **facts,
        )
    return tables.classes[code]


def class_missing(facts: dict[str, Any], tables: Tables) -> Invalid:
    """The refusal of a stock that says too little to be graded."""
    return Invalid(
        "hazards.class-missing",
        f"{facts['name']} needs its classes of table 2, as its safety data sheet says",
        field="classes",
        got=None,
        accepted=list(tables.classes),
        **facts,
    )
