"""Photos that went when their time was over, and what is done with their case afterwards."""

import pytest
from sqlalchemy import text

from tests import city
from tests.cases.life import Life
from webgis.cases import audit, evidence, retention

HIDE = text(
    "UPDATE city.photo SET removed_at = now() WHERE case_id = (SELECT id FROM city.case WHERE number = :number)"
)


@pytest.fixture
def life(city_runtime) -> Life:
    return Life(city_runtime)


def remove(life: Life, number: str) -> None:
    """The photos of a case go, as retention removes them."""
    with life.runtime.transaction() as session:
        session.execute(HIDE, {"number": number})
    with life.runtime.transaction() as session:
        retention.remove_photo_files(session, life.settings, [one.sha256 for one in life.photo])


def missed(life: Life) -> set[str | None]:
    """The cases whose photos are missed."""
    found = audit.verify(life.runtime.engine, life.settings, files=True).findings
    return {one.number for one in found if one.what.startswith("file")}


def test_a_case_that_is_opened_again_does_not_miss_what_went_before(life):
    number = life.closed()
    remove(life, number)
    assert not evidence.path(life.settings, life.photo[0].sha256).exists() and missed(life) == set()
    life.do("acceptor1", number, "reopen", reason="复发")
    assert missed(life) == set()


def test_a_photo_that_went_while_its_case_went_on_is_missed_also_after_its_end(life):
    number = life.handled()
    remove(life, number)
    assert missed(life) == {number}
    life.do("dispatcher1", number, "force_close", reason="另行处理")
    assert missed(life) == {number}


def test_a_photo_that_is_sent_anew_while_it_goes_stays(life):
    """Its row is not committed yet when the file is to go, and will be."""
    number = life.closed()
    with life.runtime.transaction() as session:
        session.execute(HIDE, {"number": number})
    evidence.store(life.settings, [city.photo()])
    with life.runtime.transaction() as session:
        assert retention.remove_photo_files(session, life.settings, [one.sha256 for one in life.photo]) == 0
    assert life.report(place=city.IN_EAST).number and missed(life) == set()
