"""What every benchmark prints: a table, or one JSON object per row."""

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One comparison. `ours` and `against` in `unit`; `beside` says what `against` is: "peer", another way to do the
    same, or "floor", the least that it could cost. `ratio`: more is better; `goal`: least ratio wished, or None."""

    what: str
    ours: float
    against: float
    ratio: float
    goal: float | None
    unit: str
    beside: str = "peer"

    @property
    def missed(self) -> bool:
        return self.goal is not None and self.ratio < self.goal


def seconds(what: str, ours: float, peer: float, goal: float | None) -> Row:
    """A row of two times, of which the smaller is better."""
    return Row(what, ours, peer, peer / ours, goal, "s")


def show(title: str, rows: Iterable[Row], as_json: bool, versions: str = "") -> int:
    """Print `rows` as they come; returns 1 when a goal is missed, else 0."""
    where = machine(versions)
    missed = False
    table = Table(title=title, caption=f"{where}; {date.today()}", title_justify="left", caption_justify="left")
    table.add_column("what", max_width=70)
    for name in ("ours", "peer or floor", "ratio", "goal"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        missed |= row.missed
        if as_json:
            print(json.dumps(as_dict(row) | {"machine": where}, ensure_ascii=False), flush=True)
        goal = "-" if row.goal is None else f"{row.goal:g}" + (" missed" if row.missed else "")
        table.add_row(row.what, _figure(row.ours, row), _figure(row.against, row), f"{row.ratio:.1f}", goal)
    if not as_json:
        Console(width=None if sys.stdout.isatty() else 130).print(table)
    return int(missed)


def as_dict(row: Row) -> dict:
    return {
        "what": row.what,
        "ours": round(row.ours, 4),
        row.beside: round(row.against, 4),
        "ratio": round(row.ratio, 2),
        "goal": row.goal,
        "unit": row.unit,
    }


def _figure(value: float, row: Row) -> str:
    return f"{value:.2f} {row.unit}" if value < 100 else f"{value:,.0f} {row.unit}"


def timed(act: Callable[[], object], times: int = 3, patience: float = 5.0) -> float:
    """Median seconds of `times` runs of `act`; only one run when the first takes longer than `patience` seconds."""
    taken: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        taken.append(time.perf_counter() - start)
        if taken[0] > patience:
            break
    return statistics.median(taken)


def machine(versions: str = "") -> str:
    """Processor, cores, memory and versions, in one line, without the machine's name."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = [f"{os.cpu_count()} x {_processor()}", f"{memory:.0f} GB", f"Python {platform.python_version()}", versions]
    return ", ".join(part for part in parts if part)


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
