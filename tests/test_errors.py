"""The list of errors in docs/errors.md is that of the code, and every code follows the one scheme."""

import ast
import re
from functools import cache
from pathlib import Path

import webgis
from tests.test_architecture import RANK

ROOT = Path(webgis.__file__).parent
LIST = ROOT.parent / "docs" / "errors.md"
STATUS = {"Invalid": "422", "Forbidden": "403", "NotFound": "404", "Conflict": "409", "Unavailable": "503"}
KINDS = STATUS | {"LoginNeeded": "401", "refusal": ""}
SCHEME = re.compile(r"[a-z]+\.[a-z]+(-[a-z]+)*")
PART_OF = {"refusals": "web"}
"""A file of the ground that answers under the name of another."""


@cache
def _raised() -> tuple[tuple[Path, str, str], ...]:
    """(file, pattern of the code, pattern of the status) of every refusal that is made anywhere in webgis."""
    return tuple(_found())


def _found():
    for path in sorted(ROOT.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = call.func.id if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) else None
            if name in KINDS and call.args:
                yield path, _pattern(call.args[0]), KINDS[name] or r"\d+"
            elif name == "answer_error" and not isinstance(call.args[1], ast.Attribute):
                status = call.args[0]
                yield path, _pattern(call.args[1]), str(status.value) if isinstance(status, ast.Constant) else r"\d+"


def _pattern(code: ast.expr) -> str:
    if isinstance(code, ast.JoinedStr):
        return "".join(re.escape(part.value) if isinstance(part, ast.Constant) else "[a-z-]+" for part in code.values)
    assert isinstance(code, ast.Constant), f"a code is written out, not computed: {ast.unparse(code)}"
    return re.escape(code.value)


def _listed() -> dict[str, list[str]]:
    rows = re.findall(r"^\| `([^`]+)` \| ([\d, ]+) \| \S.*\|$", LIST.read_text(encoding="utf-8"), re.MULTILINE)
    assert [code for code, _ in rows] == sorted({code for code, _ in rows}), "each code once, in order"
    return {code: statuses.split(", ") for code, statuses in rows}


def test_every_refusal_is_listed_with_its_status():
    listed = _listed()
    missing = {
        f"{path.name}: {code} {status}"
        for path, code, status in _raised()
        if not any(re.fullmatch(code, c) and any(re.fullmatch(status, s) for s in listed[c]) for c in listed)
    }
    assert not missing


def test_every_listed_error_can_happen_with_each_of_its_statuses():
    raised = _raised()
    assert len(raised) > 100
    never = {
        f"{code} {status}"
        for code, statuses in _listed().items()
        for status in statuses
        if not any(re.fullmatch(c, code) and re.fullmatch(s, status) for _, c, s in raised)
    }
    assert not never


def test_a_code_names_the_package_or_one_that_it_builds_on():
    wrong = set()
    for path, code, _ in _raised():
        own = PART_OF.get(own := path.relative_to(ROOT).parts[0].removesuffix(".py"), own)
        owner = code.split("\\.")[0]
        if RANK.get(owner, 99) > RANK[own]:
            wrong.add(f"{path.name}: {code}")
    assert not wrong
    assert all(SCHEME.fullmatch(code) for code in _listed())
