"""Answers that go out gzipped: static files, and the views that say that theirs may."""

import gzip
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from flask import Response, current_app, request

PACKED = {"text/css", "text/javascript", "application/javascript", "application/json", "image/svg+xml"}
"""What goes out gzipped of the static files. Pages do not: packed text tells its secrets by its length (BREACH)."""


def pack_file(response: Response) -> None:
    """Pack an answer that is a static file; its packed form is kept until the file changes."""
    if response.mimetype not in PACKED:
        return
    file = Path(current_app.static_folder) / request.view_args["filename"]
    pack(response, lambda: _packed(file, file.stat().st_mtime_ns))


def pack(response: Response, packed: Callable[[], bytes]) -> None:
    """Send what `packed` gives in the place of the answer where that is understood."""
    response.vary.add("Accept-Encoding")
    if response.status_code != 200 or request.accept_encodings.quality("gzip") <= 0:
        return
    written = packed()
    if response.is_streamed:
        response.response.close()
    response.direct_passthrough = False
    response.set_data(written)
    response.headers["Content-Encoding"] = "gzip"
    if response.get_etag()[0] is not None:
        response.set_etag(response.get_etag()[0], weak=True)


@lru_cache(maxsize=256)
def _packed(file: Path, _changed: int) -> bytes:
    return gzip.compress(file.read_bytes(), mtime=0)
