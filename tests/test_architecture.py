"""The house rules that a machine can check: the direction of imports, and the names of files in a package."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import webgis

ROOT = Path(webgis.__file__).parent
RANKS = (
    ("errors", "texts"),
    ("settings", "days"),
    ("logs", "packing", "durable"),
    ("refusals",),
    ("db",),
    ("geo",),
    ("jobs",),
    ("api",),
    ("web",),
    ("health", "limits"),
    ("tls",),
    ("accounts",),
    ("catalog",),
    ("grid",),
    ("telemetry",),
    ("metro",),
    ("cases",),
    ("hazards",),
    ("emergency",),
    ("evaluation", "exchange", "live", "maps"),
    ("pages",),
    (
        "app",
        "worker",
        "schedule",
        "cli",
        "demo",
        "serve",
        "services",
        "backup",
        "children",
        "vendor",
        "chromium",
        "broker",
        "tls_commands",
        "telemetry_commands",
    ),
)
RANK = {name: rank for rank, names in enumerate(RANKS) for name in names}
RULES = {"workflow.py", "clock.py", "rules.py", "division.py", "slivers.py", "clipping.py", "raster.py", "checks.py"}
MODULES = sorted(path for path in ROOT.rglob("*.py") if path.name != "__init__.py")


def _subject(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@cache
def _read(path: Path) -> tuple[list[ast.Import | ast.ImportFrom], set[tuple[str, str]]]:
    """What a module imports, and what it asks of names: (name, attribute)."""
    tree = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    asked = [node for node in tree if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)]
    imports = [node for node in tree if isinstance(node, ast.Import | ast.ImportFrom)]
    return imports, {(node.value.id, node.attr) for node in asked}


def _imported(path: Path) -> set[str]:
    names = set()
    for node in _read(path)[0]:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "webgis":
            parts = node.module.split(".")
            names |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {a.name.split(".")[1] for a in node.names if a.name.startswith("webgis.")}
    return names & RANK.keys()


def test_every_module_has_a_place_in_the_order():
    assert {_subject(path) for path in MODULES} <= RANK.keys()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_stands_to_its_left(path):
    own = _subject(path)
    wrong = {name for name in _imported(path) if name != own and RANK[name] >= RANK[own]}
    if RANK[own] == len(RANKS) - 1:
        wrong = set()
    assert not wrong, f"{own} must not import {', '.join(sorted(wrong))}"


def _pure(path: Path) -> bool:
    """Whether a module holds rules: by its name, or because it says so of itself."""
    text = path.read_text(encoding="utf-8")
    return path.name in RULES or ("Pure" in text and "Pure" in (ast.get_docstring(ast.parse(text)) or ""))


@pytest.mark.parametrize("path", [path for path in MODULES if _pure(path)], ids=str)
def test_rules_import_no_framework_and_no_database(path):
    found = {
        (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else node.names[0].name.split(".")[0]
        for node in _read(path)[0]
    }
    assert not found & {"flask", "sqlalchemy", "redis", "rq", "apiflask"}


@pytest.mark.parametrize(
    "path", sorted(p for folder in ("webgis", "tests", "bench") for p in (ROOT.parent / folder).rglob("*.py")), ids=str
)
def test_private_names_stay_in_their_module(path):
    imports, asked = _read(path)
    froms = [node for node in imports if isinstance(node, ast.ImportFrom)]
    ours = [node for node in froms if (node.module or "").split(".")[0] in ("webgis", "bench")]
    names = {alias.asname or alias.name for node in ours for alias in node.names}
    used = {attribute for name, attribute in asked if name in names}
    assert not {name for name in names | used if name.startswith("_") and not name.startswith("__")}


def test_nothing_but_settings_reads_the_environment():
    readers = [p for p in MODULES if "os.environ" in p.read_text(encoding="utf-8") or "getenv" in p.read_text("utf-8")]
    allowed = {"settings.py", "schedule.py", "serve.py", "services.py"}
    assert {path.name for path in readers} <= allowed


DOCUMENT = (ROOT.parent / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_page_of_the_architecture_names_every_package_and_file_of_the_ground():
    there = {path.name for path in ROOT.glob("*.py")} - {"__init__.py"}
    there |= {f"{path.parent.name}/" for path in ROOT.glob("*/__init__.py")}
    tree = DOCUMENT.split("```")[1].split("webgis/", 1)[1].split("sql/postgis/")[0]
    assert there <= set(tree.split())


def test_the_files_that_it_names_by_subject_are_there():
    named = re.findall(r"^\| `(\w+)` \|(.*)\|(.*)\|$", DOCUMENT, re.M)
    modules = [f"{package}/{name}.py" for package, files, _ in named for name in re.findall("`(.+?)`", files)]
    functions = [name for _, _, sql in named for name in re.findall("`(.+?)`", sql)]
    assert len(modules) > 80 and len(functions) > 10
    assert not [name for name in modules if not any(ROOT.glob(name))]
    assert not [name for name in functions if not any((ROOT.parent / "sql/postgis/functions").glob(name))]
