"""The effect of works on their street: a planted one is recovered, without one it stays silent. Seeded; counts spread
more than Poisson's, cells differ, the city has seasons and grows."""

import numpy as np
import pytest

from webgis.metro import effect

WEEKS, START = 156, 104
SEASONS = 1 + 0.4 * np.sin(np.arange(WEEKS) * 2 * np.pi / 52)
GROWTH = np.linspace(1.0, 1.5, WEEKS)


def town(random, near: int = 12, elsewhere: int = 400, planted: float = 1.0, mean: float = 0.5):
    """Weekly counts of cells near the works and elsewhere: each cell has its own mean (gamma), each week its own spread
    (negative binomial); near the works `planted` times as many from their start on."""
    means = random.gamma(2.0, mean / 2.0, size=near + elsewhere)
    expected = means[:, None] * SEASONS * GROWTH
    expected[:near, START:] *= planted
    counts = random.poisson(expected * random.gamma(5.0, 1 / 5.0, size=expected.shape))
    return counts[:near], counts[near:]


def studied(seed: int, planted: float = 1.0, weeks=range(START, START + 26), **changes):
    near, elsewhere = town(np.random.default_rng(seed), planted=planted, **changes)
    return effect.study(near, elsewhere, START, list(weeks), seed=seed, placebos=399)


RUNS = 200


def test_without_an_effect_it_stays_silent_as_often_as_it_says():
    claims = [studied(seed).claim for seed in range(RUNS)]
    wrong = RUNS - claims.count("none")
    # 5 % of 200 are 10; of a binomial with that rate 99.9 % of the draws are below 20.
    assert wrong < 20
    assert "too-little" not in claims


def test_where_cells_near_the_works_had_more_cases_than_others_from_the_first_it_stays_silent_too():
    silent = 0
    for seed in range(RUNS):
        random = np.random.default_rng(1000 + seed)
        near, elsewhere = town(random, near=60)
        busiest = np.argsort(near[:, :40].sum(axis=1))[-12:]  # chosen by weeks that are neither matched nor compared
        found = effect.study(near[busiest], elsewhere, START, list(range(START, START + 26)), seed=seed, placebos=399)
        silent += found.claim == "none"
    assert silent > RUNS - 20


@pytest.mark.parametrize("planted", [1.8, 0.5])
def test_a_planted_effect_is_recovered_within_its_interval(planted):
    found = [studied(seed, planted) for seed in range(100)]
    assert np.median([one.ratio for one in found]) == pytest.approx(planted, rel=0.07)
    held = sum(one.low <= planted <= one.high for one in found)
    assert held >= 88, "95 of 100 are meant; 88 is 99.9 % of what chance leaves"
    assert sum(one.claim == ("more" if planted > 1 else "fewer") for one in found) >= 95


def test_phases_are_told_apart_and_what_changes_in_the_whole_city_is_no_effect():
    quiet, loud = [], []
    for seed in range(40):
        random = np.random.default_rng(seed)
        doubled = np.where(np.arange(WEEKS) < START, 1, 2)
        near, elsewhere = (random.poisson(counts * doubled) for counts in town(random, near=20, mean=1.0))
        digging = slice(START + 12, START + 24)
        near[:, digging] = random.poisson(near[:, digging] * 2.5)
        asked = {"seed": seed, "questions": 2}
        quiet.append(effect.study(near, elsewhere, START, list(range(START, START + 12)), **asked))
        loud.append(effect.study(near, elsewhere, START, list(range(START + 12, START + 24)), **asked))
    assert sum(one.claim != "none" for one in quiet) <= 5
    assert all(one.claim == "more" for one in loud)
    assert sum(one.low < 2.5 < one.high for one in loud) >= 33
    assert loud[0].expected == pytest.approx(loud[0].during / loud[0].ratio)


def test_who_asks_many_questions_is_told_as_little_by_chance_as_who_asks_one():
    wrong = 0
    for seed in range(100):
        near, elsewhere = town(np.random.default_rng(5000 + seed))
        phases = [list(range(START + 8 * turn, START + 8 * turn + 8)) for turn in range(6)]
        found = [effect.study(near, elsewhere, START, weeks, seed=seed, questions=6) for weeks in phases]
        wrong += any(one.claim != "none" for one in found)
    assert wrong < 13, "5 of 100 are meant; 99.9 % of the draws are below 13"


def test_the_same_values_give_the_same_answer():
    assert studied(3, 1.5) == studied(3, 1.5)


@pytest.mark.parametrize(
    ("changes", "weeks"),
    [
        ({"elsewhere": 30}, range(START, START + 26)),
        ({"mean": 0.002}, range(START, START + 26)),
        ({"near": 0}, range(START, START + 26)),
        ({}, ()),
        ({}, range(WEEKS + 60, WEEKS + 62)),
    ],
    ids=["few cells elsewhere", "few cases", "no cells", "no weeks", "no year before"],
)
def test_from_too_little_nothing_is_claimed(changes, weeks):
    weeks = [week for week in weeks if week < WEEKS]
    found = studied(1, weeks=weeks, **changes)
    assert found.claim == "too-little" and found.ratio is None


def test_weeks_are_compared_with_the_last_year_that_was_over_when_works_began():
    before, matching = effect.compared(104, np.arange(104, 130))
    assert list(before) == list(range(52, 78))
    assert set(matching) == set(range(0, 104)) - set(before)
    before, matching = effect.compared(104, np.arange(150, 170))
    assert list(before) == list(range(46, 66)), "the year before would be in the works"
    assert len(effect.compared(40, np.arange(40, 50))[0]) == 0, "there is no year before"
