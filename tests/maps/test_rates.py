"""Rates, and two counts compared exactly, beside scipy; hours of shifts."""

from datetime import datetime, time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from webgis.grid import duty
from webgis.maps import rates


@pytest.mark.parametrize(
    ("found", "tries", "share"),
    [(3, 10, 0.3), (0, 7, 0.5), (7, 7, 0.9), (500, 900, 0.5), (12, 4000, 0.001), (70_000, 139_000, 0.5), (0, 0, 0.4)],
)
def test_p_is_that_of_the_exact_binomial_test(found, tries, share):
    theirs = stats.binomtest(found, tries, share).pvalue if tries else 1
    assert rates.binomial_p(found, tries, share) == pytest.approx(theirs, rel=1e-6)


def test_counts_beyond_all_reach_have_no_probability_left():
    assert rates.binomial_p(0, 10_000_000, 0.5) == 0


def test_spans_of_unequal_length_are_compared_by_the_day():
    told = rates.compare(np.array([30.0, 4, 0]), np.array([60.0, 30, 5]), np.full(3, 10.0), np.full(3, 20.0))
    assert told.now.tolist() == [3, 0.4, 0] and told.then.tolist() == [3, 1.5, 0.25]
    assert told.ratio[0] == 1 and told.ratio[1] == pytest.approx(0.4 / 1.5)
    assert told.p[0] > 0.9 and told.p[1] == pytest.approx(stats.binomtest(4, 34, 1 / 3).pvalue)


def test_what_is_not_known_has_no_figure_and_no_p():
    told = rates.compare(np.array([3.0, 3]), np.array([0.0, 0]), np.array([np.nan, 1]), np.array([np.nan, 1]))
    assert np.isnan(told.now[0]) and np.isnan(told.p[0])
    assert told.difference[1] == 3 and np.isnan(told.ratio[1]) and told.p[1] == 0.25


def moment(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 11, day, hour)


@pytest.mark.parametrize(
    ("days", "start", "end", "since", "until", "hours"),
    [
        ((1, 2, 3, 4, 5), time(8), time(18), moment(2), moment(16), 100),
        ((6, 7), time(8), time(12), moment(2), moment(7), 0),
        ((1,), time(22), time(6), moment(3), moment(4), 6),
        ((1,), time(22), time(6), moment(2), moment(3), 2),
        ((1,), time(0), time(0), moment(2), moment(9), 24),
        ((2,), time(8), time(18), moment(3, 9), moment(3, 11), 2),
        ((2,), time(8), time(18), moment(5), moment(3), 0),
    ],
)
def test_hours_of_a_shift_are_those_inside_the_span(days, start, end, since, until, hours):
    assert duty.hours_between(days, start, end, since, until) == hours


@settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    days=st.sets(st.integers(1, 7), min_size=1),
    shift=st.tuples(st.integers(0, 1439), st.integers(0, 1439)),
    cuts=st.tuples(*[st.integers(0, 40 * 24)] * 3),
)
def test_hours_of_two_spans_are_those_of_both_together(days, shift, cuts):
    first, middle, last = (datetime.fromordinal(739_000 + cut // 24).replace(hour=cut % 24) for cut in sorted(cuts))
    start, end = (time(minute // 60, minute % 60) for minute in shift)
    parts = [duty.hours_between(sorted(days), start, end, *span) for span in ((first, middle), (middle, last))]
    assert sum(parts) == pytest.approx(duty.hours_between(sorted(days), start, end, first, last))
