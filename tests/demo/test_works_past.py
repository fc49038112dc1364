"""The demo's past beside two of its construction sites: the study finds the planted effect where it was put, and
nothing where none was."""

from datetime import UTC, datetime

import pytest

from webgis.cases import audit
from webgis.db import Runtime
from webgis.demo import loading, works_past
from webgis.evaluation import works
from webgis.maps import rollups
from webgis.metro import construction


@pytest.fixture(scope="module")
def street(make_settings):
    """A runtime with the county of the two sites and its past."""
    runtime = Runtime(make_settings())
    loading.load(runtime, [works_past.COUNTY], count=0, quiet=True)
    assert works_past.fill(runtime, datetime.now(UTC)) > 3000
    yield runtime
    runtime.engine.dispose()


def test_the_study_tells_the_planted_effect_and_is_silent_elsewhere(street):
    with street.transaction() as session:
        found = {
            (code, one.part, one.phase): one.effect
            for code in (works_past.LOUD, works_past.QUIET)
            for one in works.effects(session, construction.require(session, code), now=datetime.now(UTC))
        }
    loud = found[works_past.LOUD, "inside", None]
    assert loud.claim == "more" and loud.low < works_past.PLANTED < loud.high
    assert {
        one.claim for (code, part, _phase), one in found.items() if (code, part) != (works_past.LOUD, "inside")
    } <= {
        "none",
        "too-little",
    }
    assert found[works_past.QUIET, "inside", None].claim == "none"
    assert found[works_past.LOUD, "ring", None].claim == "too-little", "so many cells side by side are few with cases"


def test_its_cases_are_whole_counted_and_made_once(street):
    assert audit.verify(street.engine, street.settings).findings == ()
    with street.engine.connect() as connection:
        assert rollups.check(connection) == []
    assert works_past.fill(street, datetime.now(UTC)) == 0
