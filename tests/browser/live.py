"""The live process beside the served city, so that pages hold streams instead of asking in turns."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

from webgis.settings import Settings


@contextlib.contextmanager
def streaming(settings: Settings) -> Iterator[None]:
    """`webgis live` on this city, from when it listens until the context ends."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WEBGIS_")} | {
        "WEBGIS_DATABASE_URL": settings.database,
        "WEBGIS_REDIS_URL": settings.redis,
        "WEBGIS_VAR_DIR": str(settings.var_dir),
    }
    command = [sys.executable, "-c", "from webgis.cli import main; main()", "live"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
        process.stderr.readline()
        try:
            yield
        finally:
            process.terminate()
