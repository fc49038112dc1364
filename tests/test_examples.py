"""Examples that Hypothesis makes: the same in every run, on every machine, whatever else ran before."""

import hypothesis
from hypothesis.internal.conjecture.providers import HypothesisProvider


def test_examples_are_the_same_in_every_run_and_no_clock_is_held_against_them():
    usual = hypothesis.settings()
    assert (usual.derandomize, usual.deadline, usual.database) == (True, None, None)


def test_examples_do_not_hang_on_which_modules_are_loaded():
    assert len(HypothesisProvider(None)._local_constants) == 0
