"""How wide protection zones are: a table of (structure kind, zone kind, metres, legal source), and the one that ships.

Read from `webgis/metro/data/distances.csv`. The figures are the pattern that national rules and other cities share; a
city enters those of its own regulation. The geometry is in `protection.py`.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from webgis.errors import Invalid

ZONE_KINDS = ("special", "control", "planned")
"""The kinds of protection zone, the strictest first: special within control, and the one kept for a line to come."""

MEASURED_FROM = ("outline", "centre_line")

SURENESS = ("H", "M", "L")
"""How sure a row is: its rule was read, is to be verified, or is a guess."""

WIDEST_M = 1000.0
LONGEST_SOURCE = 300
_KIND = re.compile(r"[a-z][a-z0-9_]{1,59}")


@dataclass(frozen=True)
class Distance:
    """A zone of `zone_kind` reaches `metres` from what is `measured_from`, as `source` says. `sureness`: H, M or L."""

    structure_kind: str
    zone_kind: str
    metres: float
    source: str
    measured_from: str = "outline"
    sureness: str = "H"


def checked(distances: Sequence[Distance]) -> dict[str, tuple[Distance, ...]]:
    """Structure kind -> its distances, or `Invalid` ("metro.bad-distance") for a table that cannot be meant."""
    table: dict[str, tuple[Distance, ...]] = {}
    for row in distances:
        _check(row)
        others = table.get(row.structure_kind, ())
        if any(one.zone_kind == row.zone_kind for one in others):
            raise _refused(row, "zone_kind", row.zone_kind, "each kind of zone once for a kind of structure")
        if any(one.measured_from != row.measured_from for one in others):
            raise _refused(row, "measured_from", row.measured_from, "the same for all zones of a kind of structure")
        table[row.structure_kind] = (*others, row)
    for rows in table.values():
        wide = {row.zone_kind: row for row in rows}
        if "special" in wide and "control" in wide and wide["special"].metres > wide["control"].metres:
            accepted = f"at most the {wide['control'].metres:g} m of the control zone"
            raise _refused(wide["special"], "metres", wide["special"].metres, accepted)
    return table


def _check(row: Distance) -> None:
    for fits, field, accepted in (
        (_KIND.fullmatch(row.structure_kind), "structure_kind", "2 to 60 of a-z, 0-9, underscore; a letter first"),
        (row.zone_kind in ZONE_KINDS, "zone_kind", list(ZONE_KINDS)),
        (row.measured_from in MEASURED_FROM, "measured_from", list(MEASURED_FROM)),
        (0 < row.metres <= WIDEST_M, "metres", f"more than 0 and at most {WIDEST_M:g}"),
        (row.sureness in SURENESS, "sureness", list(SURENESS)),
        (0 < len(row.source.strip()) <= LONGEST_SOURCE, "source", f"its rule, in at most {LONGEST_SOURCE} characters"),
    ):
        if not fits:
            raise _refused(row, field, getattr(row, field), accepted)


def _refused(row: Distance, field: str, got: object, accepted: object) -> Invalid:
    return Invalid(
        "metro.bad-distance",
        f"{row.structure_kind}, {row.zone_kind} cannot be used: {field} is {got!r}; accepted: {accepted}",
        structure_kind=row.structure_kind,
        zone_kind=row.zone_kind,
        field=field,
        got=str(got),
        accepted=accepted,
    )


def shipped() -> tuple[Distance, ...]:
    """The table that ships."""
    text = files("webgis.metro").joinpath("data", "distances.csv").read_text(encoding="utf-8")
    return tuple(
        Distance(
            row["structure_kind"],
            row["zone_kind"],
            float(row["metres"]),
            row["source"],
            row["measured_from"],
            row["sureness"],
        )
        for row in csv.DictReader(text.splitlines())
    )
