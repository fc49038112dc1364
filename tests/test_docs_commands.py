"""Each command that README and manual show exists, with the options they give it."""

import re
import shlex
from pathlib import Path

import click
import pytest

import webgis
from webgis import cli

ROOT = Path(webgis.__file__).parent.parent
FILES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
FENCED = re.compile(r"^```\w*\n(.*?)^```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`(webgis [a-z][^`\n]*)`")


def shown(text: str) -> list[str]:
    """The commands of a text, without what is explained behind them."""
    lines = [line for block in FENCED.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    found = [line.strip().removeprefix("$ ").removeprefix(".venv/bin/") for line in lines] + INLINE.findall(text)
    return [re.split(r"\s{2,}|\s+#|\s*[|;>]\s", line)[0] for line in found if re.match(r"webgis [a-z]", line)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_commands_that_are_shown_exist(file):
    wrong = [line for line in shown(file.read_text(encoding="utf-8")) if not known(line)]
    assert wrong == []


def known(line: str) -> bool:
    """Whether the command is there, and each of its options."""
    words = shlex.split(re.sub(r"[\[\]]|\.\.\.", " ", line))[1:]
    command, context = cli.group, click.Context(cli.group)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        names = re.split(r"[,|]", words[0])
        found = [command.get_command(context, name) for name in names if name]
        if None in found:
            return False
        command, words = found[0], words[1:]
        if len(found) > 1:
            return True
    options = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | {
        "--help",
        "-h",
        "--version",
    }
    return all(word.partition("=")[0] in options for word in words if re.match(r"--?[a-z]", word))
