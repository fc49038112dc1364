"""Cutting a polygon into plausible smaller areas without gaps or overlaps: seeded, pure, NumPy and Shapely only.

The pieces are the cells of a power diagram (a Voronoi diagram in which each site has a weight), whose sites and
weights are adapted until the pieces have the wished shares of the area: the method of Nocaj and Brandes, "Computing
Voronoi Treemaps" (2012), measured here on sample points. All edges are then noded together by snap rounding, so that
neighbours have the same vertices along their common edge and the pieces follow the outer boundary. Nothing here knows
of cities, codes or files.
"""

import math

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon

from webgis.errors import Invalid

ROUNDS = 50
SAMPLES_PER_PIECE = 160
MOST_SAMPLES = 12_000

Area = Polygon | MultiPolygon


def cut(
    polygon: Area,
    n: int,
    seed: int,
    weights: NDArray | None = None,
    *,
    centre: tuple[float, float] | None = None,
    aspect: float = 1.0,
) -> list[Area]:
    """Cut `polygon` into exactly `n` pieces that neither overlap nor leave a gap.

    `weights` (n,) are the wished shares of the area, in any unit, the first for the piece nearest to `centre`
    (default: the centroid) and so on outwards; equal shares when not given. `aspect` is the length of one unit of x
    over that of one unit of y: cos(latitude) for degrees, 1 for metres. The same arguments give the same pieces. A
    piece is one polygon unless the polygon itself has several parts. Coordinates are rounded to 1e-9 of the polygon's
    extent or less. Invalid: n below 1, weights not positive, an empty polygon.
    """
    if n < 1 or polygon.is_empty or not polygon.is_valid:
        raise Invalid(
            "demo.not-cuttable", "Only a valid polygon that is not empty can be cut, into 1 piece or more", n=n
        )
    weights = np.ones(n) if weights is None else np.asarray(weights, float)
    if weights.shape != (n,) or not (weights > 0).all():
        raise Invalid("demo.bad-weights", f"There must be {n} weights, each above 0", n=n)
    if n == 1:
        return [polygon]
    stretch = np.array([aspect, 1.0])
    samples = _samples(polygon, n, np.random.default_rng(seed)) * stretch
    middle = np.array(centre or polygon.centroid.coords[0]) * stretch
    sites, radii = _settle(samples, weights / weights.sum(), middle, np.random.default_rng(seed + 1))
    edges = _diagram(sites, radii, samples) / stretch
    return _pieces(polygon, edges, sites, radii, stretch)


def nest(
    polygon: Area,
    counts: list[int],
    seed: int,
    *,
    centre: tuple[float, float] | None = None,
    aspect: float = 1.0,
    variety: float = 1.0,
) -> list[list[Area]]:
    """Cut `polygon` into `len(counts)` pieces, and piece i into `counts[i]` again; pieces near `centre` come first.

    With `variety` 1 the shares, which follow the counts, grow outwards by about four times and vary at random, so that
    sizes look like those of a real city; with 0 all inner pieces are to have the same area.
    """
    rng = np.random.default_rng(seed)
    shares = np.array(counts) * (np.linspace(0.5, 2.0, len(counts)) * _varied(rng, len(counts))) ** variety
    pieces = cut(polygon, len(counts), seed, shares, centre=centre, aspect=aspect)
    inner = []
    for i, (piece, count) in enumerate(zip(pieces, counts, strict=True)):
        weights = (np.linspace(0.75, 1.5, count) * _varied(rng, count)) ** variety
        inner.append(cut(piece, count, seed + 101 * (i + 1), weights, centre=centre, aspect=aspect))
    return inner


def seamless(polygons: list[Area], grid: float) -> list[Area]:
    """The same polygons, noded against each other: wherever two touch, both have the same vertices, all of them on a
    lattice of `grid`.

    Cutting neighbours separately leaves vertices on one side of a common edge only; projected to another plane such
    an edge would open.
    """
    faces = _faces(shapely.boundary(np.array(polygons, object)), grid)
    inside, owner = shapely.STRtree(polygons).query(shapely.point_on_surface(faces), predicate="within")
    return _joined(faces[inside], owner, len(polygons))


