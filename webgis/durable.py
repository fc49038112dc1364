"""Files that are written once and stay as they are."""

import contextlib
import os
from pathlib import Path


def write_once(target: Path, content: bytes) -> None:
    """Write once and durably: a reader sees the whole file or none, it outlives a crash after the commit, and of
    several who write the same at once each succeeds. One that is there is marked as wanted now: it may be just about to
    go (`cases.retention.remove_photo_files`)."""
    with contextlib.suppress(FileNotFoundError):
        os.utime(target)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    made = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        with made.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        made.replace(target)
    except OSError:
        with contextlib.suppress(OSError):
            made.unlink(missing_ok=True)
        raise
