"""Every text has its Chinese words, and every icon that is named exists."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import webgis
from webgis.maps.signs import LIGHTS, STATES
from webgis.pages import step_words, topics, words

PACKAGE = Path(webgis.__file__).parent
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
KEYWORDS = {"_": None, "N_": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2)}
CHINESE = re.compile(r"[\u4e00-\u9fff]")
PLACEHOLDER = re.compile(r"%\(\w+\)s")


def texts() -> set[str]:
    found = extract_from_dir(PACKAGE, METHODS, keywords=KEYWORDS)
    return {message[0] if isinstance(message, tuple) else message for _file, _line, message, _notes, _context in found}


def chinese() -> dict[str, str]:
    file = PACKAGE / "translations" / "zh_Hans_CN" / "LC_MESSAGES" / "messages.po"
    with file.open("rb") as opened:
        catalog = read_po(opened)
    single = {message.id if isinstance(message.id, str) else message.id[0]: message.string for message in catalog}
    return {name: said if isinstance(said, str) else said[0] for name, said in single.items() if name}


def test_every_text_is_translated_and_no_translation_is_left_over():
    assert texts() == chinese().keys()
    assert all(chinese().values())


def test_placeholders_are_the_same_in_both_languages():
    for name, said in chinese().items():
        assert set(PLACEHOLDER.findall(said)) == set(PLACEHOLDER.findall(name)), name


SAID_AT_THE_FIELD = {"accounts.bad-field", "api.bad-input", "cases.bad-field", "geo.crs-unknown"}
NOT_ON_PAGES = {
    "catalog": {
        *("code-form", "code-unmapped", "file-ending", "kind-unknown", "limit-form", "limit-value"),
    },
    "cases": {"bad-zone-rules"},
    "exchange": {"bad-month", "bad-people"},
    "grid": {
        *("area-invalid", "bad-field", "bad-moment", "code-form", "crumb", "file-ending", "file-missing", "future"),
        *("no-zone", "not-adjacent", "not-cut", "not-mergeable", "nothing", "too-many-parts"),
    },
    "maps": {
        *("bad-basemap", "bad-field", "bad-tile", "needs-dropped-library", "unknown-address"),
    },
    "telemetry": {"bad-observation", "bad-query"},
}
"""Refusals (422) of commands and of addresses that only programs ask."""


def refusals(root: Path) -> list[tuple[str, int]]:
    """(code, status) of every refusal in docs/errors.md of the packages that pages stand on."""
    rows = re.findall(r"^\| `([^`]+)` \| ([\d, ]+) \|", (root / "docs" / "errors.md").read_text(), re.M)
    packages = {"accounts", "api", "cases", "catalog", "evaluation", "exchange", "geo", "grid", "maps", "web"}
    packages |= {"emergency", "hazards", "metro", "telemetry"}
    listed = [(code, int(status)) for code, statuses in rows for status in statuses.split(", ")]
    return [(code, status) for code, status in listed if code.split(".")[0] in packages]


def test_every_refusal_that_a_page_can_show_has_words_of_its_own(root):
    named = {code for code, status in refusals(root) if status == 422}
    elsewhere = {f"{package}.{name}" for package, names in NOT_ON_PAGES.items() for name in names}
    assert elsewhere < named
    assert named - elsewhere == {code for code in words.SENTENCES if code in named} | SAID_AT_THE_FIELD
    assert words.SENTENCES.keys() <= {code for code, _status in refusals(root)}
    assert words.SENTENCES.keys().isdisjoint(elsewhere | SAID_AT_THE_FIELD)


@pytest.mark.parametrize("field", ["description", "nowhere"])
def test_every_refusal_is_said_in_chinese(root, app, field):
    with app.test_request_context(headers={"Accept-Language": "zh-CN"}):
        for code, status in refusals(root):
            shown = words.error_words(status, code, "only English", {"field": field})
            for said in (shown.title, shown.text, words.problem(code, "only English", {"field": field})[1]):
                assert CHINESE.search(said) and "English" not in said, code


def test_every_icon_that_a_page_or_a_map_names_is_in_the_sprite(root):
    sprite = set(re.findall(r'<symbol id="([\w-]+)"', (root / "static/app/icons.svg").read_text()))
    named = set()
    for file in (PACKAGE / "pages" / "templates").rglob("*.html"):
        named |= set(re.findall(r'icon\("([\w-]+)"', file.read_text()))
    for file in (root / "static").glob("*/*.js"):
        named |= set(re.findall(r'\bicon\("([\w-]+)"', file.read_text()))
    named |= {sign.icon for sign in (*STATES.values(), *LIGHTS.values(), *step_words.ACTIONS.values())}
    named |= {words.icon for words in (*step_words.REQUESTS.values(), *step_words.FLAGS.values())}
    named |= {badge.icon for badge in step_words.PHOTO_MARKS.values()}
    named |= {icon for _word, _means, icon, _tone in step_words.RESULTS.values()}
    named |= {icon for _title, _text, icon in words.ERRORS.values()}
    named |= {topic.icon for topic in topics.TOPICS}
    assert named and named <= sprite
