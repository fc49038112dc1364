"""Hot and cold spots by the local statistic Gi* of Getis and Ord: values in, values out. Pure.

    z_i = (sum_j w_ij x_j - mean * k_i) / (s * sqrt((n * k_i - k_i^2) / (n - 1)))

x_j is what cell j counts, w_ij is 1 for the cell itself and those it touches, k_i how many those are, n all cells asked
for, mean and s the mean and standard deviation of x over them.

- A. Getis, J. K. Ord: The Analysis of Spatial Association by Use of Distance Statistics. Geographical Analysis 24
  (1992).
- J. K. Ord, A. Getis: Local Spatial Autocorrelation Statistics: Distributional Issues and an Application. Geographical
  Analysis 27 (1995). The star says that the cell itself counts; the form above is theirs, as a standard score.
- Y. Benjamini, Y. Hochberg: Controlling the False Discovery Rate. J. R. Statist. Soc. B 57 (1995).

Their null hypothesis is that the counts lie on the cells in any order. Of its distribution z is the normal
approximation, which holds where cells count much. Where they count little (a class of cases in a month: most cells
none) its upper tail is far too thin, and of 150,000 cells dozens would be called hot by chance. So p is taken from the
distribution itself: the sum of k_i counts drawn from those there are. Drawn with replacement, which for few cells makes
p a little too large, never too small.
"""

import math
from typing import NamedTuple

import numpy as np
import shapely

TOLERANCE = 1e-6
"""Degrees, a decimetre: cells nearer than this touch, whatever the rounding of their corners."""

LEAST_CELLS = 30
LEAST_CASES = 30
"""With fewer nothing can be said: a handful of cases lies on a handful of cells in some pattern or other."""

SMALLEST_P = 1e-12
"""Below this the Fourier transform's rounding is larger than what it tells."""

CONFIDENCES = ((99, 0.01), (95, 0.05), (90, 0.10))


class Graph(NamedTuple):
    """Who touches whom: the neighbours of cell i are indices[starts[i]:starts[i + 1]]; no cell is its own."""

    starts: np.ndarray
    indices: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """How many cells each sum is over: the neighbours and the cell itself."""
        return np.diff(self.starts) + 1


class Spots(NamedTuple):
    """By cell: z and two-sided p of Gi*, q of the Benjamini-Hochberg procedure, and what it is called: 99, 95 or 90
    (hot, with that per cent of confidence), the same below zero (cold), or 0."""

    z: np.ndarray
    p: np.ndarray
    q: np.ndarray
    called: np.ndarray


def contiguous(geoms: np.ndarray, tolerance: float = TOLERANCE) -> Graph:
    """Which polygons touch one another along an edge or in a corner (queen contiguity)."""
    one, other = shapely.STRtree(geoms).query(geoms, predicate="dwithin", distance=tolerance)
    apart = one != other
    return _graph(one[apart], other[apart], len(geoms))


def _graph(one: np.ndarray, other: np.ndarray, size: int) -> Graph:
    order = np.lexsort((other, one))
    starts = np.concatenate([[0], np.cumsum(np.bincount(one, minlength=size))])
    return Graph(starts.astype(np.int64), other[order].astype(np.int32))


def among(graph: Graph, chosen: np.ndarray) -> Graph:
    """The graph of the chosen cells alone (a mask): who lies outside is nobody's neighbour."""
    place = np.cumsum(chosen) - 1
    one = np.repeat(np.arange(len(chosen)), np.diff(graph.starts))
    both = chosen[one] & chosen[graph.indices]
    return _graph(place[one[both]], place[graph.indices[both]], int(chosen.sum()))


def unsayable(counts: np.ndarray) -> str | None:
    """Why nothing can be said of these counts: "few_cells", "few_cases", "all_alike"; None when it can."""
    if len(counts) < LEAST_CELLS:
        return "few_cells"
    if counts.sum() < LEAST_CASES:
        return "few_cases"
    return "all_alike" if np.ptp(counts) == 0 else None


def sums(counts: np.ndarray, graph: Graph) -> np.ndarray:
    """What each cell and its neighbours count together."""
    running = np.concatenate([[0], np.cumsum(counts[graph.indices])])
    return counts + running[graph.starts[1:]] - running[graph.starts[:-1]]


def gi_star(counts: np.ndarray, graph: Graph) -> np.ndarray:
    """z of each cell. The counts differ (`unsayable`); a cell that touches all others has no z and gets 0."""
    n, k = len(counts), graph.sizes
    spread = counts.std() * np.sqrt((n * k - k.astype(float) ** 2) / (n - 1))
    above = sums(counts, graph) - counts.mean() * k
    return np.divide(above, spread, out=np.zeros(n), where=spread > 0)


def normal_p(z: np.ndarray) -> np.ndarray:
    """Two-sided p of z, as if it were normal."""
    return np.fromiter((math.erfc(abs(one) / math.sqrt(2)) for one in z), float, len(z))


def shuffled_p(counts: np.ndarray, graph: Graph) -> np.ndarray:
    """Two-sided p of each cell's sum: how probable a sum as far out is if the counts lay on the cells in any order.

    `counts` are whole numbers. The distribution of a sum of k counts is that of one, convolved k times.
    """
    found, k = sums(counts, graph), graph.sizes
    length = int(k.max() * counts.max()) + 1
    size = 1 << length.bit_length()
    one = np.fft.rfft(np.bincount(counts, minlength=2) / len(counts), size)
    p = np.ones(len(counts))
    for each in np.unique(k):
        law = np.fft.irfft(one**each, size)[:length]
        law[law < SMALLEST_P / 1000] = 0
        here = k == each
        at_most, at_least = np.cumsum(law), np.cumsum(law[::-1])[::-1]
        p[here] = 2 * np.minimum(at_most, at_least)[found[here]]
    return np.clip(p, SMALLEST_P, 1)


def discovery_rate(p: np.ndarray) -> np.ndarray:
    """q of each p: the share of false alarms to be expected if everything with a p as small is believed."""
    order = np.argsort(p)
    stepped = p[order] * len(p) / np.arange(1, len(p) + 1)
    q = np.empty(len(p))
    q[order] = np.minimum(np.minimum.accumulate(stepped[::-1])[::-1], 1)
    return q


def spots(counts: np.ndarray, graph: Graph) -> Spots:
    """Gi* of every cell and what it is called, by q: of the cells called with 95 % about one in twenty is an error."""
    whole = np.rint(counts).astype(np.int64)
    z, p = gi_star(counts, graph), shuffled_p(whole, graph)
    q = discovery_rate(p)
    confidence = np.select([q <= most for _, most in CONFIDENCES], [sure for sure, _ in CONFIDENCES], 0)
    return Spots(z, p, q, (np.sign(z) * confidence).astype(np.int16))
