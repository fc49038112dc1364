"""What a notice says, in Chinese and English: templates, letters, short messages, digests. Pure; no database.

The texts are in `data/notices_zh.toml` and `notices_en.toml`. What people typed is a value there, never a template.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template
from jinja2.sandbox import SandboxedEnvironment

TEMPLATES = Path(__file__).parent / "data"
IN_A_SHORT_DIGEST = 5
"""Notices that a short message of several tells; the rest are counted."""


@dataclass(frozen=True)
class Said:
    """A notice in words: subject and text of a letter, and a short message."""

    subject: str
    text: str
    sms: str
    link: str | None = None
    of_case: bool = True


@lru_cache
def templates(language: str) -> dict[str, dict[str, Template]]:
    """The templates of a language: event -> subject, text, sms; besides them `parts` and `digest`."""
    environment = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    given = tomllib.loads((TEMPLATES / f"notices_{language}.toml").read_text(encoding="utf-8"))
    return {
        event: {name: environment.from_string(template) for name, template in parts.items()}
        for event, parts in given.items()
    }


def say(event: str, language: str, values: Mapping[str, Any]) -> Said:
    """An event in words; `values`: see `messages.values_of`."""
    made = {name: template.render(values).strip() for name, template in templates(language)[event].items()}
    return Said(made["subject"], made["text"], made["sms"], values.get("link"), not event.startswith("emergency_"))


def letter(said: Sequence[Said], language: str, city: str) -> tuple[str, str]:
    """Subject and text of an e-mail that tells one notice, or several."""
    parts, digest = templates(language)["parts"], templates(language)["digest"]
    told = [f"{one.text}\n{parts['link'].render(link=one.link)}" if one.link else one.text for one in said]
    closing = parts["sign"].render(city=city)
    opening = parts["greeting"].render()
    if len(said) == 1:
        return said[0].subject, f"{opening}\n\n{told[0]}\n\n{closing}\n"
    count = {"count": len(said), "cases": all(one.of_case for one in said)}
    numbered = enumerate(zip(said, told, strict=True), 1)
    listed = "\n\n".join(f"{place}. {one.subject}\n{body}" for place, (one, body) in numbered)
    return digest["subject"].render(count), f"{opening}\n\n{digest['text'].render(count)}\n\n{listed}\n\n{closing}\n"


def short(said: Sequence[Said], language: str) -> str:
    """A short message that tells one notice, or several."""
    digest = templates(language)["digest"]
    lines = [f"{one.sms} {one.link}" if one.link else one.sms for one in said]
    if len(said) == 1:
        return lines[0]
    more = len(said) - IN_A_SHORT_DIGEST
    rest = [digest["more"].render(count=more)] if more > 0 else []
    shown = [f"{place}. {line}" for place, line in enumerate(lines[:IN_A_SHORT_DIGEST], 1)]
    return "\n".join([digest["sms"].render(count=len(said), cases=all(one.of_case for one in said)), *shown, *rest])
