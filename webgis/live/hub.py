"""Who listens, and what the live process holds of what happened."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from webgis.accounts.actor import Actor
from webgis.cases import queries
from webgis.db import Runtime
from webgis.live import changes

KEPT = 5000
"""Changes that are kept for those who come back."""

MOST_WAITING = 256 * 1024
"""Bytes that a stream may not have taken yet."""


@dataclass(eq=False)
class Stream:
    """Someone who listens: who they are, by what they logged in, which tab, whether they want counts."""

    writer: asyncio.StreamWriter
    actor: Actor
    login: dict[str, str]
    tab: str
    counts: bool
    counted: str = ""

    @property
    def sight(self) -> tuple[Any, ...]:
        """What they may see, to be reckoned once for all who see the same: not each role is told of everything."""
        sight = (tuple(one) if isinstance(one, list) else one for one in queries.sight(self.actor))
        return self.actor.role, *sight

    def send(self, event: str, data: str, id: str = "") -> None:
        """Send one event, or close a stream that does not take what it was sent."""
        if self.writer.transport.get_write_buffer_size() > MOST_WAITING:
            self.writer.transport.abort()
            return
        head = f"id: {id}\n" if id else ""
        self.writer.write(f"{head}event: {event}\ndata: {data}\n\n".encode())


@dataclass
class Hub:
    """Everything that the process holds. `start` marks its ids: those of another process mean nothing to it."""

    runtime: Runtime
    streams: set[Stream] = field(default_factory=set)
    kept: deque[tuple[int, str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT))
    told: int = 0
    start: str = field(default_factory=lambda: format(time.time_ns() // 1_000_000, "x"))
    feeds: dict[str, changes.Feed] = field(
        default_factory=lambda: {name: changes.Feed(history) for name, history in changes.HISTORIES.items()}
    )
    tasks: set[asyncio.Task] = field(default_factory=set)
    counted_at: float = 0.0
    to_count: bool = True

    async def ask(self, question: Callable[..., Any], *values: Any) -> Any:
        """Ask what waits for the database, in a thread."""
        return await asyncio.to_thread(question, *values)

    def id(self, place: int) -> str:
        """The id of a change: it says how far somebody has heard."""
        return f"{self.start}.{place}"
