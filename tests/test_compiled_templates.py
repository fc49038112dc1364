"""Templates kept compiled: what cannot be kept or read is compiled again, and no page fails for it."""

from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment
from jinja2.bccache import bc_magic

from webgis.web import CompiledTemplates


def rendered(folder: Path) -> str:
    """A page of a process that has just begun."""
    loader = DictLoader({"page": "one and {{ 1 + 1 }}"})
    return Environment(loader=loader, bytecode_cache=CompiledTemplates(str(folder))).get_template("page").render()


def test_a_template_is_kept(tmp_path):
    assert rendered(tmp_path / "made") == "one and 2" == rendered(tmp_path / "made")
    assert len(list((tmp_path / "made").iterdir())) == 1


def test_a_page_needs_no_folder_that_can_be_written(tmp_path):
    (tmp_path / "taken").write_text("")
    assert rendered(tmp_path / "taken") == "one and 2"


@pytest.mark.parametrize("left", [b"", bc_magic, bc_magic + b"garbled", b"x" * 40])
def test_what_a_full_disk_left_is_compiled_again(tmp_path, left):
    rendered(tmp_path)
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()
    for content in (left, whole[: len(whole) // 2]):
        kept.write_bytes(content)
        assert rendered(tmp_path) == "one and 2"
