"""The effect of works on their street: a planted one is recovered, without one it stays silent. Seeded; counts spread
more than Poisson's, cells differ, neighbours share what happens to them, the city has seasons and grows."""

import numpy as np
import pytest

from webgis.metro import effect

WEEKS, START = 156, 104
SEASONS = 1 + 0.4 * np.sin(np.arange(WEEKS) * 2 * np.pi / 52)
GROWTH = np.linspace(1.0, 1.5, WEEKS)
WIDE, SIDE = 10, 100.0
"""A community is so many cells wide and long, of so many metres."""


def communities(count: int) -> tuple[np.ndarray, list[str]]:
    """Places of the cells of so many communities far from one another, and whose each is."""
    one = np.array([(x * SIDE, y * SIDE) for y in range(WIDE) for x in range(WIDE)])
    return np.concatenate([one + (turn * 1e5, 0) for turn in range(count)]), [str(c) for c in range(count) for _ in one]


def town(random, near: int = 9, count: int = 6, planted: float = 1.0, mean: float = 0.5, shared: float = 0.0):
    """Weekly counts of a patch of the first community, and the others with their patches: each cell has its own mean
    (gamma), each week its own spread (negative binomial), each square of nine cells its own factor a year (log-normal,
    `shared`); near the works `planted` times as many from their start on."""
    places, units = communities(count + 1)
    squares = (places // (3 * SIDE)).astype(int) @ (1, 10_000)
    _all, square = np.unique(squares, return_inverse=True)
    local = np.exp(random.normal(0, shared, (square.max() + 1, WEEKS // 52)))
    expected = random.gamma(2.0, mean / 2.0, size=len(places))[:, None] * SEASONS * GROWTH
    expected = expected * np.repeat(local[square], 52, axis=1)
    first = effect.patches(places[: WIDE * WIDE], units[: WIDE * WIDE], max(near, 1))
    works = first[random.integers(len(first))][:near]
    expected[works, START:] *= planted
    counts = random.poisson(expected * random.gamma(5.0, 1 / 5.0, size=expected.shape))
    rest = slice(WIDE * WIDE, None)
    made = effect.patches(places[rest], units[rest], max(near, 1))
    return counts[works], effect.Elsewhere(counts[rest], made)


HALF = list(range(START, START + 26))


def studied(seed: int, planted: float = 1.0, weeks=HALF, **changes):
    near, elsewhere = town(np.random.default_rng(seed), planted=planted, **changes)
    return effect.study(near, elsewhere, START, [list(weeks)])[0]


RUNS = 200


@pytest.mark.parametrize("shared", [0.0, 0.3])
def test_without_an_effect_it_stays_silent_as_often_as_it_says(shared):
    claims = [studied(seed, shared=shared).claim for seed in range(RUNS)]
    wrong = claims.count("more") + claims.count("fewer")
    # 5 % of 200 are 10; of a binomial with that rate 99.9 % of the draws are below 20.
    assert wrong < 20
    assert claims.count("none") > 170


def test_where_cells_near_the_works_had_more_cases_than_others_from_the_first_it_stays_silent_too():
    wrong = said = 0
    for seed in range(RUNS):
        _near, elsewhere = town(np.random.default_rng(1000 + seed), count=7)
        busy = elsewhere.patches[np.argmax(elsewhere.counts[:, :40].sum(axis=1)[elsewhere.patches].sum(axis=1))]
        others = elsewhere.patches[~np.isin(elsewhere.patches, busy).any(axis=1)]
        # Chosen by weeks that are matched: those compared are chance alone.
        found = effect.study(elsewhere.counts[busy], effect.Elsewhere(elsewhere.counts, others), START, [HALF])[0]
        wrong += found.claim in ("more", "fewer")
        said += found.ratio is not None
    assert wrong < 20 and said > 100


@pytest.mark.parametrize("planted", [1.8, 0.5])
def test_a_planted_effect_is_recovered_within_its_interval(planted):
    found = [one for seed in range(100) if (one := studied(seed, planted)).ratio is not None]
    assert len(found) > 85
    assert np.median([one.ratio for one in found]) == pytest.approx(planted, rel=0.07)
    held = sum(one.low <= planted <= one.high for one in found)
    assert held >= 0.88 * len(found), "95 of 100 are meant; 88 is 99.9 % of what chance leaves"
    assert sum(one.claim == ("more" if planted > 1 else "fewer") for one in found) >= 0.85 * len(found)


def test_phases_are_told_apart_and_what_changes_in_the_whole_city_is_no_effect():
    quiet, loud = [], []
    for seed in range(40):
        random = np.random.default_rng(seed)
        near, elsewhere = town(random, mean=1.0)
        doubled = np.where(np.arange(WEEKS) < START, 1, 2)
        near, others = random.poisson(near * doubled), random.poisson(elsewhere.counts * doubled)
        digging = slice(START + 12, START + 24)
        near[:, digging] = random.poisson(near[:, digging] * 2.5)
        spans = [list(range(START, START + 12)), list(range(START + 12, START + 24))]
        before, during = effect.study(near, effect.Elsewhere(others, elsewhere.patches), START, spans)
        if before.ratio is not None:
            quiet.append(before)
            loud.append(during)
    assert len(loud) > 30
    assert sum(one.claim != "none" for one in quiet) <= 5
    assert sum(one.claim == "more" for one in loud) >= len(loud) - 1
    assert sum(one.low < 2.5 < one.high for one in loud) >= 0.82 * len(loud)
    assert np.mean([one.during / one.expected for one in loud]) == pytest.approx(2.5, rel=0.15)


def test_of_many_phases_one_is_claimed_wrongly_no_more_often_than_of_one():
    phases = [list(range(START + 8 * turn, START + 8 * turn + 8)) for turn in range(6)]
    wrong = 0
    for seed in range(100):
        near, elsewhere = town(np.random.default_rng(5000 + seed))
        wrong += any(one.claim in ("more", "fewer") for one in effect.study(near, elsewhere, START, phases))
    assert wrong < 13, "5 of 100 are meant; 99.9 % of the draws are below 13"


def test_what_is_expected_does_not_hang_on_what_came():
    near, elsewhere = town(np.random.default_rng(4))
    without = near.copy()
    without[:, START:] = 0
    found, none = (effect.study(counts, elsewhere, START, [HALF])[0] for counts in (near, without))
    assert none.during == 0 and none.claim == "fewer"
    assert none.expected == found.expected > 10


def test_the_same_values_give_the_same_answer():
    assert studied(3, 1.5) == studied(3, 1.5)


@pytest.mark.parametrize(
    ("changes", "weeks"),
    [
        ({"count": 3}, HALF),
        ({"mean": 0.002}, HALF),
        ({"near": 0}, HALF),
        ({}, ()),
    ],
    ids=["few cells elsewhere", "few cases", "no cells", "no weeks"],
)
def test_from_too_little_nothing_is_claimed(changes, weeks):
    found = studied(1, weeks=weeks, **changes)
    assert found.claim == "too-little" and found.ratio is None


def test_where_matched_patches_are_few_p_is_never_below_one_in_those_that_share_no_cell():
    near, elsewhere = town(np.random.default_rng(5), planted=30.0, mean=3.0)
    found = effect.study(near, elsewhere, START, [HALF])[0]
    assert found.claim == "more" and 1 / (1 + len(elsewhere.counts) / 9) <= found.p <= 1 / 41


def test_works_near_more_cells_than_a_float_can_count_groups_of_are_studied():
    near, elsewhere = town(np.random.default_rng(6))
    many = np.repeat(near, 60, axis=0)
    assert effect.study(many, elsewhere, START, [HALF])[0].claim in ("unlike", "too-little")


def test_weeks_are_compared_with_the_last_year_that_was_over_when_works_began():
    assert list(effect.compared(104, np.arange(104, 130))) == list(range(52, 78))
    assert list(effect.compared(104, np.arange(150, 170))) == list(range(46, 66)), (
        "the year before would be in the works"
    )
    assert len(effect.compared(40, np.arange(40, 50))) == 0, "there is no year before"
    assert [effect.years(weeks) for weeks in (0, 1, 52, 53, 150)] == [1, 1, 1, 2, 3]


def test_patches_lie_side_by_side_and_in_one_community():
    places, units = communities(3)
    made = effect.patches(places, units, 9)
    assert made.shape == (300, 9)
    for rows in made:
        assert len({units[row] for row in rows}) == 1 and len(set(rows)) == 9
        assert np.ptp(places[rows], axis=0).max() <= 5 * SIDE
    assert effect.patches(places, units, 101).shape == (0, 101), "no community is so large"


_SOME, MANY = np.zeros((9, WEEKS), dtype=int), np.zeros((600, WEEKS), dtype=int)


@pytest.mark.parametrize(
    ("near", "elsewhere", "claim"),
    [
        (_SOME, MANY, "too-little"),
        (_SOME, MANY + 1, "too-little"),
        (_SOME + 2, MANY, "unlike"),
        (_SOME + 1, MANY + 9, "unlike"),
        (_SOME + 9, MANY + 1, "unlike"),
        (_SOME + 1, MANY + 1, "none"),
        (np.where(np.arange(WEEKS) < START, 0, _SOME + 5), MANY + 1, "too-little"),
        (np.where(np.arange(WEEKS) < START, _SOME + 1, 0), MANY + 1, "none"),
    ],
    ids=["zeros everywhere", "zeros near", "zeros elsewhere", "busier elsewhere", "busier near", "all alike",
         "nothing before", "nothing during"],
)  # fmt: skip
def test_where_there_is_nothing_or_nothing_like_it_nothing_is_claimed(near, elsewhere, claim):
    places, units = communities(6)
    found = effect.study(near, effect.Elsewhere(elsewhere, effect.patches(places, units, 9)), START, [HALF])[0]
    assert found.claim == claim
    assert (found.ratio is None) == (claim in ("too-little", "unlike"))
