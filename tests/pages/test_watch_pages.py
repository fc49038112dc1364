"""The manager's page: its figures lead to lists of as many cases, filters stay, the table is its owner's alone."""

import os
import re
import time
from datetime import UTC, datetime
from html import unescape
from io import BytesIO

import openpyxl
import pytest
from sqlalchemy import text

from tests import city
from tests.evaluation.test_figures import FIRST, LAST, filled
from webgis import jobs, worker
from webgis.cases import retention
from webgis.db import Runtime
from webgis.pages import watch_words

SPAN = f"since={FIRST}&until={LAST}"
HREF = re.compile(r'<a class="card watch-card[^"]*" href="([^"]+)" data-card="(\w+)">.*?watch-value">([^<]+)<', re.S)


def cards(client, query: str) -> dict[str, tuple[str, str]]:
    page = client.get(f"/watch?{query}")
    assert page.status_code == 200
    return {name: (unescape(href), value) for href, name, value in HREF.findall(page.text)}


def listed(client, address: str) -> int:
    """How many cases a list holds, page by page."""
    count = 0
    while address:
        answer = client.get(address, **{"HX-Request": "true"})
        assert answer.status_code == 200
        page = answer.text
        count += page.count('class="row-link"')
        more = re.search(r'hx-get="([^"]+cursor=[^"]+)"', page)
        address = unescape(more[1]) if more else ""
    return count


@pytest.mark.parametrize("query", ["", "subject=matter:06010", f"area={city.WEST}&source=hotline", "subject=matter:"])
def test_every_figure_leads_to_a_list_of_as_many_cases(city_app, reader, query):
    filled(city_app.extensions["webgis"], 300, seed=11)
    client = reader("manager1", "en")
    found = cards(client, f"{SPAN}&{query}")
    assert set(found) == {"reported", "filed", "closed", "on_time", "overdue", "reopened"}
    on_time = re.search(r"([\d,]+) of ([\d,]+) closed", client.get(f"/watch?{SPAN}&{query}").text)
    for name, (address, value) in found.items():
        expected = on_time[1] if name == "on_time" else value
        assert listed(client, address) == int(expected.replace(",", "")) > 0, name


def test_the_parts_alone_are_asked_for_when_something_has_changed(city_app, reader):
    filled(city_app.extensions["webgis"], 20, seed=12)
    told = reader("manager1").get(f"/watch?{SPAN}&step=month", **{"X-Part": "figures"})
    assert "<html" not in told.text and told.text.count('data-part="') == 9


def test_filters_that_cannot_be_used_are_said_and_the_page_is_shown_all_the_same(reader):
    client = reader("manager1")
    for query in ("since=2026-02-30", "since=2026-03-01&until=2026-02-01", "area=999999", "subject=matter:99999"):
        page = client.get(f"/watch?{query}")
        assert page.status_code in (200, 404), query
        if page.status_code == 200:
            assert 'role="alert"' in page.text, query


def test_managers_begin_here_and_inspectors_may_not_come(reader):
    assert reader("manager1").get("/").location == "/watch"
    assert reader("inspector1").get("/watch").status_code == 403
    assert reader("manager1").get("/watch/screen").status_code == 200


def exported(city_app, api, monkeypatch, login: str, **asked: str):
    """The address of a workbook that was asked for and made."""
    settings = city_app.extensions["webgis"].settings
    monkeypatch.setattr("webgis.settings.load", lambda: settings)
    client = api(login)
    answer = client.post("/watch/exports", asked)
    assert answer.status_code == 202
    waiting = client.get(answer.location).get_json()
    assert (waiting["percent"], waiting["address"]) == (0, None)
    worker.import_tasks()
    jobs.drain(Runtime(settings), "slow")
    return client.get(answer.location).get_json()["address"]


def test_the_table_holds_the_figures_and_their_cases_and_no_formula(city_app, api, monkeypatch):
    runtime = city_app.extensions["webgis"]
    filled(runtime, 120, seed=13)
    with runtime.engine.begin() as connection:
        connection.execute(text("UPDATE city.case SET description = '=1+1' WHERE source = 'hotline'"))
        connection.execute(text("UPDATE city.case SET address = '+86' WHERE source = 'hotline'"))
        wanted = connection.scalar(text("SELECT count(*) FROM city.case WHERE source = 'hotline'"))
    address = exported(
        city_app, api, monkeypatch, "manager1", since=str(FIRST), until=str(LAST), source="hotline", step="month"
    )
    answer = api("manager1").get(address)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    book = openpyxl.load_workbook(BytesIO(answer.data))
    figures, *_rankings, cases = book.worksheets
    assert figures.cell(2, 2).value == wanted == cases.max_row - 1
    assert sum(row[1] for row in figures.iter_rows(min_row=5, values_only=True)) == wanted
    assert {cell.value for cell in cases["F"][1:]} == {"'=1+1"} and {cell.value for cell in cases["G"][1:]} == {"'+86"}
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)


def test_a_table_is_for_the_one_who_asked_and_not_for_ever(city_app, api, monkeypatch):
    address = exported(city_app, api, monkeypatch, "manager1")
    assert api("administrator1").get(address).status_code == 404
    assert api("dispatcher1").get(address.replace(".xlsx", "/state")).status_code in (200, 404)
    assert api("inspector1").get(address).status_code == 403
    settings = city_app.extensions["webgis"].settings
    (file,) = (settings.var_dir / "exports").glob("*/*.xlsx")
    old = time.time() - (24 + 1) * 3600
    os.utime(file, (old, old))
    assert api("manager1").get(address).status_code == 404
    with city_app.extensions["webgis"].transaction() as session:
        assert retention.remove(session, settings, datetime.now(UTC))["exports"] == 1
    assert not file.exists()


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [(5, 5, "unchanged"), (5, 0, "none before"), (3, 4, "-25%"), (40, 4, "+900%"), (44, 4, "×11"), (0, 4, "-100%")],
)
def test_a_change_is_told_in_per_cent_until_these_say_nothing(app, now, before, told):
    with app.test_request_context(headers={"Accept-Language": "en"}):
        assert watch_words.change(now, before).word == told