def _varied(rng: np.random.Generator, n: int) -> NDArray:
    return np.exp(np.clip(rng.normal(0, 0.25, n), -0.5, 0.5))


def _samples(polygon: Area, n: int, rng: np.random.Generator) -> NDArray:
    """(m, 2) points spread evenly over the polygon, jittered so that no edge of the diagram runs along a lattice."""
    west, south, east, north = polygon.bounds
    wanted = min(max(SAMPLES_PER_PIECE * n, 1500), MOST_SAMPLES)
    step = math.sqrt(polygon.area / wanted)
    shapely.prepare(polygon)
    while True:
        x, y = np.meshgrid(np.arange(west, east + step, step), np.arange(south, north + step, step))
        points = np.column_stack((x.ravel(), y.ravel())) + rng.uniform(-0.4, 0.4, (x.size, 2)) * step
        points = points[shapely.contains_xy(polygon, points)]
        if len(points) >= 4 * n:
            return points
        step /= 2


def _settle(samples: NDArray, shares: NDArray, middle: NDArray, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """Sites (n, 2) and radii (n,) whose power cells hold about `shares` of the samples.

    A radius never exceeds the distance to the nearest other site, and a site is always a sample: so each site lies in
    its own cell and in the polygon, and no cell is empty.
    """
    sites = _start(samples, shares, middle, rng)
    radii = np.full(len(sites), 1e-3) * math.sqrt(np.ptp(samples, axis=0).prod() / len(sites))
    for _ in range(ROUNDS):
        owner = _owner(samples, sites, radii)
        sites = _central_samples(samples, owner, sites)
        nearest = _nearest_other(sites)
        held = np.maximum(np.bincount(owner, minlength=len(sites)), 1) / len(samples)
        radii = np.minimum(
            np.maximum(radii, 0.02 * nearest) * np.clip(np.sqrt(shares / held), 0.8, 1.25), 0.98 * nearest
        )
    return sites, radii


def _start(samples: NDArray, shares: NDArray, middle: NDArray, rng: np.random.Generator) -> NDArray:
    """First sites: samples at random, but as dense as the shares are small, which go from the middle outwards."""
    order = np.argsort(np.hypot(*(samples - middle).T), kind="stable")
    rank = np.searchsorted(np.cumsum(shares), np.linspace(0, 1, len(samples), endpoint=False), side="right")
    chosen = [
        order[rng.choice(np.flatnonzero(rank == i))] if (rank == i).any() else order[i] for i in range(len(shares))
    ]
    return _distinct(samples, np.array(chosen), rng)


def _distinct(samples: NDArray, chosen: NDArray, rng: np.random.Generator) -> NDArray:
    _, first = np.unique(chosen, return_index=True)
    again = np.setdiff1d(np.arange(len(chosen)), first)
    free = np.setdiff1d(np.arange(len(samples)), chosen)
    chosen[again] = rng.choice(free, len(again), replace=False)
    return samples[chosen]


def _owner(points: NDArray, sites: NDArray, radii: NDArray) -> NDArray:
    """(m,) index of the site with the smallest power distance |p - s|^2 - r^2."""
    return np.argmin((sites**2).sum(1) - radii**2 - 2 * points @ sites.T, axis=1)


def _central_samples(samples: NDArray, owner: NDArray, sites: NDArray) -> NDArray:
    """For each site the sample of its own cell that is nearest to the centroid of that cell's samples."""
    n = len(sites)
    count = np.maximum(np.bincount(owner, minlength=n), 1)
    middle = np.column_stack([np.bincount(owner, samples[:, k], n) / count for k in (0, 1)])
    order = np.lexsort((((samples - middle[owner]) ** 2).sum(1), owner))
    holders, first = np.unique(owner[order], return_index=True)
    moved = sites.copy()
    moved[holders] = samples[order[first]]
    return moved


def _nearest_other(sites: NDArray) -> NDArray:
    apart = np.hypot(*(sites[:, None] - sites[None]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    return apart.min(1)


def _diagram(sites: NDArray, radii: NDArray, samples: NDArray) -> NDArray:
    """(m, 2, 2) the edges of the power diagram of `sites` with `radii`, cut off well outside the samples.

    The edge of i and j lies on their radical axis p0 + t d; every other site k allows a half of it, and what all
    allow is the edge.
    """
    sites = sites - (origin := samples.mean(0))
    reach = 4 * np.ptp(samples, axis=0).max()
    height = (sites**2).sum(1) - radii**2
    edges = []
    for i in range(len(sites) - 1):
        j = np.arange(i + 1, len(sites))
        across = sites[j] - sites[i]
        length2 = (across**2).sum(1)
        foot = sites[i] + across * ((height[j] - height[i] - 2 * across @ sites[i]) / (2 * length2))[:, None]
        along = np.column_stack((-across[:, 1], across[:, 0])) / np.sqrt(length2)[:, None]
        towards = sites - sites[i]
        slack = (height - height[i])[None] - 2 * foot @ towards.T
        slope = -2 * along @ towards.T
        slack[np.arange(len(j)), j] = np.inf
        slack[:, i] = np.inf
        with np.errstate(divide="ignore", invalid="ignore"):
            bound = -slack / slope
        low = np.where(np.isfinite(bound) & (slope > 0), bound, -reach).max(1)
        high = np.where(np.isfinite(bound) & (slope < 0), bound, reach).min(1)
        real = (high > low) & ~((slope == 0) & (slack < 0)).any(1)
        ends = foot[real, None] + along[real, None] * np.stack((low[real], high[real]), 1)[:, :, None]
        edges.append(ends + origin)
    return np.concatenate(edges)


def _pieces(polygon: Area, edges: NDArray, sites: NDArray, radii: NDArray, stretch: NDArray) -> list[Area]:
    west, south, east, north = polygon.bounds
    grid = 10.0 ** math.floor(math.log10(max(east - west, north - south)) - 9)
    lines = np.append(shapely.linestrings(edges), shapely.boundary(polygon))
    faces = _faces(lines, grid)
    inner = shapely.point_on_surface(faces)
    kept = shapely.intersects(polygon, inner)
    faces, inner = faces[kept], inner[kept]
    owner = _owner(shapely.get_coordinates(inner) * stretch, sites, radii)
    return _joined(faces, _without_strays(faces, owner), len(sites))


def _faces(lines: NDArray, grid: float) -> NDArray:
    noded = shapely.union_all(lines, grid_size=grid)
    return shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))


def _without_strays(faces: NDArray, owner: NDArray) -> NDArray:
    """Owners after each face that is cut off from the largest of its owner has gone to the neighbour with the longest
    common edge.

    A face with no neighbour at all (an island) stays where it is.
    """
    order = np.lexsort((-shapely.area(faces), owner))
    _, first = np.unique(owner[order], return_index=True)
    strays = np.setdiff1d(np.arange(len(faces)), order[first])
    settled = np.setdiff1d(np.arange(len(faces)), strays)
    owner = owner.copy()
    while len(strays):
        common = shapely.length(shapely.intersection(faces[strays][:, None], faces[settled][None]))
        reached = common.max(1) > 0
        if not reached.any():
            return owner
        owner[strays[reached]] = owner[settled[common[reached].argmax(1)]]
        settled = np.append(settled, strays[reached])
        strays = strays[~reached]
    return owner


def _joined(faces: NDArray, owner: NDArray, n: int) -> list[Area]:
    return [shapely.normalize(shapely.coverage_union_all(faces[owner == i])) for i in range(n)]
