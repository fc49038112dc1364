"""New, intensifying, persisting, fading hot spots by hand-made series; windows; the trend beside a table."""

from datetime import date

import numpy as np
import pytest
from scipy import stats

from webgis.days import Span
from webgis.maps import trends

HOT = 4.0
"""z of what is hot here; below it is not."""


TABLE = [
    ("new", [0, 1, 0, 1, 0, 1, 0, 1, 0, 5]),
    ("new", [0, 1, 0, 1, 0, 0, 1, 5, 6, 5]),
    ("intensifying", [4, 5, 6, 7, 8, 9, 10, 11, 12, 13]),
    ("intensifying", [1, 5, 6, 7, 8, 9, 10, 11, 12, 13]),
    ("persisting", [6, 5, 6, 5, 6, 5, 6, 5, 6, 5]),
    ("persisting", [6, 5, 1, 5, 6, 5, 6, 5, 6, 6]),
    ("fading", [13, 12, 11, 10, 9, 8, 7, 6, 5, 4]),
    ("fading", [6, 5, 6, 5, 6, 5, 6, 5, 6, 1]),
    ("sporadic", [5, 0, 0, 6, 0, 0, 5, 0, 0, 5]),
    ("past", [0, 5, 6, 5, 0, 0, 0, 0, 0, 0]),
    ("past", [0, 5, 6, 5, 6, 5, 6, 5, 6, 0]),
    (None, [0, 1, 2, 3, 1, 0, 3, 2, 1, 0]),
]


@pytest.mark.parametrize(("word", "series"), TABLE)
def test_a_series_has_the_word_of_the_table(word, series):
    z = np.array([series], dtype=float)
    assert trends.words(z, z >= HOT) == [word]


def test_many_series_are_named_at_once_in_their_order():
    z = np.array([series for _, series in TABLE], dtype=float)
    assert trends.words(z, z >= HOT) == [word for word, _ in TABLE]


def test_every_word_is_some_series():
    assert {word for word, _ in TABLE} == {*trends.WORDS, None}


def test_the_rules_leave_no_way_without_a_word():
    for last in (True, False):
        for stretch in (True, False):
            for always in (True, False):
                for trend in (-1, 0, 1):
                    assert trends.word(trends.Way(last, stretch, always, trend)) in trends.WORDS


def test_s_is_kendalls_and_p_the_published_one():
    series = np.random.default_rng(7).normal(size=(20, 12))
    s, p = trends.mann_kendall(series)
    for row, got in zip(series, s, strict=True):
        assert got == pytest.approx(stats.kendalltau(np.arange(12), row).statistic * 66)
    (one,), (sure,) = trends.mann_kendall(np.arange(10.0)[None])
    assert one == 45 and sure == pytest.approx(2 * stats.norm.sf(44 / np.sqrt(125)))
    assert p.min() > 0 and p.max() <= 1


def test_ties_widen_no_trend_and_a_level_series_has_none():
    s, p = trends.mann_kendall(np.array([[1.0, 1, 1, 1, 1], [1, 1, 2, 3, 4]]))
    assert s.tolist() == [0, 9] and p[0] == 1
    variance = (5 * 4 * 15 - 2 * 1 * 9) / 18
    assert p[1] == pytest.approx(2 * stats.norm.sf(8 / np.sqrt(variance)))


def test_windows_are_equal_and_end_with_the_span():
    cuts = trends.windows(Span(date(2026, 10, 1), date(2026, 11, 1)), 10)
    assert {cut.days for cut in cuts} == {3} and len(cuts) == 10
    assert cuts[0].since == date(2026, 10, 3) and cuts[-1].until == date(2026, 11, 1)
    assert all(one.until.toordinal() + 1 == next_.since.toordinal() for one, next_ in zip(cuts, cuts[1:], strict=False))
