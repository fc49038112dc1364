"""Readings as people read them."""

import pytest

from webgis.telemetry.quantities import reading


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        (0, "0 m"),
        (0.42336, "0.423 m"),
        (0.0724, "0.072 m"),
        (0.0004, "0 m"),
        (-0.0001, "0 m"),
        (0.5, "0.5 m"),
        (-1.0852, "-1.09 m"),
        (47.6234, "47.6 m"),
        (100.4, "100 m"),
        (1234.5, "1234 m"),
        (99.96, "100 m"),
    ],
)
def test_a_reading_is_told_with_the_digits_that_say_something(value, said):
    assert reading(value, "m") == said
