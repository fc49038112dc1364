"""Gi* beside esda and libpysal; a planted spot is found, and chance alone is not taken for one."""

import numpy as np
import pytest
import shapely
from scipy import stats

from webgis.maps import hotspots

SIDE = 30


def lattice(side: int) -> np.ndarray:
    """Squares row by row, as libpysal's lat2W numbers them."""
    row, column = np.divmod(np.arange(side * side), side)
    west, south = 104 + column * 0.001, 30 + row * 0.001
    return shapely.box(west, south, west + 0.001, south + 0.001)


@pytest.fixture(scope="module")
def graph() -> hotspots.Graph:
    return hotspots.contiguous(lattice(SIDE))


@pytest.fixture(scope="module")
def peer(graph):
    """libpysal's weights of the same lattice."""
    from libpysal.weights import lat2W

    return lat2W(SIDE, SIDE, rook=False)


def neighbours(graph: hotspots.Graph, cell: int) -> list[int]:
    return sorted(graph.indices[graph.starts[cell] : graph.starts[cell + 1]].tolist())


def test_neighbours_on_a_lattice_are_those_of_libpysal(graph, peer):
    assert all(neighbours(graph, cell) == sorted(peer.neighbors[cell]) for cell in range(SIDE * SIDE))


def test_cells_touch_across_a_hairline_and_at_half_an_edge_but_not_across_a_street():
    whole, upper, lower = shapely.box(0, 0, 1e-3, 1e-3), shapely.box(1e-3, 5e-4, 2e-3, 1e-3), None
    lower = shapely.box(1e-3 + 5e-7, 0, 2e-3, 5e-4)
    across = shapely.box(2e-3 + 1e-4, 0, 3e-3, 1e-3)
    found = hotspots.contiguous(np.array([whole, upper, lower, across]))
    assert [neighbours(found, cell) for cell in range(4)] == [[1, 2], [0, 2], [0, 1], []]


def test_the_graph_of_a_part_knows_its_own_cells_alone(graph):
    western = np.arange(SIDE * SIDE) % SIDE < 10
    part = hotspots.among(graph, western)
    assert part.sizes.sum() - western.sum() == 10 * SIDE * 8 - 2 * 3 * SIDE - 2 * 3 * 10 + 4
    assert neighbours(part, 9) == [8, 18, 19]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mean", [0.3, 3, 30])
def test_z_and_its_normal_p_are_those_of_esda(graph, peer, mean):
    from esda import G_Local

    counts = np.random.default_rng(11).poisson(mean, SIDE * SIDE).astype(float)
    counts[400:405] += 5 * mean
    theirs = G_Local(counts, peer, transform="B", permutations=0, star=True)
    ours = hotspots.gi_star(counts, graph)
    np.testing.assert_allclose(ours, theirs.Zs, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(hotspots.normal_p(ours), 2 * theirs.p_norm, rtol=1e-6, atol=1e-12)


def test_p_is_the_share_of_shuffled_cities_that_are_as_far_out(graph):
    rng = np.random.default_rng(5)
    counts = rng.negative_binomial(1, 0.4, SIDE * SIDE)
    p, found = hotspots.shuffled_p(counts, graph), hotspots.sums(counts, graph)
    shuffled = np.array([hotspots.sums(rng.permutation(counts), graph) for _ in range(2000)])
    share = 2 * np.minimum((shuffled >= found).mean(axis=0), (shuffled <= found).mean(axis=0))
    assert np.abs(p - np.minimum(share, 1)).max() < 0.08


def test_q_is_that_of_benjamini_and_hochberg():
    p = np.random.default_rng(2).random(500) ** 3
    np.testing.assert_allclose(hotspots.discovery_rate(p), stats.false_discovery_control(p))


@pytest.mark.parametrize("mean", [0.2, 1, 5, 40])
def test_chance_alone_gives_no_more_than_the_nominal_share_of_alarms(mean):
    graph = hotspots.contiguous(lattice(100))
    called, share = 0, []
    for seed in range(10):
        found = hotspots.spots(np.random.default_rng(seed).poisson(mean, 10_000), graph)
        share.append((found.p <= 0.05).mean())
        called += bool((np.abs(found.called) >= 95).any())
    assert (0.035 if mean >= 5 else 0.008) < np.mean(share) < 0.055
    assert called <= 2, "at most about one map of twenty calls anything"


def test_where_cells_count_little_the_normal_p_would_call_chance_hot():
    graph = hotspots.contiguous(lattice(200))
    counts = np.random.default_rng(1).poisson(0.05, 40_000)
    found = hotspots.spots(counts, graph)
    assert not found.called.any()
    assert (hotspots.discovery_rate(hotspots.normal_p(found.z)) <= 0.05).sum() > 100


def test_a_planted_spot_is_found_and_nothing_far_from_it():
    side = 100
    graph = hotspots.contiguous(lattice(side))
    counts = np.random.default_rng(3).poisson(0.5, (side, side))
    counts[40:45, 60:65] += np.random.default_rng(4).poisson(3, (5, 5))
    found = hotspots.spots(counts.ravel(), graph)
    hot = (found.called >= 95).reshape(side, side)
    assert hot[41:44, 61:64].all()
    row, column = np.nonzero(hot)
    far = (np.abs(row - 42) > 4) | (np.abs(column - 62) > 4)
    assert far.sum() <= 0.05 * hot.sum() + 1


def test_a_planted_void_is_cold():
    side = 40
    counts = np.random.default_rng(6).poisson(8, (side, side))
    counts[10:16, 10:16] = 0
    found = hotspots.spots(counts.ravel(), hotspots.contiguous(lattice(side)))
    assert (found.called.reshape(side, side)[11:15, 11:15] == -99).all()
    assert (found.called >= 95).sum() <= 0.05 * (found.called != 0).sum()


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        (np.ones(29), "few_cells"),
        (np.r_[29, np.zeros(40)], "few_cases"),
        (np.full(40, 3), "all_alike"),
        (np.r_[30, np.zeros(40)], None),
    ],
)
def test_of_too_little_nothing_is_said(counts, why):
    assert hotspots.unsayable(counts) == why
