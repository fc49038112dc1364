"""Help: a page for every door in both languages, whose pictures are there and small enough to be carried along."""

import pytest

from webgis.demo import shots
from webgis.pages import help_pages, help_words, views

LARGEST_MB = 3


@pytest.mark.parametrize(("language", "lang"), [("zh-CN", "zh"), ("en", "en")])
def test_every_door_has_its_help_open_to_strangers_with_pictures_in_the_readers_language(app, root, language, lang):
    client = app.test_client()
    home = client.get("/help", headers={"Accept-Language": language})
    assert home.status_code == 200
    for guide in help_words.GUIDES:
        assert f'href="/help/{guide.door}"' in home.text
        page = client.get(f"/help/{guide.door}", headers={"Accept-Language": language})
        assert page.status_code == 200
        for task in guide.tasks:
            assert f'id="{task.name}"' in page.text
            if task.size:
                picture = help_words.picture(guide, task, lang)
                assert f"/static/{picture}" in page.text and (root / "static" / picture).is_file(), picture


def test_every_door_of_the_pages_has_a_guide():
    doors = {endpoint.split(".")[0] for _right, endpoint in views.DOORS if not endpoint.startswith("pages.")}
    doors |= {endpoint.removeprefix("pages.") for _right, endpoint in views.DOORS if endpoint.startswith("pages.")}
    assert {guide.door for guide in help_words.GUIDES} == doors | {"public"} == help_pages.STARTS.keys()


def test_no_picture_is_left_over_and_all_together_are_small(root):
    named = {
        help_words.picture(guide, task, lang)
        for guide in help_words.GUIDES
        for task in guide.tasks
        for lang in ("zh", "en")
        if task.size
    }
    there = {f"help/{file.name}": file.stat().st_size for file in (root / "static" / "help").glob("*")}
    assert there.keys() == named
    assert sum(there.values()) < LARGEST_MB * 2**20


def test_the_pictures_to_take_are_those_of_the_help():
    wanted = {
        f"{guide.door}-{task.name}": task.size for guide in help_words.GUIDES for task in guide.tasks if task.size
    }
    assert {shot.name: shot.size for shot in shots.HELP} == wanted


@pytest.mark.parametrize(
    ("login", "path", "guide"),
    [("acceptor1", "/cases", "desk"), ("acceptor1", "/hotline/new", "desk"), ("manager1", "/watch", "watch"),
     ("sanitation1", "/department", "department"), (None, "/report", "public")],
)  # fmt: skip
def test_each_page_leads_to_the_help_of_its_door_or_of_who_reads(reader, app, login, path, guide):
    page = reader(login).get(path) if login else app.test_client().get(path)
    assert f'href="/help/{guide}"' in page.text


def test_help_that_there_is_not_is_no_page(app):
    assert app.test_client().get("/help/teapot").status_code == 404
