"""What no page sends but anybody can: signs that are digits without being numbers, numbers of thousands of digits."""

import pytest

from tests.cases.life import Life

SQUARE, ENDLESS = "²", "9" * 5000
"""Python's `isdigit` takes the first, and `int` takes neither."""

DEPARTMENTS = {"departments": ["510104-works", "510104-sanitation"]}


@pytest.mark.parametrize("number", [SQUARE, ENDLESS], ids=["square", "endless"])
@pytest.mark.parametrize(
    ("path", "field", "others"),
    [
        ("/admin/notices/addresses", "digest", {"login": "inspector1", "channel": "sms", "language": "zh"}),
        ("/admin/retention/photos", "days", {"source": "rule"}),
        ("/admin/routing", "based_on", {"name": "draft"}),
        ("/admin/areas/divide", "size_m", {"ground": "510104017"}),
        ("/account/keys", "days", {"label": "key", "reach": "read"}),
    ],
)
def test_a_form_takes_no_strange_number(reader, path, field, others, number):
    answer = reader("administrator1", "en").send(path, **others, **{field: number})
    assert answer.status_code < 500


@pytest.mark.parametrize(
    "path",
    [
        "/admin/log?before={}",
        "/admin/calendar?year={}",
        "/api/v1/live?since={}.1",
        "/api/v1/live?since=1.{}",
        "/api/v1/cases?limit={}",
        "/tiles/cases/{}/1/1.mvt",
    ],
)
@pytest.mark.parametrize("number", [SQUARE, "9" * 40], ids=["square", "long"])
def test_an_address_takes_no_strange_number(reader, path, number):
    assert reader("administrator1", "en").get(path.format(number)).status_code < 500


@pytest.mark.parametrize("fields", [{"departments": ["a\0", "b"]}, {"footprint": {"type": "a\0"}}, {"reason": "\0"}])
def test_a_nul_is_refused_however_deep_it_is(api, city_runtime, fields):
    number = Life(city_runtime).filed()
    answer = api("dispatcher1").post(f"/api/v1/cases/{number}/actions/split", DEPARTMENTS | fields)
    assert answer.status_code == 422
    assert Life(city_runtime).case(number).state == "filed"
