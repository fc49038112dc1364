"""What changes from one list of filing conditions to another. Pure: values in, changes out.

Within a class a condition is the same when its words are; of the rest, those at the same place count as reworded.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

FACTS = (
    "text_zh", "text_en", "limit_value", "limit_unit", "closing_zh", "closing_en", "department_kind",
)  # fmt: skip

How = Literal["added", "removed", "changed"]


@dataclass(frozen=True)
class Change:
    """A condition that is added, removed or changed: its class, what it said and says (of a changed one, those facts
    that differ besides its words)."""

    how: How
    kind: str
    class_code: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None

    def differing(self) -> list[str]:
        """The facts that differ in a changed one."""
        if self.before is None or self.after is None:
            return []
        return [name for name in FACTS if self.before[name] != self.after[name]]


def compare(before: Iterable[Any], after: Iterable[Any]) -> list[Change]:
    """The changes between two lists of conditions (with kind, class_code and FACTS), by class."""
    olds, news = _by_class(before), _by_class(after)
    changes: list[Change] = []
    for key in sorted(olds.keys() | news.keys()):
        changes += _of_class(key, olds.get(key, []), news.get(key, []))
    return changes


def _by_class(conditions: Iterable[Any]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in conditions:
        found.setdefault((one.kind, one.class_code), []).append({name: getattr(one, name) for name in FACTS})
    return found


def _of_class(key: tuple[str, str], olds: Sequence[dict], news: Sequence[dict]) -> Iterable[Change]:
    words = {one["text_zh"]: one for one in olds}
    same = {one["text_zh"] for one in news} & words.keys()
    for one in news:
        if one["text_zh"] in same and one != words[one["text_zh"]]:
            yield Change("changed", *key, words[one["text_zh"]], one)
    left, come = ([one for one in part if one["text_zh"] not in same] for part in (olds, news))
    for old, new in zip(left, come, strict=False):
        yield Change("changed", *key, old, new)
    yield from (Change("removed", *key, old, None) for old in left[len(come) :])
    yield from (Change("added", *key, None, new) for new in come[len(left) :])
