"""Every text has its Chinese words, and every icon that is named exists."""

import re
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import webgis
from webgis.maps.signs import LIGHTS, STATES
from webgis.pages import words

PACKAGE = Path(webgis.__file__).parent
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
KEYWORDS = {"_": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2)}
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


def test_every_icon_that_a_page_or_a_map_names_is_in_the_sprite(root):
    sprite = set(re.findall(r'<symbol id="([\w-]+)"', (root / "static/app/icons.svg").read_text()))
    named = set()
    for file in (PACKAGE / "pages" / "templates").glob("*.html"):
        named |= set(re.findall(r'icon\("([\w-]+)"', file.read_text()))
    for file in (root / "static").glob("*/*.js"):
        named |= set(re.findall(r'\bicon\("([\w-]+)"', file.read_text()))
    named |= {sign.icon for sign in (*STATES.values(), *LIGHTS.values(), *words.ACTIONS.values())}
    named |= {icon for _title, _text, icon in words.ERRORS.values()}
    assert named and named <= sprite
