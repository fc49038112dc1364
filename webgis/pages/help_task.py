"""What the help is made of: a guide for each door, with tasks."""

from dataclasses import dataclass

from flask_babel.speaklater import LazyString


@dataclass(frozen=True)
class Task:
    """Something that people want to do: its name, title, steps, and the size of its picture (None: it has none)."""

    name: str
    title: LazyString
    steps: tuple[LazyString, ...]
    size: str | None


@dataclass(frozen=True)
class Guide:
    """The help of one door."""

    door: str
    word: LazyString
    icon: str
    intro: LazyString
    tasks: tuple[Task, ...]
