"""Is a unit a major hazard source, and of which level? GB 18218-2018. Pure: stocks and people in, a grade out.

A unit is one storage unit (its bund or warehouse) or one production unit (between shut-off valves). Of each stock the
largest amount that can be there counts, in tonnes.

    S = sum(q / Q)                     a major hazard source when S >= 1
    R = alpha * sum(beta * q / Q)      its level: 1 (R >= 100), 2 (>= 50), 3 (>= 10), 4

Q is that of table 1 for a substance named there, else the lowest among its classes of table 2. beta is that of table 3
for the toxic gases named there, else of table 4 by class, the highest among several (ours, on the safe side: what the
standard says of these was not found). alpha follows from the people within 500 m of the outline. A mixture of the same
classes as its pure substance is entered whole as that substance, any other by its classes. All is reckoned in
fractions, so that a sum of exactly 1 is not lost to rounding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from webgis.errors import Invalid
from webgis.hazards.gb18218_stocks import Found, Stock, class_missing, look_up
from webgis.hazards.gb18218_tables import Tables, standard

__all__ = ("Grade", "Line", "Stock", "grade")


@dataclass(frozen=True)
class Line:
    """One line of a derivation: `step` is "ratio", "sum", "beta", "alpha", "grade" or "level", `values` what it holds.

    Values are texts, whole numbers, booleans and exact fractions.
    """

    step: str
    values: dict[str, Any]

    def facts(self) -> dict[str, Any]:
        """As small JSON values; fractions become the nearest float."""
        return {"step": self.step} | {
            name: float(value) if isinstance(value, Fraction) else value for name, value in self.values.items()
        }


@dataclass(frozen=True)
class Grade:
    """`s`, and when `major` also `r` and `level` (1 the gravest), with the `lines` by which they were found."""

    s: Fraction
    major: bool
    r: Fraction | None
    level: int | None
    lines: tuple[Line, ...]

    def facts(self) -> dict[str, Any]:
        """As it is kept and sent: small JSON values."""
        return {
            "s": float(self.s),
            "major": self.major,
            "r": None if self.r is None else float(self.r),
            "level": self.level,
            "lines": [line.facts() for line in self.lines],
        }


def grade(stocks: Sequence[Stock], people: int, tables: Tables | None = None) -> Grade:
    """The grade of a unit with these stocks and so many `people` within `tables.people_within_m` of its outline.

    Every fault is `Invalid`, with the `stock` (counted from 1) and its `name` among the facts. No stocks: not major.
    """
    tables = tables or standard()
    if isinstance(people, bool) or not isinstance(people, int) or people < 0:
        raise Invalid(
            "hazards.bad-people",
            f"People nearby are {people!r}; a whole number from 0 is expected",
            field="people",
            got=str(people),
            accepted="a whole number from 0",
        )
    found = [look_up(number, stock, tables) for number, stock in enumerate(stocks, 1)]
    s = sum((one.ratio for one in found), Fraction())
    lines = [_ratio_line(number, one) for number, one in enumerate(found, 1)]
    lines.append(Line("sum", {"s": s, "major": s >= 1}))
    if s < 1:
        return Grade(s, False, None, None, tuple(lines))
    betas = list(_beta_lines(found, tables))
    weighted = sum((line.values["weighted"] for line in betas), Fraction())
    alpha = next(value for least, value in tables.alpha if people >= least)
    r = alpha * weighted
    least, level = next(step for step in tables.levels if r >= step[0])
    lines += betas
    lines.append(Line("alpha", {"people": people, "within_m": tables.people_within_m, "alpha": alpha}))
    lines.append(Line("grade", {"alpha": alpha, "weighted": weighted, "r": r}))
    lines.append(Line("level", {"r": r, "at_least": least, "level": level}))
    return Grade(s, True, r, level, tuple(lines))


def _ratio_line(number: int, one: Found) -> Line:
    row = one.substance.row if one.substance else None
    values = {"stock": number, "name": one.stock.name, "row": row, "class": one.q_from}
    return Line("ratio", values | {"q": one.tonnes, "q_critical": one.q_t, "ratio": one.ratio})


def _beta_lines(found: Sequence[Found], tables: Tables) -> Iterator[Line]:
    for number, one in enumerate(found, 1):
        values: dict[str, Any] = {"stock": number, "name": one.stock.name}
        if one.substance and one.substance.beta is not None:
            values |= {"row": one.substance.row, "class": None, "beta": one.substance.beta, "assumed": False}
        elif one.classes:
            gravest = max(one.classes, key=lambda hazard: hazard.beta)
            values |= {"row": None, "class": gravest.code, "beta": gravest.beta}
            values["assumed"] = not one.stock.classes
        else:
            raise class_missing({"stock": number, "name": one.stock.name}, tables)
        yield Line("beta", values | {"ratio": one.ratio, "weighted": values["beta"] * one.ratio})
