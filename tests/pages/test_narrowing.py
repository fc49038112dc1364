"""What the list of cases says that it is narrowed by, it is narrowed by."""

from zoneinfo import ZoneInfo

import pytest

from webgis.cases import listing
from webgis.pages import forms, narrowing

SET = {"closed_since": "2026-01-01", "closed_until": "2026-01-02", "source": "public", "zone": "CZ-01"}


@pytest.mark.parametrize("name", narrowing.WORDS)
def test_every_filter_that_is_said_narrows(name):
    found, problems = forms.list_filters({name: SET.get(name, "yes")}, ZoneInfo("Asia/Shanghai"))
    assert not problems and found != listing.Filters()
