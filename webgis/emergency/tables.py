"""Reading a table of plans or resources: every row is looked at, and all that cannot be used are named together."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from webgis.catalog import sheets
from webgis.errors import Invalid

T = TypeVar("T")
MOST_FAULTS = 200


def read(
    file: Path, columns: Mapping[str, Sequence[str]], needed: Sequence[str], make: Callable[[Mapping[str, str]], T]
) -> list[T]:
    """What `make` makes of the cells of each row, by the names of the columns. `Invalid` "emergency.bad-row" is that of
    the first row that cannot be used; `errors` holds all, `count` how many there are."""
    table = sheets.read(file)
    names, _unknown = sheets.columns(table.header, columns)
    missing = [name for name in needed if name not in names]
    if missing:
        raise sheets.bad_header(f"the columns {', '.join(missing)} are missing", missing[0])
    made: list[T] = []
    faults: list[dict[str, Any]] = []
    for row in table.rows:
        try:
            made.append(make({name: row.cells[names[name]] if name in names else "" for name in columns}))
        except Invalid as error:
            faults.append({"row": row.number} | error.facts)
    if faults:
        first = faults[0]
        message = f"Row {first['row']}: {first.get('field')} cannot be used"
        raise Invalid("emergency.bad-row", message, **first, errors=faults[:MOST_FAULTS], count=len(faults))
    return made
