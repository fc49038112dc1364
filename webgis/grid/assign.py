"""Which cell holds each of very many points, by key and not by one index probe per point.

Signatures first; the body follows.
"""

from collections.abc import Sequence

import numpy as np


class CellIndex:
    """Cells of any shape, made ready for questions by the million.

    `codes`: (n,) the cells' codes (text) or ids; `polygons`: (n,) shapely Polygons, EPSG 4490. They may overlap.
    """

    def __init__(self, codes: Sequence, polygons: Sequence) -> None:
        raise NotImplementedError

    def assign(self, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        """(m,) positions in `codes` of the cell of each point (CGCS2000 degrees), -1 where there is none.

        The same answer as `fn.cell_at`: of the cells that cover the point, edge included, the one of the lowest code.
        """
        raise NotImplementedError
