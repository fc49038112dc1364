"""What everyone may know: no count is small, and none is found by taking others from each other."""

from collections import Counter

import pytest
from sqlalchemy import text

from tests import city
from tests.maps import crowd

_TRUE = text("SELECT kind, cell_code, count(*) FROM city.case GROUP BY 1, 2")


@pytest.mark.parametrize(("cases", "least"), [(60, 5), (400, 5), (400, 40), (3, 5)])
def test_each_case_is_in_one_count_at_most_and_small_ones_are_told_further_up(city_runtime, cases, least):
    with city_runtime.transaction() as session:
        crowd.insert(session, crowd.made(cases, seed=cases))
        found = session.execute(text("SELECT kind, code, count FROM fn.public_counts(:n)"), {"n": least}).all()
        true = {(kind, code): count for kind, code, count in session.execute(_TRUE)}
    told = {(kind, code): count for kind, code, count in found}
    assert len(told) == len(found) and all(count >= least for count in told.values())
    assert told == _rolled_up(true, least)
    assert sum(true.values()) - sum(told.values()) < 2 * least, "only the last rest of each kind is left out"


def _rolled_up(true: dict[tuple[str, str], int], least: int) -> dict[tuple[str, str], int]:
    told, here = {}, Counter(true)
    for digits in (12, 9, 6, 4, 0):
        told |= {place: count for place, count in here.items() if count >= least}
        rest = Counter()
        for (kind, code), count in here.items():
            if count < least:
                rest[kind, code[:digits]] += count
        here = rest
    return told


def test_a_community_whose_cells_are_all_quiet_is_told_as_one(city_runtime):
    with city_runtime.transaction() as session:
        crowd.insert(session, crowd.made(60, seed=60))
        codes = {row.code for row in session.execute(text("SELECT code FROM fn.public_counts(5)"))}
    assert codes & {city.WEST, city.EAST}
