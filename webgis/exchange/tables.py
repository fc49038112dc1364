"""Tables whose rows are places, as layers: they cannot say their coordinate system, so somebody must."""

from pathlib import Path

import numpy as np

from webgis import geo
from webgis.catalog import sheets
from webgis.errors import Invalid
from webgis.grid import files
from webgis.grid.files import Layer


def layer(path: Path, crs: str | None) -> tuple[Layer, list[int]]:
    """The columns of a table (CSV, TSV, XLSX) in the system `crs`, geometries still None, and the numbers of its rows.

    `Invalid` without a system.
    """
    if crs is None:
        raise Invalid(
            "grid.file-no-crs",
            f"{path.name} is a table, which cannot say its coordinate system. State it: --crs wgs84, gcj02, bd09, "
            "cgcs2000 or EPSG:n",
            field="crs",
            accepted=[*geo.CRS_NAMES, "EPSG:n"],
        )
    system, sheet = files.known_crs(crs), sheets.read(path)
    columns = {
        name: np.array([row.cells.get(name, "") for row in sheet.rows], dtype=object) for name in sheet.header if name
    }
    numbers = [row.number for row in sheet.rows]
    return Layer(np.full(len(numbers), None, dtype=object), columns, system, ""), numbers
