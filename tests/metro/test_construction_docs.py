"""docs/metro.md says of construction zones what is so: its example gives what it says, its table is what ships."""

import re
from pathlib import Path

import webgis
from webgis.cases import zones
from webgis.metro import construction_patrols, construction_traffic, effect
from webgis.metro.construction_rules import PHASES

DOCS = (Path(webgis.__file__).parent.parent / "docs" / "metro.md").read_text(encoding="utf-8")


def test_the_example_gives_what_it_says():
    (example,) = (one for one in re.findall(r"```python\n(.*?)```", DOCS, re.S) if "holding(" in one)
    names = {}
    exec(example, names)
    told = re.findall(r"^(holding\(.*\))  # (\S+?):?(?: .*)?$", example, re.M)
    assert len(told) == 4
    for asked, said in told:
        assert eval(asked, names) == eval(said.rstrip(":")), asked


def test_the_rules_that_ship_are_those_of_the_table(session):
    shipped = [(one.class_code, one.protection, one.severity, one.limit_value) for one in zones.rules(session)]
    assert shipped == [
        ("08", "", "ordinary", None),
        ("08", "control", "serious", None),
        ("08", "special", "urgent", 2),
    ]
    assert "| yes | urgent | 2 urgent hours |" in DOCS


def test_the_figures_are_those_of_the_code():
    for said in (
        f"{effect.PLACEBOS:,}\ngroups",
        f"those {effect.MATCHED} are matched",
        f"{effect.LEAST_ELSEWHERE}\ncells elsewhere",
        f"{effect.LEAST_BEFORE} cases before or {effect.LEAST_WEEKS_TO_MATCH} weeks",
        f"within {construction_traffic.NEAR_M:g} m",
        f"more than {construction_traffic.ALONG_M:g} m",
        ", ".join(PHASES),
    ):
        assert re.sub(r"\s+", " ", said) in re.sub(r"\s+", " ", DOCS), said
    assert construction_patrols.APART.total_seconds() == 3600
