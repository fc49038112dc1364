"""docs/glossary.md is the law of words: its codes exist, and the pages say in Chinese what it says."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import webgis

PACKAGE = Path(webgis.__file__).parent
ROOT = PACKAGE.parent
SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for folder, ending in ((PACKAGE, "py"), (ROOT / "sql", "sql"), (ROOT / "sql", "py"))
    for path in folder.rglob(f"*.{ending}")
)


def _rows():
    """(Chinese words, English words, codes) of every row of every table of the glossary."""
    for line in (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 4 and cells[1] not in ("中文", "---"):
            yield re.split("[（）、]", cells[1]), cells[2].lower().split(", "), re.findall("`([^`]+)`", cells[3])


def test_every_code_of_the_glossary_stands_in_the_code():
    codes = {code for _zh, _en, codes in _rows() for code in codes}
    absent = {
        code
        for code in codes
        if not re.search(rf"(?<![\w-]){re.escape(code)}(?![\w-])", SOURCES) and not any(PACKAGE.rglob(code))
    }
    assert len(codes) > 90 and not absent


@pytest.mark.parametrize("catalogue", sorted(PACKAGE.glob("translations/zh*/LC_MESSAGES/messages.po")), ids=str)
def test_the_pages_call_things_by_their_chinese_name_in_the_glossary(catalogue):
    with catalogue.open("rb") as file:
        shown = {message.id.lower(): message.string for message in read_po(file) if isinstance(message.id, str)}
    compared = [
        (english, shown[english], chinese) for chinese, all_english, _ in _rows() for english in all_english
        if shown.get(english)
    ]  # fmt: skip
    other = [row for row in compared if not any(word and (word in row[1] or row[1] in word) for word in row[2])]
    assert len(compared) > 30 and not other
